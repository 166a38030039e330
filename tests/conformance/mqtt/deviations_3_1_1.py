"""Where the hub does otherwise than MQTT 3.1.1 demands, what does not arise, and why."""

from collections.abc import Mapping
from typing import Final

DEVIATIONS: Final[Mapping[str, str]] = {
    "MQTT-3.1.2-2": (
        "A level from 6 to 127 is answered as MQTT 5.0 says it, by 0x84 in a CONNACK of that "
        "version: who speaks a later version reads that one rather than 3.1.1. Every other level "
        "that is not served gets 0x01."
    ),
    "MQTT-3.1.2-5": (
        "What waits for an absent client has bounds: 1,000 messages and 2 MiB for each client, "
        "and a budget for all of them. Past them new messages are dropped and the log tells; "
        "without bounds one forgotten client would fill the memory of a small computer."
    ),
    "MQTT-3.1.4-1": (
        "A password without a user name is read, not treated as out of form, because boards that "
        "people have log in so (Murano's tokens, Drogue's devices that give their name as client "
        "id). Where it fits nobody, the answer is CONNACK 0x04."
    ),
    "MQTT-3.3.1-5": (
        "Retained messages have bounds, too: 100,000 messages and 64 MiB in all. Past them a "
        "message goes to the subscribers that are there and is not retained."
    ),
    "MQTT-4.1.0-1": (
        "Sessions live in memory: when the hub is started anew they are gone, and clients learn "
        "it by Session Present 0. What was acknowledged is in the hub's store nevertheless; a QoS "
        "2 message that the restart cut in the middle is taken again when it is sent again. Of "
        "clients that are away, 10,000 sessions are kept; past that, the one away for longest "
        "goes."
    ),
    "MQTT-4.7.3-3": (
        "A topic name or filter has 128 levels at most, whatever its length: each level of a "
        "filter takes memory of its own. One with more ends the connection."
    ),
}

MOOT: Final[Mapping[str, str]] = {
    "MQTT-7.0.0-1": "The hub connects to no other server.",
}
