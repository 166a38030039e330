"""A message for a client, before it is a packet, and what became of it."""

import math
from enum import Enum

import msgspec

from leafhub.mqtt.properties import EMPTY, Properties


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message for the client.

    Attributes:
        qos: What it should go out with; the policy may lower it.
        token: Comes back in ``Delivered`` or ``Dropped``; None asks for neither.
        expires_at_s: Monotonic time after which it is not sent any more. In 5.0 what is left of it
            goes out as Message Expiry Interval, if ``properties`` has one.
        encoded: For one that goes to many clients at QoS 0: its packet by protocol level, made for
            the first of them and the same for all; None: each gets its own.
    """

    topic_name: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = EMPTY
    token: object | None = None
    expires_at_s: float | None = None
    encoded: dict[int, bytes] | None = None

    @property
    def held_bytes(self) -> int:
        """What it takes while it waits: topic name, payload and properties."""
        size = len(self.topic_name) + len(self.payload)
        return size if self.properties is EMPTY else size + self.properties.held_bytes

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
