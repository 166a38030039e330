"""What an MQTT session remembers from one network connection to the next (MQTT 5.0 §4.1)."""

import math
from collections import deque
from enum import Enum
from typing import Final

import msgspec

from leafhub.mqtt.policy import STANDARD, Policy
from leafhub.mqtt.properties import EMPTY, Properties

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


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message for the client.

    Attributes:
        qos: What it should go out with; the policy may lower it.
        token: Comes back in ``Delivered`` or ``Dropped``; None asks for neither.
        expires_at_s: Monotonic time after which it is not sent any more. In 5.0 what is left of it
            goes out as Message Expiry Interval, if ``properties`` has one.
    """

    topic_name: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = EMPTY
    token: object | None = None
    expires_at_s: float | None = None

    @property
    def held_bytes(self) -> int:
        """What it takes while it waits: topic name and payload."""
        return len(self.topic_name) + len(self.payload)

    def is_expired(self, now_s: float) -> bool:
        """Whether its time is over."""
        return self.expires_at_s is not None and now_s >= self.expires_at_s

    def remaining_properties(self, now_s: float) -> Properties:
        """Its properties with Message Expiry Interval counted down to ``now_s`` (MQTT-3.3.2-6)."""
        if self.expires_at_s is None or self.properties.message_expiry_interval_s is None:
            return self.properties
        left_s = max(0, math.ceil(self.expires_at_s - now_s))
        return msgspec.structs.replace(self.properties, message_expiry_interval_s=left_s)


class SendResult(Enum):
    """What became of a message that was to be sent."""

    SENT = "sent"
    QUEUED = "queued"
    DROPPED = "dropped"


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


class SessionState:
    """The state of one MQTT session, over as many connections as it lives.

    Args:
        key: Name of the session for the layer above; None for one that nobody comes back to.
        policy: Rules for the time before the first connection has brought its own.

    Attributes:
        subscriptions: By topic filter.
        in_flight: QoS 1 and 2 messages to the client by packet id, oldest first; at most
            ``outgoing_window`` of the policy under which they were sent.
        queue: Messages that wait, at most ``outgoing_queue`` and ``outgoing_queue_bytes`` of the
            policy; ``append`` and ``take_next`` keep count.
        incoming: QoS 2 packet ids of the client that are not released; there are 65_535 of them at
            most.
        expiry_interval_s: 0 ends the session with its connection, ``NEVER_EXPIRES`` keeps it.
        disconnected_at_s: Monotonic time at which the last connection ended; None before and while
            there is one.
    """

    __slots__ = (
        "_last_packet_id",
        "_queue_bytes",
        "connection",
        "disconnected_at_s",
        "expiry_interval_s",
        "in_flight",
        "incoming",
        "key",
        "policy",
        "queue",
        "subscriptions",
    )

    def __init__(self, key: str | None = None, policy: Policy = STANDARD) -> None:
        self.key = key
        self.policy = policy
        self.subscriptions: dict[str, Subscription] = {}
        self.in_flight: dict[int, InFlight] = {}
        self.queue: deque[OutgoingMessage] = deque()
        self.incoming: dict[int, IncomingStage] = {}
        self.expiry_interval_s = 0
        self.disconnected_at_s: float | None = None
        self.connection: object | None = None
        self._last_packet_id = 0
        self._queue_bytes = 0

    def enqueue(self, message: OutgoingMessage) -> SendResult:
        """Keep ``message`` for an absent client: QUEUED, or DROPPED.

        Dropped are QoS 0, everything for a session that ends with its connection, everything if
        the policy keeps nothing, and what comes when the queue is full.
        """
        qos = self.policy.effective_qos(message.qos)
        if qos == 0 or self.expiry_interval_s == 0 or not self.policy.keep_messages_while_away:
            return SendResult.DROPPED
        return self.append(message)

    def append(self, message: OutgoingMessage) -> SendResult:
        """Put ``message`` behind those that wait; DROPPED if the queue is full."""
        if len(self.queue) >= self.policy.outgoing_queue:
            return SendResult.DROPPED
        queue_bytes = self._queue_bytes + message.held_bytes
        if self.queue and queue_bytes > self.policy.outgoing_queue_bytes:
            return SendResult.DROPPED
        self.queue.append(message)
        self._queue_bytes = queue_bytes
        return SendResult.QUEUED

    def take_next(self) -> OutgoingMessage:
        """Take the message that waits longest."""
        message = self.queue.popleft()
        self._queue_bytes -= message.held_bytes
        return message

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
