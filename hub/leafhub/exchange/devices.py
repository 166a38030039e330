"""What is known of each device beyond its record: when it was heard of, its newest values."""

from collections.abc import Mapping

import msgspec

from leafhub.model.event import Event, Kind
from leafhub.stores.base import StoredEvent

LATEST_CHANNELS = 256
"""Channels per device whose newest value is in memory; who invents channels loses the one that had
none for longest."""

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


class DeviceMemory:
    """Newest value of each channel, and last sign of life, of every device."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], dict[str, Event]] = {}
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
        channels = self._latest.setdefault((event.application, event.device), {})
        known = channels.get(event.channel)
        if known is not None and known.time_us > event.time_us:
            return
        if known is not None:
            del channels[event.channel]  # it goes to the end: the first is the first to be lost
        elif len(channels) == LATEST_CHANNELS:
            del channels[next(iter(channels))]
        channels[event.channel] = event

    def latest(self, application: str, device: str) -> Mapping[str, Event]:
        """The newest event of each channel."""
        return self._latest.get((application, device), {})

    def seen_us(self, application: str, device: str) -> int | None:
        """When it was last heard of."""
        return self._seen_us.get((application, device))

    def forget(self, application: str, device: str) -> None:
        """The device was deleted."""
        self._latest.pop((application, device), None)
        self._seen_us.pop((application, device), None)
