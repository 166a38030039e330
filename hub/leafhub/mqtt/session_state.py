"""What an MQTT session remembers from one network connection to the next (MQTT 5.0 §4.1)."""

import math
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Final

import msgspec

from leafhub.mqtt.limits import QueueBudget
from leafhub.mqtt.outgoing_message import OutgoingMessage, SendResult
from leafhub.mqtt.policy import STANDARD_WITHIN_DEFAULTS, Policy

__all__ = [
    "NEVER_EXPIRES",
    "Backlog",
    "InFlight",
    "IncomingStage",
    "OutgoingMessage",
    "OutgoingStage",
    "SendResult",
    "SessionState",
    "Subscription",
]

NEVER_EXPIRES: Final = 0xFFFFFFFF
"""Session Expiry Interval of a session that stays until taken down (§3.1.2.11.2)."""


class Subscription(msgspec.Struct, frozen=True, gc=False):
    """One granted subscription; ``qos`` is what was granted, ``note`` the granting layer's own."""

    topic_filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    subscription_identifier: int | None = None
    note: str = ""


Backlog = Iterator[OutgoingMessage | None]
"""Messages looked up one by one; None where nothing was found for a while: others come first."""


class OutgoingStage(Enum):
    """Which packet of the client ends, or carries on, a delivery (§4.3)."""

    AWAITING_PUBACK = "awaiting PUBACK"
    AWAITING_PUBREC = "awaiting PUBREC"
    AWAITING_PUBCOMP = "awaiting PUBCOMP"


class IncomingStage(Enum):
    """How far a QoS 2 message from the client is."""

    UNDECIDED = "undecided"
    """Handed up; the layer above has not acknowledged it yet."""
    RECEIVED = "received"
    """PUBREC was due; the id is taken until PUBREL."""


class InFlight(msgspec.Struct, frozen=True):
    """A message under way to the client under a packet id, and what is waited for."""

    message: OutgoingMessage
    stage: OutgoingStage
    held_bytes: int


