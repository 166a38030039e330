"""What an operator permits whatever a policy does: ceilings for each client, and for all together.

A policy says how a dialect behaves, limits say what this machine bears; ``Policy.within`` gives
the stricter of both.
"""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False, cache_hash=True):
    """Ceilings for one client; each cuts down the field of that name in ``Policy``.

    Attributes:
        maximum_packet_bytes: Longest packet taken, fixed header included; None cuts nothing, here
            and below.
        receive_maximum: QoS 1 and 2 messages of the client that wait for their acknowledgement; it
            holds 5.0 clients of policies that announce their limits.
        outgoing_window: QoS 1 and 2 messages under way to the client at once.
        outgoing_queue: Messages that wait behind the window or for an absent client.
        outgoing_queue_bytes: What those under way and those that wait may hold together.
        maximum_subscriptions: Topic filters of one session.
        maximum_topic_levels: Levels of a topic name or topic filter.
    """

    maximum_packet_bytes: int | None = None
    receive_maximum: int | None = None
    outgoing_window: int | None = None
    outgoing_queue: int | None = None
    outgoing_queue_bytes: int | None = None
    maximum_subscriptions: int | None = None
    maximum_topic_levels: int | None = None


NO_LIMITS = Limits()
"""The policy alone decides."""


class QueueBudget:
    """Bytes that messages to all clients, under way and waiting, may hold together.

    One object is shared by every ``SessionState``; each counts in what it holds, and out whatever
    way it goes.

    Args:
        maximum_bytes: Where it ends; None is no limit.

    Attributes:
        used_bytes: What is held now.
    """

    __slots__ = ("maximum_bytes", "used_bytes")

    def __init__(self, maximum_bytes: int | None = None) -> None:
        self.maximum_bytes = maximum_bytes
        self.used_bytes = 0

    def has_room(self, count: int) -> bool:
        """Whether ``count`` bytes more fit in."""
        return self.maximum_bytes is None or self.used_bytes + count <= self.maximum_bytes
