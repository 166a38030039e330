"""Packet bodies from bytes (MQTT 5.0 §3, 3.1.1 §3). The framing around them is in ``codec``.

Syntax is judged here; what depends on the session or on a dialect (topic filters, wildcards in
topic names, empty client ids, a password without a user name) is left to the layers above.
"""

from collections.abc import Callable
from typing import Final

from leafhub.errors import MalformedPacketError, ProtocolError, UnsupportedProtocolError
from leafhub.mqtt import packets, wire
from leafhub.mqtt.properties import EMPTY, WILL, Properties, decode_properties
from leafhub.mqtt.reason_codes import CONNACK_REASONS, REASON_CODES_OF, ReasonCode

LEVEL_3_1: Final = 3
LEVEL_3_1_1: Final = 4
LEVEL_5: Final = 5
_PROTOCOLS: Final = {("MQIsdp", LEVEL_3_1), ("MQTT", LEVEL_3_1_1), ("MQTT", LEVEL_5)}
PROTOCOL_NAMES: Final = frozenset(name for name, _ in _PROTOCOLS)
_REASON_CODES: Final = {
    packet_type: {int(code): code for code in codes}
    for packet_type, codes in REASON_CODES_OF.items()
}


def decode_connect(data: memoryview) -> packets.Connect:
    """Decode the body of a CONNECT by its own protocol level (§3.1).

    Raises:
        UnsupportedProtocolError: Neither MQIsdp 3, nor MQTT 4, nor MQTT 5; nothing behind the
            level was read.
        MalformedPacketError: Anything else that is wrong.
    """
    name, offset = wire.read_string(data, 0)
    level, offset = wire.read_byte(data, offset)
    if (name, level) not in _PROTOCOLS:
        raise UnsupportedProtocolError(name, level)
    flags, offset = wire.read_byte(data, offset)
    if flags & 0x01 and level != LEVEL_3_1:  # which leaves the bit to itself
        raise MalformedPacketError("reserved connect flag is set", section="3.1.2.3")
    keep_alive_s, offset = wire.read_uint16(data, offset)
    properties = EMPTY
    if level == LEVEL_5:
        properties, offset = decode_properties(data, offset, 1)
        _check_authentication(properties)
    client_id, offset = wire.read_string(data, offset)
    will = None
    if flags & 0x04:
        will, offset = _decode_will(data, offset, flags, level)
    elif flags & 0x38 and level != LEVEL_3_1:
        raise MalformedPacketError("will flags without a will", section="3.1.2.6")
    username = password = None
    if flags & 0x80 and not _may_be_left_out(data, offset, level):
        username, offset = wire.read_string(data, offset)
    if flags & 0x40 and not _may_be_left_out(data, offset, level):
        password, offset = wire.read_binary(data, offset)
    _require_end(data, offset)
    return packets.Connect(
        protocol_name=name,
        protocol_level=level,
        client_id=client_id,
        clean_start=bool(flags & 0x02),
        keep_alive_s=keep_alive_s,
        will=will,
        username=username,
        password=password,
        properties=properties,
    )


def _may_be_left_out(data: memoryview, offset: int, level: int) -> bool:
    """Whether a field is missing as it may in 3.1, whose Remaining Length outweighs the flags."""
    return level == LEVEL_3_1 and offset == len(data)


def _decode_will(
    data: memoryview, offset: int, flags: int, level: int
) -> tuple[packets.Will, int]:
    qos = flags >> 3 & 3
    if qos == 3:
        raise MalformedPacketError("will QoS 3", section="3.1.2.6")
    properties = EMPTY
    if level == LEVEL_5:
        properties, offset = decode_properties(data, offset, WILL)
    topic_name, offset = wire.read_string(data, offset)
    payload, offset = wire.read_binary(data, offset)
    return packets.Will(topic_name, payload, qos, bool(flags & 0x20), properties), offset


def publish_flags(flags: int) -> tuple[int, bool]:
    """Read QoS and DUP out of the fixed header of a PUBLISH (§3.3.1)."""
    qos = flags >> 1 & 3
    dup = flags >= 8
    if qos == 3:
        raise MalformedPacketError("QoS 3", section="3.3.1.2")
    if dup and qos == 0:
        raise ProtocolError("DUP with QoS 0", section="3.3.1.1")
    return qos, dup