class SessionState:
    """The state of one MQTT session, over as many connections as it lives.

    Args:
        key: Name of the session for the layer above; None for one that nobody comes back to.
        policy: Rules for the time before the first connection has brought its own.
        budget: What the messages of all sessions may hold; None is no limit.

    Attributes:
        subscriptions: By topic filter.
        in_flight: QoS 1 and 2 messages to the client by packet id, oldest first; at most
            ``outgoing_window`` of the policy under which they were sent. ``put_in_flight`` and
            ``end_flight`` keep count.
        queue: Messages that wait, longest first; at most ``outgoing_queue`` of the policy.
            ``append`` and ``take_next`` keep count.
        incoming: QoS 2 packet ids of the client that are not released; there are 65_535 of them at
            most.
        expiry_interval_s: 0 ends the session with its connection, ``NEVER_EXPIRES`` keeps it.
        disconnected_at_s: Monotonic time at which the last connection ended; None before and while
            there is one.
        dropped: How many messages for the client were given up: too many or too much waiting,
            expired, or larger than it takes.
    """

    __slots__ = (
        "_backlogs",
        "_budget",
        "_first_expiry_s",
        "_held_bytes",
        "_last_packet_id",
        "connection",
        "disconnected_at_s",
        "dropped",
        "expiry_interval_s",
        "in_flight",
        "incoming",
        "key",
        "policy",
        "queue",
        "subscriptions",
    )

    def __init__(
        self,
        key: str | None = None,
        policy: Policy = STANDARD_WITHIN_DEFAULTS,
        budget: QueueBudget | None = None,
    ) -> None:
        self.key = key
        self.policy = policy
        self.subscriptions: dict[str, Subscription] = {}
        self.in_flight: dict[int, InFlight] = {}
        self.incoming: dict[int, IncomingStage] = {}
        self.expiry_interval_s = 0
        self.disconnected_at_s: float | None = None
        self.connection: object | None = None
        self.dropped = 0
        self._last_packet_id = 0
        self._budget = budget
        self._held_bytes = 0
        self._first_expiry_s = math.inf  # of those that wait, or earlier
        # Made when there is something to put in: empty ones would be half of an idle session.
        self.queue: deque[OutgoingMessage] | tuple[()] = ()
        self._backlogs: dict[str, Backlog] | None = None

    # ---- messages that wait

    @property
    def held_bytes(self) -> int:
        """What those that wait and those under way hold; see ``outgoing_queue_bytes``."""
        return self._held_bytes

    def enqueue(self, message: OutgoingMessage, now_s: float) -> SendResult:
        """Keep ``message`` for an absent client: QUEUED, or DROPPED.

        Dropped are QoS 0, everything for a session that ends with its connection, everything if
        the policy keeps nothing, and what ``append`` drops.
        """
        qos = self.policy.effective_qos(message.qos)
        if qos == 0 or self.expiry_interval_s == 0 or not self.policy.keep_messages_while_away:
            return SendResult.DROPPED
        return self.append(message, now_s)

    def append(self, message: OutgoingMessage, now_s: float) -> SendResult:
        """Put ``message`` behind those that wait; DROPPED if the queue is full.

        Before that those go whose time is over at ``now_s``, monotonic.
        """
        size = message.held_bytes
        if self._is_full_for(size) and self._first_expiry_s <= now_s:
            self._drop_expired(now_s)
        if self._is_full_for(size):
            self.note_dropped()
            return SendResult.DROPPED
        if not isinstance(self.queue, deque):
            self.queue = deque()
        self.queue.append(message)
        self._first_expiry_s = min(self._first_expiry_s, _expiry_s(message))
        self._count(size)
        return SendResult.QUEUED

    def _is_full_for(self, size: int) -> bool:
        return len(self.queue) >= self.policy.outgoing_queue or not self.has_room_for(size)

    def _drop_expired(self, now_s: float) -> None:
        """Make room; each look at the whole queue finds something, or was the last for a while."""
        waiting = self.queue
        self.queue = deque()
        self._first_expiry_s = math.inf
        for message in waiting:
            expiry_s = _expiry_s(message)
            if expiry_s <= now_s:
                self._count(-message.held_bytes)
                self.note_dropped()
            else:
                self.queue.append(message)
                self._first_expiry_s = min(self._first_expiry_s, expiry_s)

    def note_dropped(self) -> None:
        """Count a message for the client that was given up."""
        self.dropped += 1
        if self._budget is not None:
            self._budget.dropped += 1

    def take_next(self) -> OutgoingMessage | None:
        """Take the message that waits longest; None if there is none."""
        if not self.queue:
            self.queue = ()
            return None
        message = self.queue.popleft()
        self._count(-message.held_bytes)
        return message

    def has_room_for(self, size: int) -> bool:
        """Whether a message of ``size`` bytes may be held; alone in its session it always may."""
        if self._held_bytes and self._held_bytes + size > self.policy.outgoing_queue_bytes:
            return False
        return self._budget is None or self._budget.has_room(size)

    def put_in_flight(self, packet_id: int, flight: InFlight) -> None:
        """Note that a message is under way under ``packet_id``."""
        self.in_flight[packet_id] = flight
        self._held_bytes += flight.held_bytes
        if self._budget is not None:
            self._budget.used_bytes += flight.held_bytes

    def end_flight(self, packet_id: int) -> None:
        """Forget the message under ``packet_id`` and free the id."""
        flight = self.in_flight.pop(packet_id)
        self._held_bytes -= flight.held_bytes
        if self._budget is not None:
            self._budget.used_bytes -= flight.held_bytes

    def release(self) -> None:
        """Give back all that is held; call it when the session is forgotten.

        Nothing is kept for it from then on. It must not be that of a live connection.
        """
        self.queue = ()
        self._backlogs = None
        self.in_flight.clear()
        self._count(-self._held_bytes)
        self.expiry_interval_s = 0

    def _count(self, size: int) -> None:
        self._held_bytes += size
        if self._budget is not None:
            self._budget.used_bytes += size

    # ---- backlogs

    def add_backlog(self, topic_filter: str, messages: Backlog) -> None:
        """Send what ``messages`` yields, little by little, as the client takes it.

        For many messages at once, like the retained ones of a new subscription: they take no room
        in the queue, and are counted when they are under way. The next one is drawn when nothing
        else waits and the bytes under way are within their bounds, so an iterator
        should look each message up when it is asked for it, and skip what is gone by then. It may
        yield None where that takes long: the client's next turn goes on from there.
        A second backlog of the same filter replaces the first; ``drop_backlog`` ends it. It stays
        with the session when the connection ends.
        """
        self.drop_backlog(topic_filter)
        if self._backlogs is None:
            self._backlogs = {}
        self._backlogs[topic_filter] = messages

    def drop_backlog(self, topic_filter: str) -> None:
        """End the backlog of ``topic_filter``, if there is one."""
        if self._backlogs is not None:
            self._backlogs.pop(topic_filter, None)
            self._backlogs = self._backlogs or None

    @property
    def has_backlog(self) -> bool:
        """Whether ``next_of_backlog`` may have something."""
        return bool(self._backlogs)

    def next_of_backlog(self) -> OutgoingMessage | None:
        """Draw the next message of the oldest backlog; None if there is none for the moment."""
        while self._backlogs:
            topic_filter, messages = next(iter(self._backlogs.items()))
            try:
                return next(messages)
            except StopIteration:
                self.drop_backlog(topic_filter)
        return None

    # ---- ids and time

    def next_packet_id(self) -> int:
        """Pick an unused packet id, 1..65_535 (§2.2.1); the window keeps most of them unused."""
        packet_id = self._last_packet_id % 0xFFFF + 1
        while packet_id in self.in_flight:
            packet_id = packet_id % 0xFFFF + 1
        self._last_packet_id = packet_id
        return packet_id

    def expires_at_s(self) -> float | None:
        """Monotonic time at which the session ends; None while connected or if it never does."""
        if self.disconnected_at_s is None or self.expiry_interval_s == NEVER_EXPIRES:
            return None
        return self.disconnected_at_s + self.expiry_interval_s


def _expiry_s(message: OutgoingMessage) -> float:
    """When a message may go unsent; never, if somebody waits to hear what became of it."""
    if message.expires_at_s is None or message.token is not None:
        return math.inf
    return message.expires_at_s
