"""How the exchange is, in one value."""

from typing import Final

import msgspec

from leafhub.exchange.event_delivery import EventDelivery
from leafhub.exchange.retained import RetainedMessages
from leafhub.exchange.sessions import Sessions
from leafhub.stores.base import Store, StoreStatus

SHORT_MESSAGE_BYTES: Final = 1_024
"""A queue budget without room for so much drops most of what comes."""


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


def status_of(
    started_us: int,
    store: Store,
    sessions: Sessions,
    retained: RetainedMessages,
    event_delivery: EventDelivery,
) -> ExchangeStatus:
    """How it is now."""
    store_status = store.status()
    trouble = [] if store_status.trouble is None else [store_status.trouble]
    if retained.is_full:
        trouble.append(f"no more messages are retained: {retained.cure}")
    if not sessions.budget.has_room(SHORT_MESSAGE_BYTES):
        trouble.append(
            "messages for slow and absent clients are dropped: those that wait take all of"
            " maximum_queue_bytes in [sessions]"
        )
    return ExchangeStatus(
        started_us=started_us,
        connections=len(sessions),
        messages_total=event_delivery.messages_total,
        messages_per_second=event_delivery.messages_per_second(),
        queue_bytes=sessions.budget.used_bytes,
        messages_dropped=sessions.budget.dropped,
        store=store_status,
        trouble=tuple(trouble),
    )
