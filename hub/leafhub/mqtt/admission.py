"""From CONNECT to CONNACK: what a client may not ask for, and what it is told (§3.1, §3.2)."""

from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from leafhub.mqtt.decoding import LEVEL_5
from leafhub.mqtt.packets import Connect, Will
from leafhub.mqtt.policy import AuthPacket, Policy
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import NEVER_EXPIRES
from leafhub.mqtt.topics import is_topic_name

UNLIMITED_RECEIVE_MAXIMUM: Final = 0xFFFF
"""Receive Maximum when none is announced (§3.2.2.3.3)."""
_UNLIMITED_PACKET_BYTES: Final = 268_435_460
"""The longest packet there can be: no reason to announce it."""


class Ground(NamedTuple):
    """Why CONNECT cannot be accepted."""

    reason_code: ReasonCode
    reason: str


def ground_for_refusal(connect: Connect, policy: Policy) -> Ground | None:
    """Tell why CONNECT cannot be accepted under ``policy``; None if it can."""
    will = connect.will
    if will is not None:
        ground = _ground_in_will(will, policy)
        if ground is not None:
            return ground
    if connect.protocol_level != LEVEL_5:
        return None
    announced = policy.connack_properties
    if will is not None:
        if announced.maximum_qos is not None and will.qos > announced.maximum_qos:
            return Ground(ReasonCode.QOS_NOT_SUPPORTED, "the Will's QoS is not supported")
        if will.retain and announced.retain_available is False:
            return Ground(ReasonCode.RETAIN_NOT_SUPPORTED, "no Will is retained here")
    has_method = connect.properties.authentication_method is not None
    if has_method and policy.auth_packet is AuthPacket.DISCONNECT:
        return Ground(ReasonCode.BAD_AUTHENTICATION_METHOD, "no authentication method is known")
    return None


def _ground_in_will(will: Will, policy: Policy) -> Ground | None:
    """Judge the message that the Will is to be: it is published without a PUBLISH."""
    if not policy.wildcards_in_topic_names and not is_topic_name(will.topic_name):
        return Ground(ReasonCode.TOPIC_NAME_INVALID, "the Will's topic is no topic name")
    if will.topic_name.count("/") >= policy.maximum_topic_levels:
        return Ground(ReasonCode.TOPIC_NAME_INVALID, "the Will's topic has too many levels")
    response_topic = will.properties.response_topic
    if response_topic is not None and not is_topic_name(response_topic):
        # MQTT-3.3.2-14
        return Ground(ReasonCode.PROTOCOL_ERROR, "the Will's Response Topic is no topic name")
    return None


@lru_cache(maxsize=64)  # a hub has a dozen policies
def announcement(policy: Policy) -> Properties:
    """Say in the properties of a 5.0 CONNACK what holds under ``policy``."""
    told = policy.connack_properties
    packet_bytes, at_once = told.maximum_packet_size, told.receive_maximum
    if policy.announce_limits:
        packet_bytes = packet_bytes or _UNLIMITED_PACKET_BYTES
        at_once = min(at_once or UNLIMITED_RECEIVE_MAXIMUM, policy.receive_maximum)
    if packet_bytes is not None:
        packet_bytes = min(packet_bytes, policy.maximum_packet_bytes)
    return msgspec.structs.replace(
        told,
        maximum_packet_size=None if packet_bytes == _UNLIMITED_PACKET_BYTES else packet_bytes,
        receive_maximum=None if at_once == UNLIMITED_RECEIVE_MAXIMUM else at_once,
        topic_alias_maximum=policy.topic_alias_maximum or told.topic_alias_maximum,
    )


def keep_alive_s(connect: Connect, announced: Properties) -> int:
    """Give the Keep Alive that holds: the server's word in 5.0 (MQTT-3.1.2-21)."""
    server_s = announced.server_keep_alive_s
    if connect.protocol_level != LEVEL_5 or server_s is None:
        return connect.keep_alive_s
    return server_s


def session_expiry_interval_s(connect: Connect, announced: Properties) -> int:
    """Give the Session Expiry Interval that holds (§3.1.2.11.2, §3.2.2.3.2).

    In 3.1.1 a session without Clean Session stays.
    """
    if announced.session_expiry_interval_s is not None:
        return announced.session_expiry_interval_s
    if connect.protocol_level == LEVEL_5:
        return connect.properties.session_expiry_interval_s or 0
    return 0 if connect.clean_start else NEVER_EXPIRES
