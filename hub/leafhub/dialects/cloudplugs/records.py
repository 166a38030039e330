"""CloudPlugs records: from topic and payload to values, and from values to payloads."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from leafhub.dialects.cloudplugs.company import NAME, Assumed
from leafhub.errors import PayloadError
from leafhub.model.command import CommandState, CommandUpdate
from leafhub.model.event import BYTES, JSON, Event
from leafhub.model.ids import OID
from leafhub.mqtt.session_state import OutgoingMessage

COMMANDS: Final = "command/"
ANSWERS: Final = "answer/"
LONGEST_CHANNEL: Final = 200  # bytes of UTF-8; of a mask too
REMEMBERED_CHANNELS: Final = 4096
"""Channels whose last hub-made time is remembered. An entry matters only until the clock has
passed it, so that many would have to be written within a millisecond to lose one too early."""

_DECIMAL = re.compile(r"([0-9]{1,20})(\.[0-9]*)?\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One published object, checked.

    Attributes:
        data: Its value, compact JSON.
        at_ms: When it was taken, milliseconds since the epoch; ``None``: the hub says.
        of: In whose name it is published; ``None``: as the topic says.
        raw: As it came.
    """

    data: bytes
    at_ms: int | None
    of: str | None
    raw: bytes


class _Body(msgspec.Struct, frozen=True):
    """A published object. Other members mean nothing; not even ``id``: stored history stays."""

    data: msgspec.Raw
    at: int | float | str | msgspec.UnsetType = msgspec.UNSET
    of: str | None = None
    ttl: int | float | msgspec.UnsetType = msgspec.UNSET
    expire_at: int | float | str | msgspec.UnsetType = msgspec.UNSET


