"""Packets from and to bytes: the fixed header (MQTT 5.0 §2.1) round the bodies."""

from collections.abc import Iterator
from typing import Final

from leafhub.errors import MalformedPacketError, PacketTooLargeError
from leafhub.mqtt import wire
from leafhub.mqtt.decoding import (
    DECODERS,
    LEVEL_3_1,
    decode_connect,
    decode_publish,
    publish_flags,
)
from leafhub.mqtt.encoding import ENCODERS, PACKET_TYPES, encode_publish
from leafhub.mqtt.packets import Connect, Packet, Publish

_CONNECT, _PUBLISH = 1, 3
# PUBREL, SUBSCRIBE and UNSUBSCRIBE carry the flags 0b0010, the others 0 (§2.1.3).
_FLAGS: Final = {packet_type: 2 if packet_type in {6, 8, 10} else 0 for packet_type in range(16)}
_MQISDP_DUP: Final = 0x08
_LONGEST_FIXED_HEADER: Final = 5


def packet_bytes(data: memoryview, offset: int, *, maximum_packet_bytes: int) -> int | None:
    """Tell the length of the packet at ``offset``, header included; None while not known.

    Raises:
        PacketTooLargeError: Longer than ``maximum_packet_bytes``.
        MalformedPacketError: The Remaining Length is none.
    """
    header = _remaining_length(data, offset, maximum_packet_bytes)
    return None if header is None else header[1] + header[0] - offset


def _remaining_length(
    data: memoryview, offset: int, maximum_packet_bytes: int
) -> tuple[int, int] | None:
    """Decode the Remaining Length of the packet at ``offset``: it and where the body starts."""
    decoded = wire.decode_variable_byte_integer(data[: offset + _LONGEST_FIXED_HEADER], offset + 1)
    if decoded is None:
        return None
    remaining, body = decoded
    if body + remaining - offset > maximum_packet_bytes:
        raise PacketTooLargeError(
            f"packet of {body + remaining - offset} bytes, {maximum_packet_bytes} are taken",
            section="3.1.2.11.4",
        )
    return remaining, body


def decode_packet(
    data: memoryview, offset: int, *, protocol_level: int, maximum_packet_bytes: int
) -> tuple[Packet, int] | None:
    """Decode the packet at ``offset``.

    Args:
        data: Received bytes; neither copied, except for payloads and strings, nor changed.
        offset: Where the packet starts.
        protocol_level: 3, 4 or 5; CONNECT goes by the level that stands in it.
        maximum_packet_bytes: Longest packet to take, fixed header included.

    Returns:
        The packet and the offset behind it; None while bytes are missing.

    Raises:
        PacketTooLargeError: As soon as the fixed header says so.
        UnsupportedProtocolError: A CONNECT of another protocol.
        MalformedPacketError: The bytes are not a packet; of a bad first byte, as soon as it is
            there.
        ProtocolError: They are one that the standard forbids.
    """
    if offset >= len(data):
        return None
    packet_type, flags = data[offset] >> 4, data[offset] & 0x0F
    _check_first_byte(packet_type, flags, protocol_level)
    header = _remaining_length(data, offset, maximum_packet_bytes)
    if header is None:
        return None
    remaining, body = header
    end = body + remaining
    if end > len(data):
        return None
    if packet_type == _PUBLISH:
        return decode_publish(data, body, end, flags=flags, level=protocol_level), end
    if packet_type == _CONNECT:
        return decode_connect(data[body:end]), end
    return DECODERS[packet_type](data[body:end], protocol_level), end


def _check_first_byte(packet_type: int, flags: int, protocol_level: int) -> None:
    """Judge what cannot get better by waiting: HTTP or TLS at the wrong door ends at once."""
    if packet_type == _PUBLISH:
        publish_flags(flags)
        return
    if packet_type == 0:
        raise MalformedPacketError("packet type 0", section="2.1.2")
    if protocol_level == LEVEL_3_1:
        flags &= ~_MQISDP_DUP  # 3.1 lets PUBREL, SUBSCRIBE and UNSUBSCRIBE be sent again with DUP
    if flags != _FLAGS[packet_type]:
        raise MalformedPacketError("bad fixed header flags", section="2.1.3")


def decode_packets(
    data: bytes, offset: int = 0, *, protocol_level: int, maximum_packet_bytes: int
) -> Iterator[tuple[Packet, int]]:
    """Take every whole packet out of ``data``, each with the offset behind it.

    PUBLISH with a Remaining Length below 16_384 takes a short way: on ``bytes``, slicing and
    indexing cost a third of what they cost on a ``memoryview``. Raises as ``decode_packet`` does,
    at the packet that is wrong.
    """
    view = memoryview(data)
    size = len(data)
    while offset < size:
        first, body = data[offset], offset + 2
        length = data[offset + 1] if body <= size else 0x80
        is_short = length < 0x80
        if not is_short and body < size and 0 < data[body] < 0x80:
            length = (length & 0x7F) | data[body] << 7
            body += 1
            is_short = True
        end = body + length
        if (
            is_short
            and first >> 4 == _PUBLISH
            and end <= size
            and end - offset <= maximum_packet_bytes
        ):
            yield decode_publish(data, body, end, flags=first & 0x0F, level=protocol_level), end
            offset = end
            continue
        decoded = decode_packet(
            view,
            offset,
            protocol_level=protocol_level,
            maximum_packet_bytes=maximum_packet_bytes,
        )
        if decoded is None:
            return
        offset = decoded[1]
        yield decoded


def encode_packet(packet: Packet, protocol_level: int) -> bytes:
    """Encode ``packet`` for a peer of ``protocol_level``; a CONNECT goes by its own.

    Raises:
        ValueError: A field does not fit: a mistake of ours, not of the peer.
    """
    if isinstance(packet, Publish):  # first, because it is one for each message
        head = 0x30 | packet.dup << 3 | packet.qos << 1 | packet.retain
        body = encode_publish(packet, protocol_level)
    else:
        level = packet.protocol_level if isinstance(packet, Connect) else protocol_level
        packet_type = PACKET_TYPES[type(packet)]
        head = packet_type << 4 | _FLAGS[packet_type]
        body = ENCODERS[packet_type](packet, level)
    length = len(body)
    if length < 0x80:  # most packets: two bytes made at once
        return bytes((head, length)) + body
    return wire.pack_byte(head) + wire.pack_variable_byte_integer(length) + body
