"""The standards that the tables answer for."""

from collections.abc import Mapping
from typing import Final

import deviations_3_1_1
import deviations_5_0
import statements_3_1_1
import statements_5_0
from statements import Standard

_PACKETS: Final[Mapping[str, str]] = {
    "3.1": "CONNECT",
    "3.2": "CONNACK",
    "3.3": "PUBLISH",
    "3.4": "PUBACK",
    "3.5": "PUBREC",
    "3.6": "PUBREL",
    "3.7": "PUBCOMP",
    "3.8": "SUBSCRIBE",
    "3.9": "SUBACK",
    "3.10": "UNSUBSCRIBE",
    "3.11": "UNSUBACK",
    "3.12": "PINGREQ",
    "3.13": "PINGRESP",
    "3.14": "DISCONNECT",
    "3.15": "AUTH",
}
_CONDUCT: Final[Mapping[str, str]] = {
    "1.5": "Data representation",
    "4.1": "Session state",
    "4.2": "Network connections",
    "4.3": "Quality of service",
    "4.4": "Delivery again",
    "4.5": "Receipt of messages",
    "4.6": "Order of messages",
    "4.7": "Topic names and filters",
    "6.0": "WebSocket",
}

STANDARDS: Final = (
    Standard(
        version="3.1.1",
        folder="v3_1_1",
        titles={
            **_PACKETS,
            **_CONDUCT,
            "2.2": "Fixed header",
            "2.3": "Packet ids",
            "4.8": "Errors",
            "7.0": "Conformance",
            "7.1": "Conformance of servers and clients",
        },
        statements=statements_3_1_1.STATEMENTS,
        deviations=deviations_3_1_1.DEVIATIONS,
        moot=deviations_3_1_1.MOOT,
    ),
    Standard(
        version="5.0",
        folder="v5_0",
        titles={
            **_PACKETS,
            **_CONDUCT,
            "2.1": "Fixed header",
            "2.2": "Packet ids and properties",
            "4.8": "Subscriptions",
            "4.9": "Flow control",
            "4.12": "Enhanced authentication",
            "4.13": "Errors",
        },
        statements=statements_5_0.STATEMENTS,
        deviations=deviations_5_0.DEVIATIONS,
        moot=deviations_5_0.MOOT,
    ),
)
