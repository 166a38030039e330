"""Bytes that have arrived and the packets in them."""

from collections.abc import Iterator

from leafhub.mqtt.codec import decode_packets, packet_bytes
from leafhub.mqtt.packets import Packet


class InputBuffer:
    """Unread bytes of one connection.

    A read that ends on a packet's border is decoded where it lies. Otherwise the rest waits, and
    is joined with what follows once for each packet, not once for each read: a packet that
    trickles in costs no more than one that comes at once.
    """

    __slots__ = ("_arrived", "_data", "_position", "_wanted_bytes")

    def __init__(self) -> None:
        self._data = b""
        self._position = 0
        self._arrived = bytearray()
        self._wanted_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take what a read brought."""
        if self._position == len(self._data) and not self._arrived:
            self._data, self._position = data, 0
        else:
            self._arrived += data

    @property
    def unread_bytes(self) -> int:
        """Bytes that no packet was made of yet."""
        return len(self._data) - self._position + len(self._arrived)

    def packets(self, *, protocol_level: int, maximum_packet_bytes: int) -> Iterator[Packet]:
        """Take out packet after packet, as far as asked for; raises as ``decode_packet`` does."""
        while self.unread_bytes >= self._wanted_bytes:
            self._wanted_bytes = 0
            for packet, position in decode_packets(
                self._data,
                self._position,
                protocol_level=protocol_level,
                maximum_packet_bytes=maximum_packet_bytes,
            ):
                self._position = position
                yield packet
            if self._arrived:
                self._data = self._data[self._position :] + self._arrived
                self._position = 0
                self._arrived.clear()
            elif self._position == len(self._data):
                self._data, self._position = b"", 0  # an idle connection holds no memory
                return
            else:
                self._wanted_bytes = (
                    packet_bytes(
                        memoryview(self._data),
                        self._position,
                        maximum_packet_bytes=maximum_packet_bytes,
                    )
                    or 0
                )
                return