class _Answer(msgspec.Struct, frozen=True):
    """A record's ``data`` on ``answer/<name>``."""

    to: str
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class HubTimes:
    """Times for records that bring none: now, but no two of a channel in the same millisecond."""

    def __init__(self) -> None:
        self._last_ms: dict[tuple[str, str, str], int] = {}  # the one used longest ago first

    def next_us(self, application: str, publisher: str, channel: str, now_us: int) -> int:
        """Now, or a millisecond after the last time given for that channel."""
        place = (application, publisher, channel)
        now_ms = now_us // 1000
        last_ms = self._last_ms.pop(place, -1)
        time_us = now_us if last_ms < now_ms else (last_ms + 1) * 1000
        self._last_ms[place] = time_us // 1000
        if len(self._last_ms) > REMEMBERED_CHANNELS:
            ahead = [item for item in self._last_ms.items() if item[1] >= now_ms]
            self._last_ms = dict(ahead[-REMEMBERED_CHANNELS // 2 :])
        return time_us


def is_channel(text: str) -> bool:
    """Whether ``text`` names a channel: levels, none empty, no wildcard, not too long."""
    return (
        len(text) <= LONGEST_CHANNEL
        and len(text.encode()) <= LONGEST_CHANNEL
        and all(text.split("/"))
        and "+" not in text
        and "#" not in text
    )


def split_topic(topic: str, own: str) -> tuple[str, str] | None:
    """Split a topic name or filter at ``data``: whose, and the channel or mask.

    Args:
        topic: ``PLUG_ID/data/CHANNEL``, ``/data/CHANNEL`` or ``data/CHANNEL``.
        own: Who is meant when the Plug-ID is left out.

    Returns:
        ``None`` for any other form.
    """
    if topic.startswith(("data/", "/data/")):
        return own, topic.split("data/", 1)[1]
    levels = topic.split("/", 2)
    if len(levels) == 3 and levels[1] == "data":
        return levels[0].lower(), levels[2]
    return None


def bodies(payload: bytes) -> Sequence[bytes]:
    """The objects in a payload: itself, or the elements of an array.

    Raises:
        PayloadError: Not UTF-8, or an array that is not JSON.
    """
    try:
        payload.decode()
        if not payload.lstrip(b" \t\r\n").startswith(b"["):
            return (payload,)
        return [bytes(e) for e in msgspec.json.decode(payload, type=list[msgspec.Raw])]
    except (ValueError, RecursionError) as exc:
        raise PayloadError(NAME, str(exc)) from exc


def read_record(body: bytes) -> Record:
    """Read one object.

    Raises:
        PayloadError: No JSON object, without ``data``, or a member is not what the vendor says.
    """
    try:
        read = msgspec.json.decode(body, type=_Body)
        data = compact(bytes(read.data))
    except (ValueError, RecursionError) as exc:
        raise PayloadError(NAME, str(exc)) from exc
    if not isinstance(read.ttl, msgspec.UnsetType) and read.ttl <= 0:
        raise PayloadError(NAME, "ttl is not above 0")
    if not isinstance(read.expire_at, msgspec.UnsetType):
        _milliseconds(read.expire_at, "expire_at")
    at_ms = None if isinstance(read.at, msgspec.UnsetType) else _milliseconds(read.at, "at")
    return Record(data=data, at_ms=at_ms, of=read.of and read.of.lower(), raw=body)


def compact(text: bytes) -> bytes:
    """JSON without blanks, its numbers as they were written.

    Raises:
        ValueError: Not JSON, or a number that no reader could take.
        RecursionError: Too deep.
    """
    msgspec.json.decode(text)
    return msgspec.json.format(text, indent=-1)


def _milliseconds(value: float | str, member: str) -> int:
    """Read a TIMESTAMP: milliseconds since the epoch, the same as text, or ISO 8601 (else UTC).

    Raises:
        PayloadError: It is none, or lies outside the years 1970 to 9999.
    """
    if not isinstance(value, str):
        at_ms = int(value)
    elif decimal := _DECIMAL.match(value):
        at_ms = int(decimal[1])
    else:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as exc:
            raise PayloadError(NAME, f"{member} is no time") from exc
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        at_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
    if not 0 <= at_ms <= Assumed.LATEST_MS:
        raise PayloadError(NAME, f"{member} is out of range")
    return at_ms


def answer_in(event: Event) -> CommandUpdate | None:
    """What a device's own record says about a command; ``None``: it is no answer."""
    if not event.channel.startswith(ANSWERS):
        return None
    try:
        answer = msgspec.json.decode(event.data, type=_Answer)
    except msgspec.ValidationError:
        return None
    command_id = answer.to.lower()
    if not OID.match(command_id):
        return None
    failed = not isinstance(answer.error, msgspec.UnsetType)
    return CommandUpdate(
        application=event.application,
        device=event.device,
        name=event.channel.removeprefix(ANSWERS),
        id=command_id,
        state=CommandState.FAILED if failed else CommandState.ANSWERED,
        answer=None if isinstance(answer.result, msgspec.UnsetType) else bytes(answer.result),
        error=None if isinstance(answer.error, msgspec.UnsetType) else _words(bytes(answer.error)),
    )


def _words(value: bytes) -> str:
    """A JSON string's text; any other value as it is written."""
    decoded = msgspec.json.decode(value)
    return decoded if isinstance(decoded, str) else value.decode()


def record_message(
    publisher: str, channel: str, *, record_id: str, data: bytes, time_us: int
) -> OutgoingMessage:
    """What subscribers get of a record."""
    return OutgoingMessage(
        topic_name=f"{publisher}/data/{channel}",
        payload=b'{"id":"%b","data":%b,"at":%d}' % (record_id.encode(), data, time_us // 1000),
    )


def json_of(event: Event) -> bytes:
    """An event's value as JSON; what is none becomes text, bytes base64."""
    if event.datacontenttype == JSON:
        return event.data
    if event.datacontenttype == BYTES:
        return msgspec.json.encode(event.data)
    return msgspec.json.encode(event.data.decode(errors="replace"))
