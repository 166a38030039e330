"""Events as CloudEvents 1.0, the way applications written for Drogue Cloud read them."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from leafhub.model.event import BYTES, JSON, Event
from leafhub.model.registry import RegistryView

STRUCTURED = "application/cloudevents+json; charset=utf-8"
DEEPEST_JSON = 127
"""Arrays and objects inside each other; what is deeper is no JSON, for Drogue Cloud and here."""

_INSTANCE = "drogue"  # the name every Drogue Cloud instance has unless its owner changed it
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes in the order of the structured mode; ``kind`` is the one of our own.

    The three uids are those of the registry now; one whose owner is gone is left out. What else an
    event has of attributes follows these.
    """

    specversion: str
    id: str
    type: str
    source: str
    datacontenttype: str | msgspec.UnsetType = msgspec.UNSET
    dataschema: str | msgspec.UnsetType = msgspec.UNSET
    subject: str
    time: str
    data: msgspec.Raw | str | msgspec.UnsetType = msgspec.UNSET
    data_base64: str | msgspec.UnsetType = msgspec.UNSET
    application: str
    applicationuid: str | msgspec.UnsetType = msgspec.UNSET
    device: str
    deviceuid: str | msgspec.UnsetType = msgspec.UNSET
    sender: str
    senderuid: str | msgspec.UnsetType = msgspec.UNSET
    instance: str
    partitionkey: str
    kind: str


RESERVED: Final = frozenset(CloudEvent.__struct_fields__)
"""Names that nobody else gives a meaning to: what they say, the hub has found out itself."""


def encode_structured(event: Event, registry: RegistryView) -> bytes:
    """Encode ``event`` in structured JSON; JSON data stands in it byte for byte."""
    encoded = _encoder.encode(_cloud_event(event, registry))
    if not event.attributes:
        return encoded
    further = {name: value for name, value in event.attributes if name not in RESERVED}
    return encoded[:-1] + b"," + _encoder.encode(further)[1:] if further else encoded


def encode_attributes(event: Event, registry: RegistryView) -> tuple[tuple[str, str], ...]:
    """Give the attributes for binary mode, where ``datacontenttype`` and data stand elsewhere.

    ``dataschema`` is left out, as Drogue Cloud does it.
    """
    cloud_event = _cloud_event(event, registry)
    found = ((name, getattr(cloud_event, name)) for name in _BINARY_ATTRIBUTES)
    own = tuple(
        (name, value.removesuffix("Z") + "+00:00" if name == "time" else value)
        for name, value in found
        if value is not msgspec.UNSET
    )
    return own + tuple(pair for pair in event.attributes if pair[0] not in RESERVED)


def content_type_of(
    declared: str | None, payload: bytes, *, keep_json_types: bool = False
) -> str | None:
    """Decide what a payload is: ``JSON``, the declared type, or ``BYTES``; ``None``: it lies.

    The declared type is compared as Drogue Cloud does it, by beginning and end and in its own
    case. JSON of any subtype becomes plain ``JSON``, unless ``keep_json_types``.

    No payload is declared a CloudEvent: in binary mode its reader would take it for one in
    structured mode, and all that it says of device, time and the like for the hub's word.
    """
    if not declared:
        return JSON if is_json(payload) else BYTES
    if not names_json(declared):
        return content_type_of(None, payload) if _is_envelope(declared) else declared
    if not is_json(payload):
        return None
    return declared if keep_json_types and not _is_envelope(declared) else JSON


def names_json(content_type: str) -> bool:
    """Whether a content type is called JSON, as Drogue Cloud tells it."""
    return content_type.startswith(("application/json", "text/json")) or content_type.endswith(
        "+json"
    )


def is_json(payload: bytes) -> bool:
    """Whether it is one JSON value (RFC 8259), not deeper than ``DEEPEST_JSON``."""
    try:
        value = _decoder.decode(payload)
    except (ValueError, RecursionError):  # msgspec's errors and bad UTF-8 are ValueErrors
        return False
    if len(payload) <= DEEPEST_JSON:
        return True
    if payload.count(b"[") + payload.count(b"{") <= DEEPEST_JSON:
        return True
    return _depth_within(value, DEEPEST_JSON)


def percent_encode(text: str) -> str:
    """Encode every byte of its UTF-8 but ASCII letters and digits."""
    return "".join(
        chr(byte) if byte < 0x80 and chr(byte).isalnum() else f"%{byte:02X}"
        for byte in text.encode()
    )


def _is_envelope(content_type: str) -> bool:
    return content_type.lstrip().lower().startswith("application/cloudevents")


def _depth_within(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        level = inner
    return not any(isinstance(one, dict | list) for one in level)


def _cloud_event(event: Event, registry: RegistryView) -> CloudEvent:
    application = registry.application(event.application)
    device = registry.device(event.application, event.device)
    sender = (
        device
        if event.sender == event.device
        else registry.device(event.application, event.sender)
    )
    data, data_base64 = _data(event)
    return CloudEvent(
        specversion="1.0",
        id=event.id,
        type=event.type,
        source=f"drogue://{event.application}/{percent_encode(event.device)}",
        datacontenttype=event.datacontenttype or msgspec.UNSET,
        dataschema=_schema(event),
        subject=event.channel,
        time=_timestamp(event.time_us),
        data=data,
        data_base64=data_base64,
        application=event.application,
        applicationuid=msgspec.UNSET if application is None else application.uid,
        device=event.device,
        deviceuid=msgspec.UNSET if device is None else device.uid,
        sender=event.sender,
        senderuid=msgspec.UNSET if sender is None else sender.uid,
        instance=_INSTANCE,
        partitionkey=f"{percent_encode(event.application)}/{percent_encode(event.sender)}",
        kind=event.kind.name.lower(),
    )


def _data(event: Event) -> tuple[msgspec.Raw | str | msgspec.UnsetType, str | msgspec.UnsetType]:
    """Choose between ``data`` and ``data_base64``; an empty payload is neither.

    What is called JSON, or by no name, is looked at again: it stands in the envelope as it is, and
    what is no value of its own could end the member and forge the next.
    """
    if not event.data:
        return msgspec.UNSET, msgspec.UNSET
    if names_json(event.datacontenttype or JSON) and is_json(event.data):
        return msgspec.Raw(event.data), msgspec.UNSET
    text = _text(event.data) if event.datacontenttype.startswith("text/plain") else None
    if text is not None:
        return text, msgspec.UNSET
    return msgspec.UNSET, base64.b64encode(event.data).decode()


def _schema(event: Event) -> str | msgspec.UnsetType:
    """The one further attribute with a place among the first."""
    if not event.attributes:
        return msgspec.UNSET
    return dict(event.attributes).get("dataschema", msgspec.UNSET)


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _timestamp(time_us: int) -> str:
    """Say it in RFC 3339 with 0, 3 or 6 fraction digits; its years end with 9999."""
    try:
        time = _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        time = _LATEST if time_us > 0 else _EARLIEST
    thousandths = "auto" if time.microsecond % 1000 else "milliseconds"
    digits = thousandths if time.microsecond else "seconds"
    return time.isoformat(timespec=digits).removesuffix("+00:00") + "Z"


_BINARY_ATTRIBUTES = tuple(
    name
    for name in CloudEvent.__struct_fields__
    if name not in {"datacontenttype", "dataschema", "data", "data_base64"}
)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
