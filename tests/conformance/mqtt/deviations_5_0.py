"""Where the hub does otherwise than MQTT 5.0 demands, what does not arise, and why."""

from collections.abc import Mapping
from typing import Final

DEVIATIONS: Final[Mapping[str, str]] = {
    "MQTT-3.3.1-5": (
        "Retained messages have bounds, 100,000 of them and 64 MiB unless configured otherwise: "
        "they are held in memory. Past them a message is not retained, and its publisher is told "
        "so by 0x97."
    ),
    "MQTT-4.1.0-1": (
        "Sessions live in memory: when the hub is started anew they are gone, and clients learn "
        "it by Session Present 0. What was acknowledged is in the hub's store nevertheless; a QoS "
        "2 message that the restart cut in the middle is taken again when it is sent again. Of "
        "clients that are away, 10,000 sessions are kept; past that, the one away for longest "
        "goes."
    ),
    "MQTT-4.5.0-1": (
        "What waits for a client has bounds: 1,000 messages and 2 MiB for each, and a budget "
        "for all of them. Past them new messages are dropped and the log tells; without bounds "
        "one forgotten client would fill the memory of a small computer."
    ),
    "MQTT-4.7.3-3": (
        "A topic name or filter has 128 levels at most, whatever its length: each level of a "
        "filter takes memory of its own. One with more ends the connection, by 0x90 or 0x8F."
    ),
}

MOOT: Final[Mapping[str, str]] = {
    "MQTT-3.1.3-8": "The broker dialect takes every client id.",
    "MQTT-3.2.2-9": "QoS 1 and 2 are supported, so there is nothing to announce.",
    "MQTT-3.2.2-10": "QoS 1 and 2 are supported.",
    "MQTT-3.2.2-12": "A Will may have any QoS.",
    "MQTT-3.3.4-5": "A session gets one copy, with all identifiers.",
    "MQTT-3.15.2-2": "The hub never sends AUTH, having no method for it.",
    "MQTT-3.15.2-3": "The hub never sends AUTH.",
    "MQTT-4.12.0-2": "No authentication method asks for more.",
    "MQTT-4.12.0-5": "CONNECT with an authentication method is refused by 0x8C.",
}
