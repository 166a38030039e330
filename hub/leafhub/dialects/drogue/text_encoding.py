"""Texts that are not in UTF-8, as devices of Azure IoT may send and declare them (``$.ce``)."""

from typing import Final

from leafhub.dialects.cloudevents import names_json

ENCODINGS: Final = frozenset({"utf-8", "utf-16", "utf-32"})
"""Those that Azure IoT Hub reads."""


def in_utf_8(payload: bytes, content_type: str, encoding: str) -> bytes:
    """A text in UTF-8; the payload itself where it is none, or not in ``encoding`` after all.

    ``encoding`` is one of ``ENCODINGS``. Nobody behind the hub learns of the declaration, and JSON
    is UTF-8.
    """
    is_text = content_type.startswith("text/") or names_json(content_type)
    if encoding == "utf-8" or not is_text:
        return payload
    try:
        return payload.decode(encoding).encode()
    except UnicodeError:
        return payload
