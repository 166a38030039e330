"""What the payload of a device is, and what of it goes into the event."""

from typing import Final

import msgspec

from leafhub.dialects.cloudevents import content_type_of, names_json

ENCODINGS: Final = frozenset({"utf-8", "utf-16", "utf-32"})
"""Of texts, that a device of Azure IoT may declare."""


class Content(msgspec.Struct, frozen=True, gc=False):
    """A payload that was looked at.

    Attributes:
        datacontenttype: Of ``data``.
        data: What the event says.
        raw: The payload where that is not ``data``.
    """

    datacontenttype: str
    data: bytes
    raw: bytes | None = None


def read_content(
    payload: bytes,
    content_type: str | None,
    encoding: str | None = None,
    *,
    keep_json_types: bool = False,
) -> Content | None:
    """See ``content_type_of``; ``None``: it is not what it is said to be.

    A text that is declared to be in another encoding than UTF-8 is put into that: nobody else
    learns of the declaration, and JSON is UTF-8.
    """
    data = payload if encoding is None else _in_utf_8(payload, content_type or "", encoding)
    found = content_type_of(content_type, data, keep_json_types=keep_json_types)
    if found is None:
        return None
    return Content(found, data, None if data is payload else payload)


def _in_utf_8(payload: bytes, content_type: str, encoding: str) -> bytes:
    """The payload itself where it is no text, or not in that encoding."""
    is_text = content_type.startswith("text/") or names_json(content_type)
    if encoding == "utf-8" or encoding not in ENCODINGS or not is_text:
        return payload
    try:
        return payload.decode(encoding).encode()
    except UnicodeError:
        return payload
