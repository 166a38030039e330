"""How the exchange is, in one value."""

import msgspec

from leafhub.stores.base import StoreStatus


class ExchangeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the exchange is.

    Attributes:
        started_us: When it started, microseconds since the epoch.
        connections: Live MQTT sessions.
        messages_total: Events stored since the start, without connection and registry events.
        messages_per_second: Their mean over the last seconds.
        queue_bytes: What messages under way to clients, and those that wait for them, hold.
        messages_dropped: Messages to clients that were given up since the start.
        store: How the store is.
        trouble: What is wrong, a sentence each.
    """

    started_us: int
    connections: int
    messages_total: int
    messages_per_second: float
    queue_bytes: int
    messages_dropped: int
    store: StoreStatus
    trouble: tuple[str, ...]
