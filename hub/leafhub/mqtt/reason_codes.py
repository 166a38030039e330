"""Reason codes of MQTT 5.0 and what 3.1.1 says in their place."""

from enum import IntEnum
from typing import Final


class ReasonCode(IntEnum):
    """MQTT 5.0 §2.4. From 0x80 on a code reports a failure."""

    SUCCESS = 0x00  # also Normal disconnection and Granted QoS 0
    GRANTED_QOS_1 = 0x01
    GRANTED_QOS_2 = 0x02
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    CONTINUE_AUTHENTICATION = 0x18
    RE_AUTHENTICATE = 0x19
    UNSPECIFIED_ERROR = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION_SPECIFIC_ERROR = 0x83
    UNSUPPORTED_PROTOCOL_VERSION = 0x84
    CLIENT_IDENTIFIER_NOT_VALID = 0x85
    BAD_USER_NAME_OR_PASSWORD = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_BUSY = 0x89
    BANNED = 0x8A
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    PACKET_IDENTIFIER_IN_USE = 0x91
    PACKET_IDENTIFIER_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    MESSAGE_RATE_TOO_HIGH = 0x96
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    PAYLOAD_FORMAT_INVALID = 0x99
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    USE_ANOTHER_SERVER = 0x9C
    SERVER_MOVED = 0x9D
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E
    CONNECTION_RATE_EXCEEDED = 0x9F
    MAXIMUM_CONNECT_TIME = 0xA0
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2

    @property
    def is_failure(self) -> bool:
        """Whether what was asked for did not happen."""
        return self >= 0x80


def _codes(wanted: str) -> frozenset[ReasonCode]:
    return frozenset(map(ReasonCode, bytes.fromhex(wanted)))


_OF_PUBACK = _codes("00 10 80 83 87 90 91 97 99")
_OF_PUBREL = _codes("00 92")
REASON_CODES_OF: Final[dict[int, frozenset[ReasonCode]]] = {
    2: _codes("00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f"),
    4: _OF_PUBACK,
    5: _OF_PUBACK,
    6: _OF_PUBREL,
    7: _OF_PUBREL,
    9: _codes("00 01 02 80 83 87 8f 91 97 9e a1 a2"),
    11: _codes("00 11 80 83 87 8f 91"),
    14: _codes("00 04 80 81 82 83 87 89 8b 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f")
    | _codes("a0 a1 a2"),
    15: _codes("00 18 19"),
}
"""MQTT 5.0 table 2-6: by packet type, the codes that may stand in it."""
CLIENT_DISCONNECT_CODES: Final = _codes("00 04 80 81 82 83 90 93 94 95 96 97 98 99")
"""MQTT 5.0 table 3-10: those of DISCONNECT that a client may send."""

_RETURN_CODES = {
    ReasonCode.SUCCESS: 0,
    ReasonCode.UNSUPPORTED_PROTOCOL_VERSION: 1,
    ReasonCode.CLIENT_IDENTIFIER_NOT_VALID: 2,
    ReasonCode.SERVER_UNAVAILABLE: 3,
    ReasonCode.SERVER_BUSY: 3,
    ReasonCode.CONNECTION_RATE_EXCEEDED: 3,
    ReasonCode.QUOTA_EXCEEDED: 3,
    ReasonCode.BAD_USER_NAME_OR_PASSWORD: 4,
    ReasonCode.NOT_AUTHORIZED: 5,
    ReasonCode.BANNED: 5,
}
# The first reason of each return code stands for it.
CONNACK_REASONS = {code: reason for reason, code in reversed(_RETURN_CODES.items())}
"""3.1.1 CONNACK return code to the reason code of the same meaning."""


def connack_return_code(reason: ReasonCode) -> int:
    """Say ``reason`` as a CONNACK return code, 0..5 (MQTT 3.1.1 §3.2.2.3).

    What 3.1.1 has no word for is 5, "not authorized".
    """
    return _RETURN_CODES.get(reason, 5)
