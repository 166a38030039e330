"""What a dialect restricts or bends of MQTT, as data; the session enforces it."""

import sys
from enum import Enum
from functools import lru_cache
from typing import Final

import msgspec

from leafhub.mqtt.limits import DEFAULTS, Limits
from leafhub.mqtt.properties import EMPTY, Properties

UNBOUNDED: Final = sys.maxsize
"""A bound that no vendor documents: what the operator permits holds alone, see ``Limits``."""


class QoS2Publish(Enum):
    """What becomes of a PUBLISH with QoS 2."""

    HANDSHAKE = "handshake"
    """PUBREC, PUBREL, PUBCOMP (MQTT 5.0 §4.3.3)."""
    UNANSWERED = "unanswered"
    """Taken like QoS 0: handed up, never answered."""


class RefusedPublish(Enum):
    """What a 3.1.1 client, to whom nobody can say no, sees of a refused QoS 1 or 2 PUBLISH."""

    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"


class SecondConnect(Enum):
    """What a CONNECT on a connection that already had one does (MQTT-3.1.0-2)."""

    CLOSE = "close"
    IGNORE = "ignore"


class AuthPacket(Enum):
    """What a 5.0 AUTH packet does; no dialect has an authentication exchange."""

    DISCONNECT = "disconnect"
    """Protocol error; CONNECT with an Authentication Method is refused with 0x8C (§4.12)."""
    ANSWER = "answer"
    """Authentication Method is overlooked, AUTH is answered with an AUTH without properties."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, gc=False, cache_hash=True):
    """The rules of one dialect for one connection. The defaults are the plain standard.

    Bounds stand here only where a vendor documents them; ``within`` adds those of the operator.

    Attributes:
        maximum_packet_bytes: Longest packet taken from the client, fixed header included.
        qos2_publish: Whether QoS 2 from the client gets its handshake.
        receiver_packets_close: PUBREC, PUBREL and PUBCOMP from the client close at once.
        keep_alive_zero_idle_s: Idle limit when the client's Keep Alive is 0; None is no limit.
        refused_publish_v3: What 3.1.1 shows of a refused QoS 1 or 2 PUBLISH.
        refused_qos0_v3_closes: Whether a refused QoS 0 PUBLISH closes a 3.1.1 connection.
        verbatim_filters: Topic filters of SUBSCRIBE and UNSUBSCRIBE go up unjudged; otherwise a
            bad one closes.
        wildcards_in_topic_names: ``+`` and ``#`` may stand in the topic name of a PUBLISH.
        one_request_at_a_time: After each PUBLISH, SUBSCRIBE or UNSUBSCRIBE handed up the
            connection pauses until ``resume``; for a connection whose next packet decides which
            policy rules the one after it.
        second_connect: What a second CONNECT does.
        answer_unsupported_protocol: Whether an unknown protocol level gets a CONNACK before the
            close.
        connack_properties: What a 5.0 CONNACK announces. The session keeps to what stands here:
            Receive Maximum, Maximum QoS, Retain Available, Server Keep Alive, Session Expiry
            Interval.
        announce_limits: Whether it announces Maximum Packet Size and Receive Maximum too, as they
            hold; otherwise what does not stand in ``connack_properties`` is not told.
        tell_reasons: Whether a 5.0 client is told in words, too, why its connection ends or a
            packet is refused, if it wants to know (§3.1.2.11.7).
        receive_maximum: QoS 1 and 2 messages of a 5.0 client that may wait for their
            acknowledgement, 1..65_535; it is held to that if ``announce_limits``.
        maximum_outgoing_qos: Highest QoS ever sent to the client, 0..2.
        assign_client_id: Whether a 5.0 client with an empty client id is told the one it got.
        topic_alias_maximum: Topic aliases a 5.0 client may use; announced when above 0.
        outgoing_topic_aliases: Topic aliases used towards a 5.0 client that takes some, at most:
            each keeps a topic name in memory.
        outgoing_window: QoS 1 and 2 messages under way to the client at once; its Receive Maximum
            may lower it.
        outgoing_queue: Messages that wait behind the window or for an absent client; more are
            dropped.
        outgoing_queue_bytes: What those messages and the ones under way may hold together: topic
            names, payloads and properties; a single one always may.
        maximum_topic_levels: Levels of a topic name or topic filter; one with more closes.
        maximum_subscriptions: Topic filters of one session; more are refused in SUBACK.
        keep_messages_while_away: Whether QoS 1 and 2 messages wait for an absent client with a
            session.
        auth_packet: What AUTH does.
    """

    maximum_packet_bytes: int = UNBOUNDED
    qos2_publish: QoS2Publish = QoS2Publish.HANDSHAKE
    receiver_packets_close: bool = False
    keep_alive_zero_idle_s: int | None = None
    refused_publish_v3: RefusedPublish = RefusedPublish.ACKNOWLEDGE
    refused_qos0_v3_closes: bool = False
    verbatim_filters: bool = False
    wildcards_in_topic_names: bool = False
    one_request_at_a_time: bool = False
    second_connect: SecondConnect = SecondConnect.CLOSE
    answer_unsupported_protocol: bool = True
    connack_properties: Properties = EMPTY
    announce_limits: bool = False
    tell_reasons: bool = False
    receive_maximum: int = 0xFFFF
    maximum_outgoing_qos: int = 2
    assign_client_id: bool = True
    topic_alias_maximum: int = 0
    outgoing_topic_aliases: int = 64
    outgoing_window: int = UNBOUNDED
    outgoing_queue: int = UNBOUNDED
    outgoing_queue_bytes: int = UNBOUNDED
    maximum_topic_levels: int = UNBOUNDED
    maximum_subscriptions: int = UNBOUNDED
    keep_messages_while_away: bool = True
    auth_packet: AuthPacket = AuthPacket.DISCONNECT

    def effective_qos(self, qos: int) -> int:
        """Lower ``qos`` to what the client is ever sent."""
        return min(qos, self.maximum_outgoing_qos)

    def within(self, limits: Limits) -> "Policy":
        """Cut this policy down to ``limits``; the same pair gives the same object."""
        return _within(self, limits)


@lru_cache(maxsize=64)  # a hub has a dozen policies and one set of limits
def _within(policy: Policy, limits: Limits) -> Policy:
    stricter = {
        name: min(getattr(policy, name), getattr(limits, name))
        for name in limits.__struct_fields__
    }
    return msgspec.structs.replace(policy, **stricter)


STANDARD: Final = Policy()
"""Plain MQTT, nothing restricted: for ``Connection`` to cut down."""
STANDARD_WITHIN_DEFAULTS: Final = STANDARD.within(DEFAULTS)
