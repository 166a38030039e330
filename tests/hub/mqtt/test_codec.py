"""Round trips, cuts and malformed packets, in both versions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub.errors import (
    MalformedPacketError,
    PacketTooLargeError,
    ProtocolError,
    UnsupportedProtocolError,
)
from leafhub.mqtt import packets
from leafhub.mqtt.codec import decode_packet, decode_packets, encode_packet
from leafhub.mqtt.packets import Connect, Packet, Publish
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import (
    CONNACK_REASONS,
    REASON_CODES_OF,
    ReasonCode,
    connack_return_code,
)
from leafhub.mqtt.wire import decode_variable_byte_integer, pack_variable_byte_integer

MAXIMUM = 1_048_576

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
blobs = st.binary(max_size=12)
uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFFFFFF)
packet_ids = st.integers(1, 0xFFFF)
positive16 = st.integers(1, 0xFFFF)
flags = st.booleans()
bits = st.integers(0, 1)
user_properties = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
qos = st.integers(0, 2)


def reasons(packet_type: int) -> st.SearchStrategy[ReasonCode]:
    return st.sampled_from(sorted(REASON_CODES_OF[packet_type]))


def properties(level: int, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Properties]:
    if level != 5:
        return st.just(EMPTY)
    optional = {name: st.none() | value for name, value in fields.items()}
    return st.builds(Properties, user_properties=user_properties, **optional)


def wills(level: int) -> st.SearchStrategy[packets.Will]:
    return st.builds(
        packets.Will,
        topic_name=texts,
        payload=blobs,
        qos=qos,
        retain=flags,
        properties=properties(
            level,
            payload_format_indicator=bits,
            message_expiry_interval_s=uint32,
            content_type=texts,
            response_topic=texts,
            correlation_data=blobs,
            will_delay_interval_s=uint32,
        ),
    )


def connects(level: int) -> st.SearchStrategy[Connect]:
    return st.builds(
        Connect,
        protocol_name=st.just("MQIsdp" if level == 3 else "MQTT"),
        protocol_level=st.just(level),
        client_id=texts,
        clean_start=flags,
        keep_alive_s=uint16,
        will=st.none() | wills(level),
        username=st.none() | texts,
        password=st.none() | blobs,
        properties=properties(
            level,
            session_expiry_interval_s=uint32,
            receive_maximum=positive16,
            maximum_packet_size=st.integers(1, 0xFFFFFFFF),
            topic_alias_maximum=uint16,
            request_response_information=flags,
            request_problem_information=flags,
            authentication_method=texts,
        ),
    )


def connacks(level: int) -> st.SearchStrategy[packets.Connack]:
    return st.builds(
        packets.Connack,
        session_present=flags,
        reason_code=reasons(2) if level == 5 else st.sampled_from(list(CONNACK_REASONS.values())),
        properties=properties(
            level,
            session_expiry_interval_s=uint32,
            receive_maximum=positive16,
            maximum_qos=bits,
            retain_available=flags,
            maximum_packet_size=st.integers(1, 0xFFFFFFFF),
            assigned_client_identifier=texts,
            topic_alias_maximum=uint16,
            reason_string=texts,
            wildcard_subscription_available=flags,
            subscription_identifiers_available=flags,
            shared_subscription_available=flags,
            server_keep_alive_s=uint16,
            response_information=texts,
            server_reference=texts,
            authentication_method=texts,
            authentication_data=blobs,
        ),
    )


@st.composite
def publishes(draw: st.DrawFn, level: int) -> Publish:
    level_of_service = draw(qos)
    fields = properties(
        level,
        payload_format_indicator=bits,
        message_expiry_interval_s=uint32,
        topic_alias=positive16,
        response_topic=texts,
        correlation_data=blobs,
        content_type=texts,
    )
    identifiers = st.lists(st.integers(1, 268_435_455), max_size=2).map(tuple)
    chosen = draw(fields)
    if level == 5 and (found := draw(identifiers)):
        chosen = Properties(subscription_identifiers=found)
    return Publish(
        draw(texts),
        draw(st.binary(max_size=300)),
        level_of_service,
        draw(flags),
        level_of_service > 0 and draw(flags),
        draw(packet_ids) if level_of_service else None,
        chosen,
    )


def acknowledgements(level: int) -> st.SearchStrategy[Packet]:
    kinds = (packets.Puback, packets.Pubrec, packets.Pubrel, packets.Pubcomp)
    found = properties(level, reason_string=texts)
    success = st.just(ReasonCode.SUCCESS)
    return st.one_of(
        *(
            st.builds(
                kind,
                packet_id=packet_ids,
                reason_code=reasons(packet_type) if level == 5 else success,
                properties=found,
            )
            for packet_type, kind in enumerate(kinds, start=4)
        )
    )


def subscribes(level: int) -> st.SearchStrategy[packets.Subscribe]:
    option = flags if level == 5 else st.just(value=False)
    requests = st.builds(
        packets.SubscriptionRequest,
        topic_filter=texts,
        qos=qos,
        no_local=option,
        retain_as_published=option,
        retain_handling=st.integers(0, 2) if level == 5 else st.just(0),
    )
    identifier = st.integers(1, 268_435_455).map(lambda value: (value,))
    with_identifier = st.builds(Properties, subscription_identifiers=identifier)
    return st.builds(
        packets.Subscribe,
        packet_id=packet_ids,
        requests=st.lists(requests, min_size=1, max_size=4).map(tuple),
        properties=properties(level) | with_identifier if level == 5 else st.just(EMPTY),
    )


def answers(level: int) -> st.SearchStrategy[Packet]:
    v3_codes = st.sampled_from(
        [
            ReasonCode.SUCCESS,
            ReasonCode.GRANTED_QOS_1,
            ReasonCode.GRANTED_QOS_2,
            ReasonCode.UNSPECIFIED_ERROR,
        ]
    )
    found = properties(level, reason_string=texts)

    def codes(packet_type: int) -> st.SearchStrategy[tuple[ReasonCode, ...]]:
        code = reasons(packet_type) if level == 5 else v3_codes
        return st.lists(code, min_size=1, max_size=4).map(tuple)

    suback = st.builds(
        packets.Suback, packet_id=packet_ids, reason_codes=codes(9), properties=found
    )
    unsuback = st.builds(
        packets.Unsuback,
        packet_id=packet_ids,
        reason_codes=codes(11) if level == 5 else st.just(()),
        properties=found,
    )
    unsubscribe = st.builds(
        packets.Unsubscribe,
        packet_id=packet_ids,
        topic_filters=st.lists(texts, min_size=1, max_size=4).map(tuple),
        properties=properties(level),
    )
    return st.one_of(suback, unsuback, unsubscribe)


def rest(level: int) -> st.SearchStrategy[Packet]:
    pings: st.SearchStrategy[Packet] = st.sampled_from([packets.Pingreq(), packets.Pingresp()])
    if level != 5:
        return pings | st.just(packets.Disconnect())
    disconnect = st.builds(
        packets.Disconnect,
        reason_code=reasons(14),
        properties=properties(
            5, session_expiry_interval_s=uint32, reason_string=texts, server_reference=texts
        ),
    )
    auth = st.builds(
        packets.Auth,
        reason_code=reasons(15),
        properties=properties(5, authentication_method=texts, reason_string=texts),
    )
    return st.one_of(pings, disconnect, auth)


def packets_of(level: int) -> st.SearchStrategy[tuple[Packet, int]]:
    kinds = (connects, connacks, publishes, acknowledgements, subscribes, answers, rest)
    return st.tuples(st.one_of(*(kind(level) for kind in kinds)), st.just(level))


any_packet = st.one_of(packets_of(3), packets_of(4), packets_of(5))


def decode(data: bytes, level: int, maximum: int = MAXIMUM) -> tuple[Packet, int] | None:
    return decode_packet(memoryview(data), 0, protocol_level=level, maximum_packet_bytes=maximum)


@given(any_packet)
def test_every_packet_comes_back_as_it_went(case: tuple[Packet, int]) -> None:
    packet, level = case
    data = encode_packet(packet, level)
    assert decode(data + b"next", level) == (packet, len(data))


@given(any_packet)
def test_every_cut_of_every_packet_asks_for_more(case: tuple[Packet, int]) -> None:
    packet, level = case
    data = encode_packet(packet, level)
    for cut in range(len(data)):
        assert decode(data[:cut], level) is None


@given(st.lists(publishes(5) | subscribes(5), max_size=6), st.integers(0, 40))
def test_many_packets_come_out_of_one_buffer(sent: list[Packet], cut: int) -> None:
    encoded = [encode_packet(packet, 5) for packet in sent]
    data = b"".join(encoded)
    kept = len(data) - min(cut, len(data))
    found = list(decode_packets(data[:kept], protocol_level=5, maximum_packet_bytes=MAXIMUM))
    ends = [sum(map(len, encoded[: count + 1])) for count in range(len(encoded))]
    assert found == [pair for pair in zip(sent, ends, strict=True) if pair[1] <= kept]


@pytest.mark.parametrize("size", [100, 127, 128, 5_000, 16_383, 16_384, 70_000])
def test_short_and_general_way_of_publish_agree(size: int) -> None:
    data = encode_packet(Publish("t", bytes(size)), 4)
    (only,) = decode_packets(data, protocol_level=4, maximum_packet_bytes=MAXIMUM)
    assert only == decode(data, 4)
    assert not list(decode_packets(data[:-1], protocol_level=4, maximum_packet_bytes=MAXIMUM))


@pytest.mark.spec("MQTT-1.5.5-1")
@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("00", 0),
        ("7f", 127),
        ("8001", 128),
        ("ff7f", 16_383),
        ("808001", 16_384),
        ("ffffff7f", 268_435_455),
    ],
)
def test_variable_byte_integer_borders(wire: str, value: int) -> None:  # 5.0, table 1-1
    data = bytes.fromhex(wire)
    assert pack_variable_byte_integer(value) == data
    assert decode_variable_byte_integer(memoryview(data + b"next")) == (value, len(data))
    for cut in range(len(data)):  # TCP may stop after any byte
        assert decode_variable_byte_integer(memoryview(data[:cut])) is None


def packet_at(section: str, level: int, wire: str, name: str) -> Any:
    return pytest.param(level, wire, id=name, marks=pytest.mark.spec(section))


MALFORMED = [
    packet_at("MQTT-1.5.5-1", 4, "c08000", "over-long remaining length"),
    packet_at("MQTT-1.5.5-1", 4, "30ffffffff01", "remaining length of five bytes"),
    packet_at("MQTT-2.1.2", 4, "0000", "packet type 0"),
    packet_at("MQTT-2.1.2", 4, "f000", "AUTH in 3.1.1"),
    packet_at("MQTT-2.1.3-1", 4, "c100", "PINGREQ with flags"),
    packet_at("MQTT-2.1.3-1", 4, "800800010003612f6200", "SUBSCRIBE without its flags"),
    packet_at("MQTT-2.1.3-1", 4, "60020001", "PUBREL without its flags"),
    packet_at("MQTT-2.1.3-1", 4, "110c00044d5154540402003c0000", "CONNECT with flags"),
    packet_at("MQTT-3.12", 4, "c00100", "PINGREQ with a body"),
    packet_at("MQTT-3.1.2-3", 4, "100c00044d5154540403003c0000", "reserved connect flag"),
    packet_at("MQTT-3.1.2-11", 4, "100c00044d515454040a003c0000", "will QoS without will"),
    packet_at("MQTT-3.1.2-13", 4, "100c00044d5154540422003c0000", "will retain without will"),
    packet_at("MQTT-3.1.2-12", 4, "101200044d515454041e003c0000000161000178", "will QoS 3"),
    packet_at("MQTT-3.1.3", 4, "100d00044d5154540402003c000000", "bytes behind CONNECT"),
    packet_at("MQTT-3.1.3", 4, "100c00044d5154540482003c0000", "user name missing"),
    packet_at("MQTT-3.1.3", 4, "100c00044d5154540402003c0005", "client id cut short"),
    packet_at("MQTT-3.1.2", 5, "100c00044d5154540502003c0000", "client id length as properties"),
    packet_at("MQTT-3.3.1-4", 4, "360500017400017a", "QoS 3"),
    packet_at("MQTT-2.2.1-3", 4, "32050001740000", "packet id 0"),
    packet_at("MQTT-3.3.2", 4, "3203000174", "packet id missing"),
    packet_at("MQTT-3.3.2", 4, "30020005", "topic name runs out"),
    packet_at("MQTT-3.3.2", 4, "300100", "topic name length cut"),
    packet_at("MQTT-1.5.4-1", 4, "30050003eda080", "surrogate"),
    packet_at("MQTT-1.5.4-1", 4, "30040002c080", "over-long UTF-8"),
    packet_at("MQTT-1.5.4-2", 4, "3003000100", "U+0000"),
    packet_at("MQTT-3.4", 4, "4003000100", "PUBACK of three bytes in 3.1.1"),
    packet_at("MQTT-3.4", 5, "40020000", "PUBACK for packet id 0"),
    packet_at("MQTT-3.4.2.1", 5, "4003000177", "reason code nobody knows"),
    packet_at("MQTT-3.4.2.2", 5, "40050001000500", "property length past the end"),
    packet_at("MQTT-3.4.2.2", 5, "400600010002130a", "property of another packet"),
    packet_at("MQTT-2.2.2.2", 5, "400600010002770a", "property nobody knows"),
    packet_at("MQTT-3.8.3-5", 4, "82060001000161ff", "reserved subscription options"),
    packet_at("MQTT-3.8.3-5", 4, "8206000100016104", "No Local in 3.1.1"),
    packet_at("MQTT-3.8.3", 4, "82050001000161", "options missing"),
    packet_at("MQTT-2.2.1-3", 4, "8206000000016100", "SUBSCRIBE with packet id 0"),
    packet_at("MQTT-3.9.3", 4, "90020001", "SUBACK without codes"),
    packet_at("MQTT-3.14", 4, "e00100", "DISCONNECT with a body in 3.1.1"),
    packet_at("MQTT-3.2.2.1", 4, "20020200", "reserved acknowledge flag"),
    packet_at("MQTT-3.2.2.3", 4, "20020006", "return code nobody knows"),
]


@pytest.mark.parametrize(("level", "wire"), MALFORMED)
def test_malformed_packets(level: int, wire: str) -> None:
    with pytest.raises(MalformedPacketError) as raised:
        decode(bytes.fromhex(wire), level)
    assert raised.value.reason_code == ReasonCode.MALFORMED_PACKET


@pytest.mark.spec("MQTT-2.1.3-1")
@pytest.mark.parametrize(
    ("level", "first"),
    [(4, 0x00), (4, 0x11), (4, 0x16), (4, 0x36), (4, 0x38), (4, 0x47), (5, 0x80), (4, 0xA0)],
)
def test_a_bad_first_byte_is_not_waited_for(level: int, first: int) -> None:
    with pytest.raises(ProtocolError):
        list(decode_packets(bytes([first]), protocol_level=level, maximum_packet_bytes=MAXIMUM))


@pytest.mark.parametrize(
    "wire",
    ["4003000102", "5003000192", "6203000180", "7003000110", "e00101", "e0028c00", "f00104"],
)
def test_a_reason_code_of_another_packet_is_malformed(wire: str) -> None:  # 5.0, table 2-6
    with pytest.raises(MalformedPacketError):
        decode(bytes.fromhex(wire), 5)


FORBIDDEN = [
    packet_at("MQTT-3.3.1-2", 4, "3803000174", "DUP with QoS 0"),
    packet_at("MQTT-3.8.3-2", 4, "82020001", "SUBSCRIBE without a filter"),
    packet_at("MQTT-3.10.3-2", 4, "a2020001", "UNSUBSCRIBE without a filter"),
    packet_at("MQTT-3.8.3.1", 5, "820700010000016130", "Retain Handling 3"),
    packet_at("MQTT-3.8.3-4", 4, "8206000100016103", "subscription QoS 3"),
    packet_at("MQTT-3.8.3.1", 5, "820700010000016103", "subscription QoS 3 in 5.0"),
    packet_at("MQTT-2.2.2.2", 5, "400a0001000" + "61f0000" + "1f0000", "reason string twice"),
    packet_at("MQTT-2.2.2.2", 5, "3006000174020102", "payload format indicator 2"),
    packet_at("MQTT-3.1.2.11.3", 5, "101000044d5154540502003c032100000000", "Receive Maximum 0"),
    packet_at(
        "MQTT-3.1.2.11.4", 5, "101200044d5154540502003c0527000000000000", "Maximum Packet Size 0"
    ),
    packet_at("MQTT-3.8.2.1.2", 5, "82080001020b0000016100", "Subscription Identifier 0"),
    packet_at("MQTT-4.12", 5, "101000044d5154540502003c031600000000", "data without a method"),
]


@pytest.mark.parametrize(("level", "wire"), FORBIDDEN)
def test_packets_that_the_standard_forbids(level: int, wire: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        decode(bytes.fromhex(wire), level)
    assert raised.value.reason_code == ReasonCode.PROTOCOL_ERROR


@pytest.mark.spec("MQTT-3.3.2-8")
def test_topic_alias_zero_has_its_own_reason_code() -> None:
    with pytest.raises(ProtocolError) as raised:
        decode(bytes.fromhex("300700017403230000"), 5)
    assert raised.value.reason_code == ReasonCode.TOPIC_ALIAS_INVALID


@pytest.mark.spec("MQTT-3.1.2-2")
@pytest.mark.parametrize(
    ("name", "level"), [("MQTT", 3), ("MQTT", 6), ("MQIsdp", 4), ("mqtt", 4), ("", 0)]
)
def test_other_protocols_are_named_in_the_error(name: str, level: int) -> None:
    packet = Connect(protocol_name=name, protocol_level=level)
    with pytest.raises(UnsupportedProtocolError) as raised:
        decode(encode_packet(packet, 4), 4)
    assert raised.value.protocol_level == level


def test_a_packet_is_too_large_as_soon_as_its_header_says_so() -> None:
    data = encode_packet(Publish("t", bytes(200)), 4)
    assert decode(data, 4, maximum=len(data)) is not None
    with pytest.raises(PacketTooLargeError):
        decode(data[:3], 4, maximum=len(data) - 1)
    with pytest.raises(PacketTooLargeError):
        list(decode_packets(data, protocol_level=4, maximum_packet_bytes=len(data) - 1))


def test_connect_is_decoded_by_its_own_level() -> None:
    packet = Connect(protocol_level=5, properties=Properties(receive_maximum=3))
    decoded = decode(encode_packet(packet, 4), 4)
    assert decoded is not None
    assert decoded[0] == packet


def test_password_without_user_name_passes_in_3_1_1() -> None:
    packet = Connect(protocol_level=4, password=b"token")
    decoded = decode(encode_packet(packet, 4), 4)
    assert decoded is not None
    assert decoded[0] == packet


def test_filters_and_names_are_not_judged() -> None:
    subscribe = packets.Subscribe(1, (packets.SubscriptionRequest("a#/+b/"),))
    assert decode(encode_packet(subscribe, 4), 4) is not None
    assert decode(encode_packet(Publish("a/#/+", b""), 4), 4) is not None


def test_mqisdp_may_send_subscribe_again_with_dup() -> None:
    data = bytes.fromhex("8a06000100016100")
    assert decode(data, 3) is not None
    with pytest.raises(MalformedPacketError):
        decode(data, 4)


def test_a_plain_5_0_puback_has_the_short_form() -> None:
    assert encode_packet(packets.Puback(7), 5) == bytes.fromhex("40020007")
    assert encode_packet(packets.Puback(7, ReasonCode.QUOTA_EXCEEDED), 5) == bytes.fromhex(
        "4003000797"
    )


def test_suback_failures_are_0x80_in_3_1_1() -> None:
    suback = packets.Suback(1, (ReasonCode.GRANTED_QOS_1, ReasonCode.NOT_AUTHORIZED))
    assert encode_packet(suback, 4) == bytes.fromhex("900400010180")
    assert encode_packet(suback, 5) == bytes.fromhex("90050001000187")


def test_a_property_in_a_wrong_packet_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="topic_alias"):
        encode_packet(packets.Puback(1, properties=Properties(topic_alias=1)), 5)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (0x00, 0),
        (0x84, 1),
        (0x85, 2),
        (0x88, 3),
        (0x89, 3),
        (0x97, 3),
        (0x9F, 3),
        (0x86, 4),
        (0x87, 5),
        (0x8A, 5),
        (0x80, 5),
        (0x8C, 5),
    ],
)
def test_refusals_in_the_words_of_3_1_1(reason: int, code: int) -> None:
    assert connack_return_code(ReasonCode(reason)) == code


def test_the_text_of_a_connect_has_no_password() -> None:
    assert "secret" not in repr(Connect(protocol_level=4, username="u", password=b"secret"))


def connect_bytes(level: int, rest: str) -> bytes:
    name = "00064d5149736470" if level == 3 else "00044d515454"
    body = bytes.fromhex(f"{name}{level:02x}{rest}")
    return bytes((0x10, len(body))) + body


@pytest.mark.parametrize(
    ("rest", "fields"),
    [
        pytest.param("c2003c000163", {}, id="user name and password are missing"),
        pytest.param("c2003c000163000175", {"username": "u"}, id="the password is missing"),
        pytest.param("03003c000163", {}, id="the bit that 3.1.1 reserves"),
        pytest.param("3a003c000163", {}, id="QoS and retain of no Will"),
    ],
)
def test_what_3_1_lets_be_and_3_1_1_does_not(rest: str, fields: dict[str, str]) -> None:
    data = connect_bytes(3, rest)
    connect = Connect(
        protocol_name="MQIsdp",
        protocol_level=3,
        client_id="c",
        keep_alive_s=60,
        username=fields.get("username"),
    )
    assert decode(data, 4) == (connect, len(data))
    with pytest.raises(MalformedPacketError):
        decode(connect_bytes(4, rest), 4)


def test_a_password_that_is_cut_off_is_none_that_is_missing() -> None:
    with pytest.raises(MalformedPacketError):
        decode(connect_bytes(3, "c2003c0001630001750009"), 4)
