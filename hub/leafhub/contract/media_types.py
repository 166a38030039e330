"""Which values stand as JSON in the operator API, by their media type."""

from typing import Final

_JSON: Final = "application/json"


def is_json(media_type: str) -> bool:
    """Whether a value of that type is JSON (RFC 6839 §3.1); parameters do not count."""
    essence = _essence(media_type)
    return essence == _JSON or essence.endswith("+json")


def is_text(media_type: str) -> bool:
    """Whether it is text, which stands there as a string."""
    return _essence(media_type).startswith("text/")


def _essence(media_type: str) -> str:
    return media_type.split(";", 1)[0].strip().lower()
