"""What the dashboard knows: changes in, a picture of the fleet out; no I/O, time is passed in."""

import base64
import binascii
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from leafhub.contract import media_types
from leafhub.contract.live_feed import CONNECTION_EVENT, FeedEvent
from leafhub.contract.operator_api import (
    CommandRecord,
    DeviceDetail,
    DeviceState,
    DeviceSummary,
    EventRecord,
    HubStatus,
    Value,
)
from leafhub_tui import words
from leafhub_tui.series import Rate, Series, leaves, number

LOG_ENTRIES = 200  # per device; more is in the store, a page away
RECENT_ENTRIES = 200  # of the whole fleet
COMMANDS_KEPT = 20  # per device
SERIES_PER_DEVICE = 64
COMPLAINT_SHOWN_US = 60_000_000
MESSAGE_KINDS = frozenset({"reading", "occurrence", "data", "answer"})
CHARTED_KINDS = frozenset({"reading", "occurrence", "data"})

Key = tuple[str, str]  # application, device id
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = ("queued", "sent", "acknowledged", "answered", "delivered", "failed", "expired")


class LinkState(enum.Enum):
    """Whether the hub answers."""

    CONNECTING = "connecting"
    UP = "connected"
    DOWN = "disconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The way to the hub.

    Attributes:
        state: Whether it answers.
        reason: Why not, a clause like ``the hub does not answer``.
        retry_us: When it is tried again.
        since_us: When this state began.
    """

    state: LinkState
    reason: str = ""
    retry_us: int | None = None
    since_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp:
    """The hub answers and the live feed runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """The hub is away; ``reason`` and ``retry_us`` as in ``Link``."""

    reason: str
    retry_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTaken:
    """How the hub is."""

    status: HubStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTaken:
    """Every device there is, as asked for at ``asked_us``."""

    devices: list[DeviceSummary]
    asked_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHeard:
    """One message of the live feed."""

    event: FeedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMoved:
    """A command went a step."""

    command: CommandRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailTaken:
    """One device's page."""

    detail: DeviceDetail


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTaken:
    """Stored messages, in any order."""

    events: list[EventRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Something the hub sent makes no sense."""

    text: str


Change = (
    LinkUp
    | LinkDown
    | StatusTaken
    | FleetTaken
    | EventHeard
    | CommandMoved
    | DetailTaken
    | HistoryTaken
    | Complaint
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One message, for reading.

    Attributes:
        key: Unique: sender and CloudEvents ``id``.
        device: The device it is about.
        time_us: When it happened.
        channel: CloudEvents ``subject``.
        kind: As in ``EventRecord``.
        sender: The device that sent it.
        datacontenttype: Media type.
        data: What it means, JSON; of what is neither JSON nor text, how long it is.
        topic: The topic it came in on; ``None`` until it was read from the store.
        raw: The payload as it came, where it is known to differ from ``data``.
    """

    key: tuple[str, str]
    device: Key
    time_us: int
    channel: str
    kind: str
    sender: str
    datacontenttype: str
    data: bytes
    topic: str | None = None
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar of a channel's newest value."""

    value: object
    time_us: int
    channel: str


@dataclass(slots=True, kw_only=True)
class LifeLine:
    """A command and when it entered each state, as far as it was seen."""

    command: CommandRecord
    steps: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Device:
    """All that is known of one device."""

    summary: DeviceSummary
    state: DeviceState
    seen_us: int | None
    rate: Rate
    state_heard_us: int = 0  # when the feed last told ``state``
    latest: tuple[str, int, bytes] | None = None  # channel, time_us, JSON
    latest_path: str | None = None  # first numeric path of the newest reading
    values: dict[str, dict[str, Leaf]] = field(default_factory=dict)  # channel -> path -> leaf
    series: dict[str, Series] = field(default_factory=dict)  # by path
    log: dict[tuple[str, str], LogEntry] = field(default_factory=dict)  # oldest first
    commands: dict[str, LifeLine] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    known_commands: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.summary.application, self.summary.id

    def leaf(self, path: str) -> Leaf | None:
        """Return the newest value of ``path``."""
        return next((found[path] for found in self.values.values() if path in found), None)

    def recent(self, path: str | None, count: int) -> list[float]:
        """Return the last ``count`` numbers of ``path``, oldest first."""
        series = self.series.get(path) if path else None
        return series.newest(count) if series else []


class FleetState:
    """The picture that every screen draws; ``apply`` is the only way in.

    ``revision`` grows with every change: a screen that drew it need not look again.
    """

    def __init__(self) -> None:
        self.link = Link(state=LinkState.CONNECTING)
        self.status: HubStatus | None = None
        self.devices: dict[Key, Device] = {}
        self.recent: dict[tuple[str, str], LogEntry] = {}  # of the whole fleet, oldest first
        self.loaded = False
        self.complaint: tuple[str, int] | None = None
        self.revision = 0

    @property
    def online(self) -> int:
        """How many devices are connected."""
        return sum(device.state == "online" for device in self.devices.values())

    def name_of(self, key: Key) -> str:
        """Return what people call a device; its id while its record is not here."""
        device = self.devices.get(key)
        return key[1] if device is None else device.summary.name

    def troubles(self, now_us: int) -> list[str]:
        """Say what is wrong, a sentence each."""
        found = list(self.status.trouble) if self.status else []
        if self.complaint and now_us - self.complaint[1] < COMPLAINT_SHOWN_US:
            found.append(self.complaint[0])
        return found

    def apply(self, change: Change, now_us: int) -> None:
        """Take one change in."""
        self.revision += 1
        match change:
            case LinkUp():
                self.link = Link(state=LinkState.UP, since_us=now_us)
            case LinkDown(reason=reason, retry_us=retry_us):
                since_us = self.link.since_us if self.link.state is LinkState.DOWN else now_us
                self.link = Link(
                    state=LinkState.DOWN, reason=reason, retry_us=retry_us, since_us=since_us
                )
            case StatusTaken(status=status):
                self.status = status
            case FleetTaken(devices=devices, asked_us=asked_us):
                self._take_fleet(devices, asked_us, now_us)
            case EventHeard(event=event):
                self._hear(event, now_us)
            case CommandMoved(command=command):
                self._move(command)
            case DetailTaken(detail=detail):
                self._take_detail(detail, now_us)
            case HistoryTaken(events=events):
                self._take_history(events)
            case Complaint(text=text):
                self.complaint = text, now_us

    def _take_fleet(self, summaries: list[DeviceSummary], asked_us: int, now_us: int) -> None:
        self.loaded = True
        known, self.devices = self.devices, {}
        for summary in summaries:
            key = summary.application, summary.id
            self.devices[key] = self._take_summary(known.get(key), summary, asked_us, now_us)

    @staticmethod
    def _take_summary(
        device: Device | None, summary: DeviceSummary, asked_us: int, now_us: int
    ) -> Device:
        if device is None:
            device = Device(
                summary=summary, state=summary.state, seen_us=summary.seen_us, rate=Rate(now_us)
            )
        device.summary = summary
        if device.state_heard_us <= asked_us:  # else the feed knows better than this answer
            device.state = summary.state
        device.seen_us = max(summary.seen_us or 0, device.seen_us or 0) or None
        if summary.latest is not None:
            value = summary.latest
            _take_value(device, value.channel, value.time_us, _meaning(value), reading=True)
        return device

    def _take_detail(self, detail: DeviceDetail, now_us: int) -> None:
        key = detail.summary.application, detail.summary.id
        device = self._take_summary(self.devices.get(key), detail.summary, now_us, now_us)
        self.devices[key] = device
        device.addresses = detail.addresses
        device.known_commands = detail.commands
        for value in detail.values:
            _take_value(device, value.channel, value.time_us, _meaning(value), reading=False)

    def _hear(self, event: FeedEvent, now_us: int) -> None:
        entry = _entry_of_feed(event)
        _remember(self.recent, [entry], RECENT_ENTRIES)
        device = self.devices.get(entry.device)
        if device is None:  # its record comes with the next ``FleetTaken``
            return
        news = entry.key not in device.log
        _remember(device.log, [entry], LOG_ENTRIES)
        if event.type == CONNECTION_EVENT:
            said = words.decode(entry.data)
            connected = isinstance(said, dict) and said.get("connected") is True
            device.state = "online" if connected else "offline"
            device.state_heard_us = now_us
            device.seen_us = now_us
        elif entry.kind in MESSAGE_KINDS:
            device.seen_us = now_us
            if news:
                device.rate.add(now_us)
            _chart(device, [entry])

    def _take_history(self, events: list[EventRecord]) -> None:
        by_device: dict[Key, list[LogEntry]] = {}
        for event in events:
            by_device.setdefault((event.application, event.device), []).append(
                _entry_of_record(event)
            )
        for key, entries in by_device.items():
            device = self.devices.get(key)
            if device is not None:
                _remember(device.log, entries, LOG_ENTRIES)
                _chart(device, entries)
        _remember(self.recent, [e for found in by_device.values() for e in found], RECENT_ENTRIES)

    def _move(self, command: CommandRecord) -> None:
        device = self.devices.get((command.application, command.device))
        if device is None:
            return
        line = device.commands.get(command.id)
        if line is None:
            line = LifeLine(command=command, steps={"queued": command.created_us})
            device.commands[command.id] = line
            if len(device.commands) > COMMANDS_KEPT:
                by_age = sorted(device.commands.values(), key=lambda kept: kept.command.created_us)
                del device.commands[by_age[0].command.id]
        line.steps[command.state] = command.updated_us
        # the answer to a POST may arrive after the feed told more: a life line only moves forward
        if _STEPS.index(command.state) >= _STEPS.index(line.command.state):
            line.command = command


def _take_value(device: Device, channel: str, time_us: int, data: bytes, *, reading: bool) -> None:
    old = device.values.get(channel)
    if old and next(iter(old.values())).time_us > time_us:
        return
    found = {path: Leaf(v, time_us, channel) for path, v in leaves(channel, words.decode(data))}
    device.values[channel] = found
    if reading and (device.latest is None or device.latest[1] <= time_us):
        device.latest = channel, time_us, data
        numeric = (path for path, leaf in found.items() if number(leaf.value) is not None)
        device.latest_path = next(numeric, None)


def _chart(device: Device, entries: Iterable[LogEntry]) -> None:
    points: dict[str, list[tuple[int, float]]] = {}
    for entry in sorted(entries, key=lambda e: e.time_us):
        if entry.kind not in CHARTED_KINDS:
            continue
        for path, value in leaves(entry.channel, words.decode(entry.data)):
            if (y := number(value)) is not None:
                points.setdefault(path, []).append((entry.time_us, y))
        _take_value(
            device, entry.channel, entry.time_us, entry.data, reading=entry.kind == "reading"
        )
    for path, found in points.items():
        series = device.series.get(path)
        if series is None:
            if len(device.series) >= SERIES_PER_DEVICE:
                continue
            series = device.series[path] = Series()
        series.add(found)


def _remember(log: dict[tuple[str, str], LogEntry], entries: list[LogEntry], bound: int) -> None:
    """Put ``entries`` where their time says; keep the newest ``bound``, of doubles the fuller."""
    newest_us = next(reversed(log.values())).time_us if log else None
    in_order = True
    for entry in entries:
        old = log.get(entry.key)
        if old is not None:
            log[entry.key] = entry if old.topic is None else old
            continue
        in_order = in_order and (newest_us is None or entry.time_us >= newest_us)
        newest_us = entry.time_us
        log[entry.key] = entry
    if not in_order:
        kept = sorted(log.items(), key=lambda item: (item[1].time_us, item[0]))
        log.clear()
        log.update(kept)
    while len(log) > bound:
        del log[next(iter(log))]


def _entry_of_feed(event: FeedEvent) -> LogEntry:
    moment = event.time if event.time.tzinfo else event.time.replace(tzinfo=UTC)
    if event.data is msgspec.UNSET:
        raw = _from_base64(event.data_base64 or "")
        data = _length(raw)
    else:
        data, raw = bytes(event.data), None
    return LogEntry(
        key=(event.sender or event.device, event.id),
        device=(event.application, event.device),
        time_us=(moment - _EPOCH) // timedelta(microseconds=1),
        channel=event.subject,
        kind=event.kind,
        sender=event.sender or event.device,
        datacontenttype=event.datacontenttype,
        data=data,
        raw=raw,
    )


def _entry_of_record(event: EventRecord) -> LogEntry:
    return LogEntry(
        key=(event.sender or event.device, event.id),
        device=(event.application, event.device),
        time_us=event.time_us,
        channel=event.channel,
        kind=event.kind,
        sender=event.sender or event.device,
        datacontenttype=event.datacontenttype,
        data=_meaning(event),
        topic=event.topic,
        raw=_payload(event) if event.raw_base64 is None else _from_base64(event.raw_base64),
    )


def _meaning(value: Value | EventRecord) -> bytes:
    """What to show of a value, JSON: of what is neither JSON nor text, how long it is.

    The API gives such a value in base64, which would look like a text that somebody sent.
    """
    if media_types.is_json(value.datacontenttype) or media_types.is_text(value.datacontenttype):
        return bytes(value.data)
    return _length(_payload(value))


def _payload(value: Value | EventRecord) -> bytes:
    """The value itself, out of the JSON that the API makes of it."""
    said = words.decode(bytes(value.data))
    if media_types.is_json(value.datacontenttype) or not isinstance(said, str):
        return bytes(value.data)
    return said.encode() if media_types.is_text(value.datacontenttype) else _from_base64(said)


def _length(payload: bytes) -> bytes:
    return msgspec.json.encode(words.size(len(payload)) if payload else "")


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # shown as it is: better than not shown
        return text.encode(errors="replace")
