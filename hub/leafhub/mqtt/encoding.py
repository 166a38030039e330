"""Packet bodies to bytes (MQTT 5.0 §3, 3.1.1 §3). The framing around them is in ``codec``.

What 3.1.1 has no place for is left out: properties, reason codes, subscription options other than
the QoS.
"""

from collections.abc import Callable
from typing import Any, Final

from leafhub.mqtt import packets, wire
from leafhub.mqtt.decoding import LEVEL_5
from leafhub.mqtt.properties import EMPTY, WILL, Properties, encode_properties
from leafhub.mqtt.reason_codes import ReasonCode, connack_return_code


def _properties(properties: Properties, packet_type: int, level: int) -> bytes:
    return encode_properties(properties, packet_type) if level == LEVEL_5 else b""


def _connect(packet: packets.Connect, level: int) -> bytes:
    flags = 0x02 if packet.clean_start else 0
    payload = [wire.pack_string(packet.client_id)]
    will = packet.will
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += (
            _properties(will.properties, WILL, level),
            wire.pack_string(will.topic_name),
            wire.pack_binary(will.payload),
        )
    if packet.username is not None:
        flags |= 0x80
        payload.append(wire.pack_string(packet.username))
    if packet.password is not None:
        flags |= 0x40
        payload.append(wire.pack_binary(packet.password))
    return b"".join(
        (
            wire.pack_string(packet.protocol_name),
            bytes((level, flags)),
            wire.pack_uint16(packet.keep_alive_s),
            _properties(packet.properties, 1, level),
            *payload,
        )
    )


def _connack(packet: packets.Connack, level: int) -> bytes:
    if level == LEVEL_5:
        head = bytes((packet.session_present, packet.reason_code))
        return head + encode_properties(packet.properties, 2)
    return bytes((packet.session_present, connack_return_code(packet.reason_code)))


def encode_publish(packet: packets.Publish, level: int) -> bytes:
    """Encode the body of a PUBLISH (§3.3)."""
    parts = [wire.pack_string(packet.topic_name)]
    if packet.packet_id is not None:
        parts.append(wire.pack_uint16(packet.packet_id))
    if level == LEVEL_5:
        parts.append(encode_properties(packet.properties, 3))
    parts.append(packet.payload)
    return b"".join(parts)


def _acknowledgement(
    packet: packets.Puback | packets.Pubrec | packets.Pubrel | packets.Pubcomp, level: int
) -> bytes:
    packet_id = wire.pack_uint16(packet.packet_id)
    if level != LEVEL_5:
        return packet_id
    packet_type = PACKET_TYPES[type(packet)]
    return packet_id + _reason_and_properties(packet.reason_code, packet.properties, packet_type)


def _reason_and_properties(
    reason_code: ReasonCode, properties: Properties, packet_type: int
) -> bytes:
    """Choose the shortest form: nothing for success, no length for no properties (§3.4.2.1)."""
    if properties == EMPTY:
        return bytes((reason_code,)) if reason_code else b""
    return bytes((reason_code,)) + encode_properties(properties, packet_type)


def _subscribe(packet: packets.Subscribe, level: int) -> bytes:
    parts = [wire.pack_uint16(packet.packet_id), _properties(packet.properties, 8, level)]
    for request in packet.requests:
        options = request.qos
        if level == LEVEL_5:
            options |= request.no_local << 2 | request.retain_as_published << 3
            options |= request.retain_handling << 4
        parts += (wire.pack_string(request.topic_filter), wire.pack_byte(options))
    return b"".join(parts)


def _suback(packet: packets.Suback, level: int) -> bytes:
    if level == LEVEL_5:
        codes = bytes(packet.reason_codes)
    else:
        codes = bytes(min(code, 0x80) for code in packet.reason_codes)
    packet_id = wire.pack_uint16(packet.packet_id)
    return packet_id + _properties(packet.properties, 9, level) + codes


def _unsubscribe(packet: packets.Unsubscribe, level: int) -> bytes:
    head = wire.pack_uint16(packet.packet_id) + _properties(packet.properties, 10, level)
    return head + b"".join(map(wire.pack_string, packet.topic_filters))


def _unsuback(packet: packets.Unsuback, level: int) -> bytes:
    packet_id = wire.pack_uint16(packet.packet_id)
    if level != LEVEL_5:
        return packet_id
    return packet_id + encode_properties(packet.properties, 11) + bytes(packet.reason_codes)


def _ping(_packet: packets.Pingreq | packets.Pingresp, _level: int) -> bytes:
    return b""


def _disconnect(packet: packets.Disconnect, level: int) -> bytes:
    if level != LEVEL_5:
        return b""
    return _reason_and_properties(packet.reason_code, packet.properties, 14)


def _auth(packet: packets.Auth, _level: int) -> bytes:
    return _reason_and_properties(packet.reason_code, packet.properties, 15)


PACKET_TYPES: Final[dict[type[packets.Packet], int]] = {
    packets.Connect: 1,
    packets.Connack: 2,
    packets.Publish: 3,
    packets.Puback: 4,
    packets.Pubrec: 5,
    packets.Pubrel: 6,
    packets.Pubcomp: 7,
    packets.Subscribe: 8,
    packets.Suback: 9,
    packets.Unsubscribe: 10,
    packets.Unsuback: 11,
    packets.Pingreq: 12,
    packets.Pingresp: 13,
    packets.Disconnect: 14,
    packets.Auth: 15,
}
"""MQTT control packet types (§2.1.2)."""

ENCODERS: Final[dict[int, Callable[[Any, int], bytes]]] = {
    1: _connect,
    2: _connack,
    4: _acknowledgement,
    5: _acknowledgement,
    6: _acknowledgement,
    7: _acknowledgement,
    8: _subscribe,
    9: _suback,
    10: _unsubscribe,
    11: _unsuback,
    12: _ping,
    13: _ping,
    14: _disconnect,
    15: _auth,
}
"""By packet type, all but PUBLISH: ``(packet, protocol_level) -> body``."""
