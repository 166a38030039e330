"""The few packets the load is made of (MQTT 3.1.1), built once and sent many times.

The hub's own codec is not used: what is measured does not measure itself.
"""

import struct
from typing import Final

PINGREQ: Final = b"\xc0\x00"
PINGRESP: Final = b"\xd0\x00"
CONNACK: Final = b"\x20\x02\x00\x00"
"""What answers a good CONNECT that starts a new session (§3.2)."""
SUBACK: Final = b"\x90\x03\x00\x01"
"""How the answer to ``subscribe`` begins; the granted QoS follows (§3.9)."""
PUBACK_BYTES: Final = 4


def connect(client_id: str, username: str, password: str, keep_alive_s: int) -> bytes:
    """CONNECT with Clean Session (§3.1)."""
    flags = 0b1100_0010  # user name, password, clean session
    head = _text("MQTT") + struct.pack("!BBH", 4, flags, keep_alive_s)
    return _packet(0x10, head + _text(client_id) + _text(username) + _text(password))


def subscribe(topic_filter: str, qos: int) -> bytes:
    """SUBSCRIBE to one filter with packet id 1 (§3.8)."""
    return _packet(0x82, struct.pack("!H", 1) + _text(topic_filter) + bytes([qos]))


def publish(topic_name: str, payload: bytes, *, packet_id: int = 0) -> bytes:
    """PUBLISH (§3.3): QoS 1 with a packet id, QoS 0 without."""
    if not packet_id:
        return _packet(0x30, _text(topic_name) + payload)
    return _packet(0x32, _text(topic_name) + struct.pack("!H", packet_id) + payload)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _packet(first: int, body: bytes) -> bytes:
    length = bytearray()
    left = len(body)
    while True:
        left, low = divmod(left, 128)
        length.append(low | (128 if left else 0))
        if not left:
            return bytes([first]) + bytes(length) + body
