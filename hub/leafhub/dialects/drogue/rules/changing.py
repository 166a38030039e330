"""What rules, and endpoints that rules ask, may change of an event, and what not.

Never who sent it, its id and its time: names that the hub gives a meaning are left as they are,
whoever wants them otherwise.
"""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from leafhub.dialects.cloudevents import RESERVED
from leafhub.dialects.drogue.rules.http_events import ForeignEvent
from leafhub.dialects.log_text import quoted
from leafhub.model.event import COMMAND_EVENT, Event

LONGEST_TEXT_BYTES: Final = 65_535
"""Of an attribute: as a user property of MQTT it cannot be longer (MQTT 5.0 §1.5.4)."""

_SCHEMA: Final = "dataschema"


class ChangeError(ValueError):
    """No event can be like that."""


def set_attribute(event: Event, name: str, value: str | None) -> Event:
    """Give one of four attributes a value, or take it away.

    Raises:
        ChangeError: Another attribute, or a value that it cannot have.
    """
    _check(name, value)
    match name:
        case "datacontenttype":
            return msgspec.structs.replace(event, datacontenttype=value or "")
        case "subject":
            return msgspec.structs.replace(event, channel=value or "")
        case "type":
            return msgspec.structs.replace(event, type=_checked_type(value))
        case "dataschema":
            return _with(event, name, _checked_uri(value))
        case _:
            raise ChangeError(f"{quoted(name)} is no attribute that a rule may set")


def set_extension(event: Event, name: str, value: str | None) -> Event:
    """Give an extension a value, or take it away; the hub's stay.

    Raises:
        ChangeError: No extension can be like that.
    """
    _check(name, value)
    return event if name in RESERVED else _with(event, name, value)


def set_data(event: Event, data: bytes, datacontenttype: str) -> Event:
    """Give it other data; what the device sent stays beside it.

    Raises:
        ChangeError: No content type can be like that.
    """
    _check("datacontenttype", datacontenttype)
    received = event.data if event.raw is None else event.raw
    return msgspec.structs.replace(
        event,
        data=data,
        datacontenttype=datacontenttype,
        raw=None if received == data else received,
    )


def replace(event: Event, foreign: ForeignEvent) -> Event:
    """Let it say what an endpoint's event says; an attribute that one has not, it has no more.

    Raises:
        ChangeError: No event can be like that.
    """
    _check("subject", foreign.subject)
    attributes: list[tuple[str, str]] = []
    for name, value in foreign.attributes:
        _check(name, value)
        if name == _SCHEMA or name not in RESERVED:
            attributes.append((name, value))
    return msgspec.structs.replace(
        set_data(event, foreign.data, foreign.datacontenttype),
        type=_checked_type(foreign.type),
        channel=foreign.subject,
        attributes=tuple(attributes),
    )


def _with(event: Event, name: str, value: str | None) -> Event:
    pairs = {known: text for known, text in event.attributes if known != name}
    if value is not None:
        pairs[name] = value
    return msgspec.structs.replace(event, attributes=tuple(pairs.items()))


def _check(name: str, value: str | None) -> None:
    """Refuse what subscribers could not be given."""
    for text in (name, value or ""):
        try:
            length = len(text.encode())
        except UnicodeEncodeError as exc:
            raise ChangeError(f"{quoted(name)} has a character that is none") from exc
        if "\0" in text or length > LONGEST_TEXT_BYTES:
            raise ChangeError(f"{quoted(name)} is longer than MQTT carries it, or has a NUL")
    if not name:
        raise ChangeError("an attribute needs a name")


def _checked_type(value: str | None) -> str:
    if not value:
        raise ChangeError("an event needs a type")
    if value == COMMAND_EVENT:
        raise ChangeError(f"only the hub makes events of type {COMMAND_EVENT}")
    _check("type", value)
    return value


def _checked_uri(value: str | None) -> str | None:
    try:
        has_scheme = value is None or bool(urlsplit(value).scheme)
    except ValueError:
        has_scheme = False
    if not has_scheme:
        raise ChangeError(f"dataschema {quoted(value or '')} is no absolute URI")
    return value
