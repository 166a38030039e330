"""The packets of MQTT as values (MQTT 5.0 §3; 3.1.1 uses the same with fewer fields).

In 3.1.1 ``clean_start`` is the Clean Session flag, reason codes without a place on the wire are
``SUCCESS``, and properties are empty.
"""

from typing import TypeAlias

import msgspec

from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode


class Will(msgspec.Struct, frozen=True, gc=False):
    """The message a client leaves behind for the case that it vanishes (§3.1.2.5)."""

    topic_name: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = EMPTY


class Connect(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """CONNECT (§3.1). ``username`` and ``password`` tell absent (None) from empty.

    Its text form leaves the password out, so that none ends in a log.
    """

    protocol_name: str = "MQTT"
    protocol_level: int
    client_id: str = ""
    clean_start: bool = True
    keep_alive_s: int = 60
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None
    properties: Properties = EMPTY

    def __repr__(self) -> str:
        """Say who connects and how, nothing secret."""
        return (
            f"Connect(protocol_level={self.protocol_level}, client_id={self.client_id!r}, "
            f"clean_start={self.clean_start}, keep_alive_s={self.keep_alive_s}, "
            f"username={self.username!r}, has_password={self.password is not None})"
        )


class Connack(msgspec.Struct, frozen=True, gc=False):
    """CONNACK (§3.2)."""

    session_present: bool
    reason_code: ReasonCode
    properties: Properties = EMPTY


class Publish(msgspec.Struct, frozen=True, gc=False):
    """PUBLISH (§3.3). ``packet_id`` is None at QoS 0."""

    topic_name: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int | None = None
    properties: Properties = EMPTY


class Puback(msgspec.Struct, frozen=True, gc=False):
    """PUBACK: the end of a QoS 1 delivery (§3.4)."""

    packet_id: int
    reason_code: ReasonCode = ReasonCode.SUCCESS
    properties: Properties = EMPTY


class Pubrec(msgspec.Struct, frozen=True, gc=False):
    """PUBREC: QoS 2, second packet (§3.5)."""

    packet_id: int
    reason_code: ReasonCode = ReasonCode.SUCCESS
    properties: Properties = EMPTY


class Pubrel(msgspec.Struct, frozen=True, gc=False):
    """PUBREL: QoS 2, third packet (§3.6)."""

    packet_id: int
    reason_code: ReasonCode = ReasonCode.SUCCESS
    properties: Properties = EMPTY


class Pubcomp(msgspec.Struct, frozen=True, gc=False):
    """PUBCOMP: the end of a QoS 2 delivery (§3.7)."""

    packet_id: int
    reason_code: ReasonCode = ReasonCode.SUCCESS
    properties: Properties = EMPTY


class SubscriptionRequest(msgspec.Struct, frozen=True, gc=False):
    """One topic filter of a SUBSCRIBE with its options (§3.8.3.1); the filter is any string."""

    topic_filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


class Subscribe(msgspec.Struct, frozen=True, gc=False):
    """SUBSCRIBE (§3.8)."""

    packet_id: int
    requests: tuple[SubscriptionRequest, ...]
    properties: Properties = EMPTY


class Suback(msgspec.Struct, frozen=True, gc=False):
    """SUBACK (§3.9): one reason code per request, in order."""

    packet_id: int
    reason_codes: tuple[ReasonCode, ...]
    properties: Properties = EMPTY


class Unsubscribe(msgspec.Struct, frozen=True, gc=False):
    """UNSUBSCRIBE (§3.10)."""

    packet_id: int
    topic_filters: tuple[str, ...]
    properties: Properties = EMPTY


class Unsuback(msgspec.Struct, frozen=True, gc=False):
    """UNSUBACK (§3.11): one reason code per filter in 5.0, none in 3.1.1."""

    packet_id: int
    reason_codes: tuple[ReasonCode, ...] = ()
    properties: Properties = EMPTY


class Pingreq(msgspec.Struct, frozen=True, gc=False):
    """PINGREQ (§3.12)."""


class Pingresp(msgspec.Struct, frozen=True, gc=False):
    """PINGRESP (§3.13)."""


class Disconnect(msgspec.Struct, frozen=True, gc=False):
    """DISCONNECT (§3.14)."""

    reason_code: ReasonCode = ReasonCode.SUCCESS
    properties: Properties = EMPTY


class Auth(msgspec.Struct, frozen=True, gc=False):
    """AUTH (§3.15), 5.0 only."""

    reason_code: ReasonCode = ReasonCode.SUCCESS
    properties: Properties = EMPTY


Packet: TypeAlias = (
    Connect
    | Connack
    | Publish
    | Puback
    | Pubrec
    | Pubrel
    | Pubcomp
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
    | Auth
)
