"""Events in HTTP messages: CloudEvents 1.0, HTTP protocol binding, both modes.

Requests are as Drogue Cloud's: header values stand as they are where they are printable ASCII.
What is not is percent-encoded, and ``%`` itself, as the binding says (3.1.3.2); answers are read
accordingly.
"""

import base64
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from leafhub.dialects.cloudevents import (
    STRUCTURED,
    encode_attributes,
    encode_structured,
    names_json,
)
from leafhub.dialects.drogue.rules.endpoint import Headers
from leafhub.dialects.drogue.rules.grammar import Mode
from leafhub.dialects.inquiry import Answer
from leafhub.model.event import JSON, Event
from leafhub.model.registry import RegistryView

_PREFIX: Final = "ce-"
_STRUCTURED_TYPE: Final = "application/cloudevents+json"
_VERSION: Final = "1.0"


class ForeignEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint gave back.

    Attributes:
        type: What it is about.
        subject: Empty where it has none.
        data: Its data.
        datacontenttype: What the data is; empty: it does not say.
        attributes: All others, whoever may set them.
    """

    type: str
    subject: str
    data: bytes
    datacontenttype: str
    attributes: tuple[tuple[str, str], ...]


class NoEventError(ValueError):
    """An answer that is not the event it should be."""


def write_event(event: Event, mode: Mode, registry: RegistryView) -> tuple[Headers, bytes]:
    """Give headers and body of a request that brings an event."""
    if mode == "structured":
        return (("Content-Type", STRUCTURED),), encode_structured(event, registry)
    content_type = (event.datacontenttype,) if event.datacontenttype else ()
    schema = [pair for pair in event.attributes if pair[0] == "dataschema"]
    headers = [("Content-Type", one) for one in content_type]
    headers += [
        (_PREFIX + name, _percent_encode(value))
        for name, value in (*encode_attributes(event, registry), *schema)
        if _is_token(name)
    ]
    return tuple(headers), event.data


def read_event(answer: Answer, *, believe: bool = False) -> ForeignEvent:
    """Read the event that an endpoint gave back, in either mode.

    Args:
        answer: Its answer.
        believe: Whether the body is a structured event whatever its content type.

    Raises:
        NoEventError: It is no event.
    """
    content_type = answer.header("content-type") or ""
    if believe or content_type.startswith(_STRUCTURED_TYPE):
        return _read_structured(answer.body)
    attributes = {
        name.removeprefix(_PREFIX): unquote(value)
        for name, value in answer.headers
        if name.startswith(_PREFIX)
    }
    return _foreign(attributes, content_type, answer.body)


def _read_structured(body: bytes) -> ForeignEvent:
    try:
        members: dict[str, Any] = _decoder.decode(body)
        declared = members.pop("datacontenttype", None)
        content_type = JSON if declared is None else _text("datacontenttype", declared)
        data = _data_of(body, members, content_type)
    except (ValueError, RecursionError) as exc:  # msgspec's errors and base64's are ValueErrors
        raise NoEventError(f"its answer is no CloudEvent: {exc}") from exc
    attributes = {name: _text(name, value) for name, value in members.items() if value is not None}
    return _foreign(attributes, content_type, data)


def _foreign(attributes: dict[str, str], content_type: str, data: bytes) -> ForeignEvent:
    if attributes.get("specversion") != _VERSION or not attributes.get("type"):
        raise NoEventError("its answer is no CloudEvent 1.0: specversion or type is missing")
    return ForeignEvent(
        type=attributes.pop("type"),
        subject=attributes.pop("subject", ""),
        data=data,
        datacontenttype=content_type,
        attributes=tuple(attributes.items()),
    )


def _data_of(body: bytes, members: dict[str, Any], content_type: str) -> bytes:
    """Take the data out: JSON byte for byte, a text's bytes where the content type is not JSON."""
    encoded = members.pop("data_base64", None)
    data = members.pop("data", msgspec.UNSET)
    if encoded is not None:
        return base64.b64decode(_text("data_base64", encoded), validate=True)
    if data is msgspec.UNSET:
        return b""
    if isinstance(data, str) and not names_json(content_type):
        return data.encode()
    return bytes(_data_decoder.decode(body).data)


def _text(name: str, value: Any) -> str:
    """An attribute as text: the binding has truth values and integers beside texts."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            raise NoEventError(f"its answer is no CloudEvent: {name[:64]!r} is no text")


def _percent_encode(text: str) -> str:
    return "".join(
        char if " " <= char <= "~" and char != "%" else "".join(f"%{b:02X}" for b in char.encode())
        for char in text
    )


def _is_token(name: str) -> bool:
    """Whether a name can stand in a header's (RFC 9110 §5.6.2)."""
    return name.isascii() and all(char.isalnum() or char in "!#$%&'*+-.^_`|~" for char in name)


class _WithData(msgspec.Struct, frozen=True):
    data: msgspec.Raw


_decoder = msgspec.json.Decoder(dict[str, Any])
_data_decoder = msgspec.json.Decoder(_WithData)
