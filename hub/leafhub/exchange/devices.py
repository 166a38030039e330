"""What is known of each device beyond its record: when it was heard of, its newest values."""

from collections.abc import Mapping

import msgspec

from leafhub.model.event import Event, Kind
from leafhub.stores.base import StoredEvent

LATEST_CHANNELS = 256
"""Channels per device whose newest value is in memory; who invents channels loses the one that had
none for longest."""
LATEST_BYTES = 1_048_576
"""What they may hold together, of each device: all its channels, with values of 4 KiB."""

_NOT_VALUES = frozenset({Kind.CONNECTION, Kind.REGISTRY, Kind.COMMAND})


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence for whether a device is there.

    Attributes:
        connections: How many it has open.
        addresses: Where they come from.
        seen_us: When it was last heard of, microseconds since the epoch; ``None``: never.
    """

    connections: int
    addresses: tuple[str, ...]
    seen_us: int | None


class _Latest:
    """The newest event of each channel of a device, the one that came longest ago first."""

    __slots__ = ("events", "held_bytes")

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.held_bytes = 0

    def put(self, event: Event) -> None:
        """Keep ``event`` in place of what its channel had; one that is too large not even then."""
        events, size_bytes = self.events, event.held_bytes
        before = events.pop(event.channel, None)
        if before is not None:
            self.held_bytes -= before.held_bytes
        if size_bytes > LATEST_BYTES:
            return
        events[event.channel] = event
        self.held_bytes += size_bytes
        while len(events) > LATEST_CHANNELS or self.held_bytes > LATEST_BYTES:
            self.held_bytes -= events.pop(next(iter(events))).held_bytes


class DeviceMemory:
    """Newest value of each channel, and last sign of life, of every device."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], _Latest] = {}
        self._seen_us: dict[tuple[str, str], int] = {}

    def learn(self, stored: StoredEvent, now_us: int) -> None:
        """Take in what the store had at the start; a device may have dated it into the future."""
        event = stored.event
        if event.kind is not Kind.REGISTRY:
            self.see(event.application, event.device, min(event.time_us, now_us))
        self.note(event)

    def see(self, application: str, device: str, time_us: int) -> None:
        """The device gave a sign of life."""
        place = (application, device)
        self._seen_us[place] = max(time_us, self._seen_us.get(place, 0))

    def note(self, event: Event) -> None:
        """Keep ``event`` if it is the newest of its channel by its own time."""
        if event.kind in _NOT_VALUES:
            return
        place = (event.application, event.device)
        latest = self._latest.get(place)
        if latest is None:
            latest = self._latest[place] = _Latest()
        known = latest.events.get(event.channel)
        if known is None or known.time_us <= event.time_us:
            latest.put(event)

    def latest(self, application: str, device: str) -> Mapping[str, Event]:
        """The newest event of each channel."""
        latest = self._latest.get((application, device))
        return {} if latest is None else latest.events

    def seen_us(self, application: str, device: str) -> int | None:
        """When it was last heard of."""
        return self._seen_us.get((application, device))

    def forget(self, application: str, device: str) -> None:
        """The device was deleted."""
        self._latest.pop((application, device), None)
        self._seen_us.pop((application, device), None)
