"""What an operator permits whatever a policy does: ceilings for each client, and for all together.

A policy says how a dialect behaves, limits say what this machine bears; ``Policy.within`` gives
the stricter of both.
"""

from typing import Final

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False, cache_hash=True):
    """Ceilings for one client; each cuts down the field of that name in ``Policy``.

    Attributes:
        maximum_packet_bytes: Longest packet taken, fixed header included. No vendor documents a
            longer one than 8 MiB.
        receive_maximum: QoS 1 and 2 messages of the client that wait for their acknowledgement,
            1..65_535; it holds 5.0 clients of policies that announce their limits.
        outgoing_window: QoS 1 and 2 messages under way to the client at once, 1..65_535. 64 hide a
            round trip of a second at the rate a board reads.
        outgoing_queue: Messages that wait behind the window or for an absent client.
        outgoing_queue_bytes: What those under way and those that wait may hold together; a single
            one always may. What all clients hold together is for ``QueueBudget`` to bound.
        maximum_subscriptions: Topic filters of one session; a board needs a handful.
        maximum_topic_levels: Levels of a topic name or topic filter. Each level of a filter takes
            memory of its own, and no vendor documents more than ten.
    """

    maximum_packet_bytes: int = 8_388_608
    receive_maximum: int = 1_000
    outgoing_window: int = 64
    outgoing_queue: int = 1_000
    outgoing_queue_bytes: int = 2_097_152
    maximum_subscriptions: int = 1_000
    maximum_topic_levels: int = 128


DEFAULTS: Final = Limits()
"""What holds where nobody configured anything else."""


class QueueBudget:
    """Bytes that messages to all clients, under way and waiting, may hold together.

    One object is shared by every ``SessionState``; each counts in what it holds, and out whatever
    way it goes.

    Args:
        maximum_bytes: Where it ends; None is no limit.

    Attributes:
        used_bytes: What is held now.
        dropped: How many messages to all of them were given up until now.
    """

    __slots__ = ("dropped", "maximum_bytes", "used_bytes")

    def __init__(self, maximum_bytes: int | None = None) -> None:
        self.maximum_bytes = maximum_bytes
        self.used_bytes = 0
        self.dropped = 0

    def has_room(self, count: int) -> bool:
        """Whether ``count`` bytes more fit in."""
        return self.maximum_bytes is None or self.used_bytes + count <= self.maximum_bytes
