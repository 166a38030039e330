"""The data types of MQTT on the wire (MQTT 5.0 §1.5).

``read_*`` work on a packet that is there as a whole: running past its end is malformed, never "not
yet".
"""

from struct import Struct
from typing import Final

from leafhub.errors import MalformedPacketError

MAXIMUM_VARIABLE_BYTE_INTEGER: Final = 268_435_455
_UINT16 = Struct("!H")
_UINT32 = Struct("!I")


def decode_variable_byte_integer(data: memoryview, offset: int = 0) -> tuple[int, int] | None:
    """Decode a Variable Byte Integer (MQTT 5.0 §1.5.5; Remaining Length in 3.1.1 §2.2.3).

    Args:
        data: Received bytes; neither copied nor changed.
        offset: Where the integer starts, in bytes.

    Returns:
        ``(value, next_offset)``, value in 0..268_435_455; ``None`` while bytes are missing.

    Raises:
        MalformedPacketError: A fourth continuation bit, or an over-long form (MQTT-1.5.5-1).
    """
    value = 0
    for count, byte in enumerate(data[offset : offset + 4]):
        value |= (byte & 0x7F) << (7 * count)
        if byte == 0 and count:
            raise MalformedPacketError("over-long integer", section="1.5.5")
        if byte < 0x80:
            return value, offset + count + 1
    if len(data) - offset >= 4:
        raise MalformedPacketError("integer over 4 bytes", section="1.5.5")
    return None


def read_variable_byte_integer(data: memoryview, offset: int) -> tuple[int, int]:
    """Read a Variable Byte Integer inside a packet."""
    decoded = decode_variable_byte_integer(data, offset)
    if decoded is None:
        raise MalformedPacketError("integer runs past the packet", section="1.5.5")
    return decoded


def read_byte(data: memoryview, offset: int) -> tuple[int, int]:
    """Read one byte."""
    if offset >= len(data):
        raise MalformedPacketError("byte missing", section="1.5.1")
    return data[offset], offset + 1


def read_uint16(data: memoryview, offset: int) -> tuple[int, int]:
    """Read a Two Byte Integer (§1.5.2)."""
    end = offset + 2
    if end > len(data):
        raise MalformedPacketError("two byte integer cut short", section="1.5.2")
    return data[offset] << 8 | data[offset + 1], end


def read_uint32(data: memoryview, offset: int) -> tuple[int, int]:
    """Read a Four Byte Integer (§1.5.3)."""
    end = offset + 4
    if end > len(data):
        raise MalformedPacketError("four byte integer cut short", section="1.5.3")
    return int.from_bytes(data[offset:end], "big"), end


def read_packet_id(data: memoryview, offset: int) -> tuple[int, int]:
    """Read a packet id, 1..65_535 (§2.2.1)."""
    packet_id, offset = read_uint16(data, offset)
    if packet_id == 0:
        raise MalformedPacketError("packet id 0", section="2.2.1")
    return packet_id, offset


def read_binary(data: memoryview, offset: int) -> tuple[bytes, int]:
    """Read Binary Data, up to 65_535 bytes (§1.5.6)."""
    length, start = read_uint16(data, offset)
    end = start + length
    if end > len(data):
        raise MalformedPacketError("field runs past the packet", section="1.5.6")
    return bytes(data[start:end]), end


def read_string(data: memoryview, offset: int) -> tuple[str, int]:
    """Read a UTF-8 Encoded String (§1.5.4).

    Raises:
        MalformedPacketError: Not UTF-8, a surrogate (MQTT-1.5.4-1), or U+0000 (MQTT-1.5.4-2).
    """
    raw, offset = read_binary(data, offset)
    return text(raw), offset


def text(raw: bytes) -> str:
    """Decode the bytes of a UTF-8 Encoded String; raises as ``read_string`` does."""
    try:
        value = raw.decode()
    except UnicodeDecodeError as exc:
        raise MalformedPacketError("string is not UTF-8", section="1.5.4") from exc
    if "\0" in value:
        raise MalformedPacketError("string with U+0000", section="1.5.4")
    return value


def pack_variable_byte_integer(value: int) -> bytes:
    """Encode 0..268_435_455 in its shortest form (MQTT-1.5.5-1)."""
    if not 0 <= value <= MAXIMUM_VARIABLE_BYTE_INTEGER:
        raise ValueError(f"no Variable Byte Integer: {value}")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def pack_byte(value: int) -> bytes:
    """Encode one byte."""
    return bytes((value,))


def pack_uint16(value: int) -> bytes:
    """Encode a Two Byte Integer."""
    return _UINT16.pack(value)


def pack_uint32(value: int) -> bytes:
    """Encode a Four Byte Integer."""
    return _UINT32.pack(value)


def pack_binary(value: bytes) -> bytes:
    """Encode Binary Data; ValueError above 65_535 bytes."""
    if len(value) > 0xFFFF:
        raise ValueError(f"{len(value)} bytes do not fit a field of MQTT")
    return _UINT16.pack(len(value)) + value


def pack_string(value: str) -> bytes:
    """Encode a UTF-8 Encoded String; ValueError above 65_535 bytes or with a surrogate in it."""
    return pack_binary(value.encode())
