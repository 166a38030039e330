"""Properties of MQTT 5.0 (§2.2.2): which, of what type, in which packet."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from leafhub.errors import MalformedPacketError, ProtocolError
from leafhub.mqtt import wire


class Properties(msgspec.Struct, frozen=True, kw_only=True, gc=False, repr_omit_defaults=True):
    """Every property of §2.2.2.2; None, or an empty tuple, is "not there"."""

    payload_format_indicator: int | None = None
    message_expiry_interval_s: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    subscription_identifiers: tuple[int, ...] = ()
    session_expiry_interval_s: int | None = None
    assigned_client_identifier: str | None = None
    server_keep_alive_s: int | None = None
    authentication_method: str | None = None
    authentication_data: bytes | None = None
    request_problem_information: bool | None = None
    will_delay_interval_s: int | None = None
    request_response_information: bool | None = None
    response_information: str | None = None
    server_reference: str | None = None
    reason_string: str | None = None
    receive_maximum: int | None = None
    topic_alias_maximum: int | None = None
    topic_alias: int | None = None
    maximum_qos: int | None = None
    retain_available: bool | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    maximum_packet_size: int | None = None
    wildcard_subscription_available: bool | None = None
    subscription_identifiers_available: bool | None = None
    shared_subscription_available: bool | None = None

    @property
    def held_bytes(self) -> int:
        """What those of a PUBLISH take while it waits: texts and binary data."""
        held = (self.content_type or "", self.response_topic or "", self.correlation_data or b"")
        pairs = self.user_properties
        return sum(map(len, held)) + sum(len(name) + len(value) for name, value in pairs)


EMPTY: Final = Properties()
"""No property at all; shared, so that a packet without properties costs nothing."""

WILL: Final = 0
"""Stands for the Will Properties of CONNECT where a packet type is asked for."""

_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE, _DISCONNECT, _AUTH = 1, 2, 3, 8, 14, 15
_ACKNOWLEDGEMENTS = (4, 5, 6, 7, 9, 11)  # PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK
_ALL = (WILL, *range(1, 12), _DISCONNECT, _AUTH)


def _bit(data: memoryview, offset: int) -> tuple[int, int]:
    value, offset = wire.read_byte(data, offset)
    if value > 1:
        raise ProtocolError("property is neither 0 nor 1", section="2.2.2.2")
    return value, offset


def _boolean(data: memoryview, offset: int) -> tuple[bool, int]:
    value, offset = _bit(data, offset)
    return value == 1, offset


def _positive_uint16(data: memoryview, offset: int) -> tuple[int, int]:
    value, offset = wire.read_uint16(data, offset)
    if value == 0:
        raise ProtocolError("Receive Maximum is 0", section="3.1.2.11.3")
    return value, offset


def _positive_uint32(data: memoryview, offset: int) -> tuple[int, int]:
    value, offset = wire.read_uint32(data, offset)
    if value == 0:
        raise ProtocolError("Maximum Packet Size is 0", section="3.1.2.11.4")
    return value, offset


def _topic_alias(data: memoryview, offset: int) -> tuple[int, int]:
    value, offset = wire.read_uint16(data, offset)
    if value == 0:
        raise ProtocolError("Topic Alias is 0", section="3.3.2.3.4", reason_code=0x94)
    return value, offset


def _subscription_identifier(data: memoryview, offset: int) -> tuple[int, int]:
    value, offset = wire.read_variable_byte_integer(data, offset)
    if value == 0:
        raise ProtocolError("Subscription Identifier is 0", section="3.8.2.1.2")
    return value, offset


def _string_pair(data: memoryview, offset: int) -> tuple[tuple[str, str], int]:
    name, offset = wire.read_string(data, offset)
    value, offset = wire.read_string(data, offset)
    return (name, value), offset


def _pack_pair(value: tuple[str, str]) -> bytes:
    return wire.pack_string(value[0]) + wire.pack_string(value[1])


class _Type(NamedTuple):
    read: Callable[[memoryview, int], tuple[Any, int]]
    pack: Callable[[Any], bytes]


_BIT = _Type(_bit, wire.pack_byte)
_BOOLEAN = _Type(_boolean, wire.pack_byte)
_UINT16 = _Type(wire.read_uint16, wire.pack_uint16)
_UINT32 = _Type(wire.read_uint32, wire.pack_uint32)
_STRING = _Type(wire.read_string, wire.pack_string)
_BINARY = _Type(wire.read_binary, wire.pack_binary)


class _Property(NamedTuple):
    name: str
    type: _Type
    packet_types: frozenset[int]


def _property(name: str, kind: _Type, *packet_types: int) -> _Property:
    return _Property(name, kind, frozenset(packet_types))


# MQTT 5.0 table 2-4, in the order of its identifiers.
_PROPERTIES: Final = {
    0x01: _property("payload_format_indicator", _BIT, _PUBLISH, WILL),
    0x02: _property("message_expiry_interval_s", _UINT32, _PUBLISH, WILL),
    0x03: _property("content_type", _STRING, _PUBLISH, WILL),
    0x08: _property("response_topic", _STRING, _PUBLISH, WILL),
    0x09: _property("correlation_data", _BINARY, _PUBLISH, WILL),
    0x0B: _property(
        "subscription_identifiers",
        _Type(_subscription_identifier, wire.pack_variable_byte_integer),
        _PUBLISH,
        _SUBSCRIBE,
    ),
    0x11: _property("session_expiry_interval_s", _UINT32, _CONNECT, _CONNACK, _DISCONNECT),
    0x12: _property("assigned_client_identifier", _STRING, _CONNACK),
    0x13: _property("server_keep_alive_s", _UINT16, _CONNACK),
    0x15: _property("authentication_method", _STRING, _CONNECT, _CONNACK, _AUTH),
    0x16: _property("authentication_data", _BINARY, _CONNECT, _CONNACK, _AUTH),
    0x17: _property("request_problem_information", _BOOLEAN, _CONNECT),
    0x18: _property("will_delay_interval_s", _UINT32, WILL),
    0x19: _property("request_response_information", _BOOLEAN, _CONNECT),
    0x1A: _property("response_information", _STRING, _CONNACK),
    0x1C: _property("server_reference", _STRING, _CONNACK, _DISCONNECT),
    0x1F: _property("reason_string", _STRING, _CONNACK, *_ACKNOWLEDGEMENTS, _DISCONNECT, _AUTH),
    0x21: _property(
        "receive_maximum", _Type(_positive_uint16, wire.pack_uint16), _CONNECT, _CONNACK
    ),
    0x22: _property("topic_alias_maximum", _UINT16, _CONNECT, _CONNACK),
    0x23: _property("topic_alias", _Type(_topic_alias, wire.pack_uint16), _PUBLISH),
    0x24: _property("maximum_qos", _BIT, _CONNACK),
    0x25: _property("retain_available", _BOOLEAN, _CONNACK),
    0x26: _property("user_properties", _Type(_string_pair, _pack_pair), *_ALL),
    0x27: _property(
        "maximum_packet_size", _Type(_positive_uint32, wire.pack_uint32), _CONNECT, _CONNACK
    ),
    0x28: _property("wildcard_subscription_available", _BOOLEAN, _CONNACK),
    0x29: _property("subscription_identifiers_available", _BOOLEAN, _CONNACK),
    0x2A: _property("shared_subscription_available", _BOOLEAN, _CONNACK),
}
_SUBSCRIPTION_IDENTIFIER, _USER_PROPERTY = 0x0B, 0x26


def decode_properties(data: memoryview, offset: int, packet_type: int) -> tuple[Properties, int]:
    """Decode a property length and the properties behind it (§2.2.2).

    Args:
        data: The packet, whole.
        offset: Where the property length starts.
        packet_type: 1..15 (§2.1.2), or ``WILL``.

    Returns:
        The properties and the offset behind them.

    Raises:
        MalformedPacketError: Cut short, an unknown identifier, or a property that this packet
            cannot have.
        ProtocolError: A property twice, or a value that is not allowed.
    """
    length, offset = wire.read_variable_byte_integer(data, offset)
    if length == 0:
        return EMPTY, offset
    end = offset + length
    if end > len(data):
        raise MalformedPacketError("properties run past the packet", section="2.2.2.1")
    data = data[:end]
    found: dict[str, Any] = {}
    while offset < end:
        identifier, offset = wire.read_variable_byte_integer(data, offset)
        known = _PROPERTIES.get(identifier)
        if known is None or packet_type not in known.packet_types:
            raise MalformedPacketError(
                f"property 0x{identifier:02x} in packet type {packet_type}", section="2.2.2.2"
            )
        value, offset = known.type.read(data, offset)
        if identifier == _USER_PROPERTY or (
            identifier == _SUBSCRIPTION_IDENTIFIER and packet_type == _PUBLISH
        ):
            found.setdefault(known.name, []).append(value)
        elif known.name in found:
            raise ProtocolError(f"property 0x{identifier:02x} twice", section="2.2.2.2")
        else:
            found[known.name] = (value,) if identifier == _SUBSCRIPTION_IDENTIFIER else value
    for name, value in found.items():
        if isinstance(value, list):
            found[name] = tuple(value)
    return Properties(**found), offset


def encode_properties(properties: Properties, packet_type: int) -> bytes:
    """Encode the property length and the properties, in the order of their identifiers.

    Args:
        properties: What to say.
        packet_type: 1..15 (§2.1.2), or ``WILL``.

    Raises:
        ValueError: A property that this packet cannot have: a mistake of ours, not of the peer.
    """
    if properties is EMPTY:
        return b"\0"
    parts: list[bytes] = []
    for identifier, known in _PROPERTIES.items():
        value = getattr(properties, known.name)
        if value is None or value == ():
            continue
        if packet_type not in known.packet_types:
            raise ValueError(f"{known.name} does not belong into packet type {packet_type}")
        for one in value if isinstance(value, tuple) else (value,):
            parts += (wire.pack_byte(identifier), known.type.pack(one))
    encoded = b"".join(parts)
    return wire.pack_variable_byte_integer(len(encoded)) + encoded