def decode_publish(
    data: memoryview | bytes, start: int, end: int, *, flags: int, level: int
) -> packets.Publish:
    """Decode the body of a PUBLISH that stands at ``data[start:end]`` (§3.3).

    It takes bounds instead of a slice because it runs once per message.
    """
    qos, dup = publish_flags(flags)
    topic_start = start + 2
    if topic_start > end:
        raise MalformedPacketError("topic name missing", section="3.3.2.1")
    offset = topic_start + (data[start] << 8 | data[start + 1])
    if offset > end:
        raise MalformedPacketError("topic name runs past the packet", section="3.3.2.1")
    topic_name = wire.text(bytes(data[topic_start:offset]))
    packet_id = None
    if qos:
        if offset + 2 > end:
            raise MalformedPacketError("packet id missing", section="3.3.2.2")
        packet_id = data[offset] << 8 | data[offset + 1]
        offset += 2
        if packet_id == 0:
            raise MalformedPacketError("packet id 0", section="2.2.1")
    properties = EMPTY
    if level == LEVEL_5:
        if offset < end and data[offset] == 0:  # no properties: the usual case
            offset += 1
        else:
            properties, offset = decode_properties(memoryview(data)[:end], offset, 3)
    return packets.Publish(
        topic_name, bytes(data[offset:end]), qos, bool(flags & 1), dup, packet_id, properties
    )


_Acknowledgement = type[packets.Puback | packets.Pubrec | packets.Pubrel | packets.Pubcomp]


def _acknowledgement(
    kind: _Acknowledgement, packet_type: int
) -> Callable[[memoryview, int], packets.Packet]:
    def decode(data: memoryview, level: int) -> packets.Packet:
        """Decode §3.4 to §3.7; 5.0 may leave out code and properties."""
        packet_id, offset = wire.read_packet_id(data, 0)
        if level != LEVEL_5 or offset == len(data):
            _require_end(data, offset)
            return kind(packet_id)
        reason_code, properties = _reason_and_properties(data, offset, packet_type)
        return kind(packet_id, reason_code, properties)

    return decode


def _connack(data: memoryview, level: int) -> packets.Packet:
    flags, offset = wire.read_byte(data, 0)
    if flags > 1:
        raise MalformedPacketError("reserved acknowledge flag is set", section="3.2.2.1")
    if level == LEVEL_5:
        reason_code, offset = _reason_code(data, offset, 2)
        properties, offset = decode_properties(data, offset, 2)
        _require_end(data, offset)
        return packets.Connack(flags == 1, reason_code, properties)
    return_code, offset = wire.read_byte(data, offset)
    _require_end(data, offset)
    if return_code not in CONNACK_REASONS:
        raise MalformedPacketError("unknown return code", section="3.2.2.3")
    return packets.Connack(flags == 1, CONNACK_REASONS[return_code])


def _subscribe(data: memoryview, level: int) -> packets.Packet:
    packet_id, offset = wire.read_packet_id(data, 0)
    properties = EMPTY
    if level == LEVEL_5:
        properties, offset = decode_properties(data, offset, 8)
    requests: list[packets.SubscriptionRequest] = []
    while offset < len(data):
        topic_filter, offset = wire.read_string(data, offset)
        options, offset = wire.read_byte(data, offset)
        if options & (0xC0 if level == LEVEL_5 else 0xFC):
            raise MalformedPacketError("bad subscription options", section="3.8.3.1")
        if options & 3 == 3:
            raise ProtocolError("QoS 3", section="3.8.3.1")
        retain_handling = options >> 4 & 3
        if retain_handling == 3:
            raise ProtocolError("Retain Handling 3", section="3.8.3.1")
        requests.append(
            packets.SubscriptionRequest(
                topic_filter, options & 3, bool(options & 4), bool(options & 8), retain_handling
            )
        )
    if not requests:
        raise ProtocolError("SUBSCRIBE without a topic filter", section="3.8.3")
    return packets.Subscribe(packet_id, tuple(requests), properties)


def _suback(data: memoryview, level: int) -> packets.Packet:
    packet_id, offset = wire.read_packet_id(data, 0)
    properties = EMPTY
    if level == LEVEL_5:
        properties, offset = decode_properties(data, offset, 9)
    return packets.Suback(packet_id, _reason_codes(data, offset, 9), properties)


