"""What a payload is that no dialect declares anything about."""

from leafhub.dialects.cloudevents import is_json
from leafhub.model.event import BYTES, JSON, TEXT


def media_type_of(payload: bytes) -> str:
    """Tell ``JSON``, ``TEXT`` (any other UTF-8, the empty payload too) and ``BYTES`` apart."""
    if is_json(payload):
        return JSON
    try:
        payload.decode()
    except UnicodeDecodeError:
        return BYTES
    return TEXT
