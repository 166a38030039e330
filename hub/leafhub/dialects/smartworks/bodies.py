"""The JSON bodies of SmartWorks: times, links to requests, and what the hub sends to a thing."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from leafhub.dialects.smartworks.thing import Assumed
from leafhub.errors import PayloadError
from leafhub.model.command import Command
from leafhub.model.ids import ULID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_object(payload: bytes) -> dict[str, msgspec.Raw]:
    """Read a body: one JSON object, its members still encoded.

    Raises:
        PayloadError: It is none.
    """
    members: dict[str, msgspec.Raw] = read_json(payload, dict[str, msgspec.Raw])
    return members


def read_json(encoded: bytes | msgspec.Raw, shape: Any = Any) -> Any:
    """Read JSON of a shape that msgspec knows.

    Raises:
        PayloadError: It is no JSON, or has another shape.
    """
    try:
        return msgspec.json.decode(encoded, type=shape)
    except (ValueError, RecursionError) as exc:  # bad UTF-8 and deep nesting are input too
        raise PayloadError("", f"not the JSON it should be: {exc}") from exc


def compact(encoded: bytes | msgspec.Raw) -> bytes:
    """Take the blanks out: boards have receive buffers of 512 bytes.

    Raises:
        PayloadError: It is no JSON.
    """
    return msgspec.json.encode(read_json(encoded))


def href(thing_id: str, kind: str, name: str, instance_id: str) -> str:
    """Name one request or event of a thing."""
    return f"/things/{thing_id}/{kind}/{quote(name, safe='')}/{instance_id}"


def request_id(href: str | None, thing_id: str, action: str) -> str | None:
    """Take the request's id off an ``href``; thing and action in it must agree, if they are there.

    Raises:
        PayloadError: It is of another thing or action, or ends in no ULID.
    """
    if href is None:
        return None
    levels = [unquote(level) for level in href.rstrip("/").split("/")]
    if not ULID.match(levels[-1]):
        raise PayloadError("", "its href ends in no request id")
    if "things" in levels:
        named = levels[levels.index("things") + 1 : -1]
        if named != [thing_id, "actions", action]:
            raise PayloadError("", "its href is of another thing or action")
    return levels[-1]


def timestamp(time_us: int) -> str:
    """Say it in the one form that the vendor's clients parse: UTC, whole seconds, Z."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time_us(value: Any) -> int | None:
    """Read a time as microseconds since the epoch; ``None``: it is none.

    RFC 3339 with any offset, ``YYYY-MM-DD HH:MM:SS+0000``, or a number of seconds or milliseconds.
    """
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if value > Assumed.milliseconds_above else value
            time = datetime.fromtimestamp(seconds, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    if time.tzinfo is None or time < _EPOCH:
        return None
    return (time - _EPOCH) // timedelta(microseconds=1)


def request_body(command: Command) -> bytes:
    """Write a command as a new action request."""
    request: dict[str, Any] = {"input": msgspec.Raw(command.data)} if command.data else {}
    request |= {
        "href": href(command.device, "actions", command.name, command.id),
        "timeRequested": timestamp(command.created_us),
        "status": "pending",
    }
    return msgspec.json.encode({command.name: request})


def property_body(command: Command) -> bytes:
    """Write a command as a property set."""
    return msgspec.json.encode({command.name: msgspec.Raw(command.data)})