def _unsubscribe(data: memoryview, level: int) -> packets.Packet:
    packet_id, offset = wire.read_packet_id(data, 0)
    properties = EMPTY
    if level == LEVEL_5:
        properties, offset = decode_properties(data, offset, 10)
    topic_filters: list[str] = []
    while offset < len(data):
        topic_filter, offset = wire.read_string(data, offset)
        topic_filters.append(topic_filter)
    if not topic_filters:
        raise ProtocolError("UNSUBSCRIBE without a topic filter", section="3.10.3")
    return packets.Unsubscribe(packet_id, tuple(topic_filters), properties)


def _unsuback(data: memoryview, level: int) -> packets.Packet:
    packet_id, offset = wire.read_packet_id(data, 0)
    if level != LEVEL_5:
        _require_end(data, offset)
        return packets.Unsuback(packet_id)
    properties, offset = decode_properties(data, offset, 11)
    return packets.Unsuback(packet_id, _reason_codes(data, offset, 11), properties)


def _pingreq(data: memoryview, _level: int) -> packets.Packet:
    _require_end(data, 0)
    return packets.Pingreq()


def _pingresp(data: memoryview, _level: int) -> packets.Packet:
    _require_end(data, 0)
    return packets.Pingresp()


def _disconnect(data: memoryview, level: int) -> packets.Packet:
    if level != LEVEL_5 or not data:
        _require_end(data, 0)
        return packets.Disconnect()
    reason_code, properties = _reason_and_properties(data, 0, 14)
    return packets.Disconnect(reason_code, properties)


def _auth(data: memoryview, level: int) -> packets.Packet:
    if level != LEVEL_5:
        raise MalformedPacketError("packet type 15 is reserved in 3.1.1", section="2.2.1")
    if not data:
        return packets.Auth()
    reason_code, properties = _reason_and_properties(data, 0, 15)
    _check_authentication(properties)
    return packets.Auth(reason_code, properties)


DECODERS: Final[dict[int, Callable[[memoryview, int], packets.Packet]]] = {
    2: _connack,
    4: _acknowledgement(packets.Puback, 4),
    5: _acknowledgement(packets.Pubrec, 5),
    6: _acknowledgement(packets.Pubrel, 6),
    7: _acknowledgement(packets.Pubcomp, 7),
    8: _subscribe,
    9: _suback,
    10: _unsubscribe,
    11: _unsuback,
    12: _pingreq,
    13: _pingresp,
    14: _disconnect,
    15: _auth,
}
"""By packet type, all but CONNECT and PUBLISH: ``(body, protocol_level) -> packet``."""


def _reason_code(data: memoryview, offset: int, packet_type: int) -> tuple[ReasonCode, int]:
    value, offset = wire.read_byte(data, offset)
    reason_code = _REASON_CODES[packet_type].get(value)
    if reason_code is None:
        raise MalformedPacketError(
            f"reason code 0x{value:02x} in packet type {packet_type}", section="2.4"
        )
    return reason_code, offset


def _reason_codes(data: memoryview, offset: int, packet_type: int) -> tuple[ReasonCode, ...]:
    if offset == len(data):
        raise MalformedPacketError("reason codes missing", section="3.9.3")
    return tuple(_reason_code(data, place, packet_type)[0] for place in range(offset, len(data)))


def _reason_and_properties(
    data: memoryview, offset: int, packet_type: int
) -> tuple[ReasonCode, Properties]:
    """Read what ends most 5.0 packets; the properties may be left out."""
    reason_code, offset = _reason_code(data, offset, packet_type)
    properties = EMPTY
    if offset < len(data):
        properties, offset = decode_properties(data, offset, packet_type)
    _require_end(data, offset)
    return reason_code, properties


def _check_authentication(properties: Properties) -> None:
    if properties.authentication_data is not None and properties.authentication_method is None:
        raise ProtocolError("Authentication Data without a method", section="3.1.2.11.10")


def _require_end(data: memoryview, offset: int) -> None:
    if offset != len(data):
        raise MalformedPacketError("bytes behind the end of the packet", section="2.1.4")
