"""Packets of one connection on their way out, in the client's version and within its limits."""

import msgspec

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.decoding import LEVEL_3_1_1, LEVEL_5
from leafhub.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Puback,
    Pubrec,
    Suback,
    Unsuback,
)
from leafhub.mqtt.properties import EMPTY

Answer = Connack | Puback | Pubrec | Suback | Unsuback | Disconnect
"""Packets in which we may say a reason."""


class Output:
    """Encoded packets that wait to be written.

    Attributes:
        protocol_level: 3, 4 or 5; 4 before CONNECT.
        maximum_packet_bytes: The client's Maximum Packet Size; None is no limit.
        packets: What waits, encoded. Acknowledgements of a few bytes may be put here as they are,
            uncounted: they are most of what a hub says.
        unwritten_bytes: What waits, those left out.
    """

    __slots__ = (
        "_reasons_wanted",
        "maximum_packet_bytes",
        "packets",
        "protocol_level",
        "unwritten_bytes",
    )

    def __init__(self) -> None:
        self.protocol_level = LEVEL_3_1_1
        self.maximum_packet_bytes: int | None = None
        self.packets: list[bytes] = []
        self.unwritten_bytes = 0
        self._reasons_wanted = True

    def suit(self, connect: Connect) -> None:
        """Follow what the client said of itself."""
        self.protocol_level = connect.protocol_level
        if connect.protocol_level == LEVEL_5:
            wishes = connect.properties
            self.maximum_packet_bytes = wishes.maximum_packet_size
            self._reasons_wanted = wishes.request_problem_information is not False

    def write(self, packet: Packet) -> bool:
        """Put out ``packet``; False if it is longer than the client takes (MQTT-3.1.2-24)."""
        return self.write_encoded(encode_packet(packet, self.protocol_level))

    def write_encoded(self, data: bytes) -> bool:
        """Put out a packet that is encoded for ``protocol_level`` already."""
        size, limit = len(data), self.maximum_packet_bytes
        if limit is not None and size > limit:
            return False
        self.packets.append(data)
        self.unwritten_bytes += size
        return True

    def write_answer(self, packet: Answer) -> bool:
        """Put out ``packet``, without its reason where that is unwanted or too long (§3.1.2.11.7).

        CONNACK may tell its reason to a client that wants no others.
        """
        if packet.properties.reason_string is not None:
            wanted = self._reasons_wanted or isinstance(packet, Connack)
            if wanted and self.write(packet):
                return True
            bare = msgspec.structs.replace(packet.properties, reason_string=None)
            packet = msgspec.structs.replace(packet, properties=EMPTY if bare == EMPTY else bare)
        return self.write(packet)

    def take(self) -> bytes:
        """Take the bytes that are to be written now."""
        data = b"".join(self.packets)
        self.packets.clear()
        self.unwritten_bytes = 0
        return data
