"""Properties of MQTT 5.0, held against another implementation's table of them."""

from typing import Any

import pytest
from paho.mqtt import properties as paho_properties
from paho.mqtt.packettypes import PacketTypes

from leafhub.errors import MalformedPacketError, ProtocolError
from leafhub.mqtt.properties import EMPTY, WILL, Properties, decode_properties, encode_properties

PahoProperties: Any = paho_properties.Properties  # paho leaves it without types

# paho's name, our field, a value for paho, the same value for us
SAMPLES = [
    ("PayloadFormatIndicator", "payload_format_indicator", 1, 1),
    ("MessageExpiryInterval", "message_expiry_interval_s", 70_000, 70_000),
    ("ContentType", "content_type", "text/plain", "text/plain"),
    ("ResponseTopic", "response_topic", "a/b", "a/b"),
    ("CorrelationData", "correlation_data", b"\x00\xff", b"\x00\xff"),
    ("SubscriptionIdentifier", "subscription_identifiers", 300, (300,)),
    ("SessionExpiryInterval", "session_expiry_interval_s", 0xFFFFFFFF, 0xFFFFFFFF),
    ("AssignedClientIdentifier", "assigned_client_identifier", "c", "c"),
    ("ServerKeepAlive", "server_keep_alive_s", 60, 60),
    ("AuthenticationMethod", "authentication_method", "m", "m"),
    ("AuthenticationData", "authentication_data", b"d", b"d"),
    ("RequestProblemInformation", "request_problem_information", 0, False),
    ("WillDelayInterval", "will_delay_interval_s", 5, 5),
    ("RequestResponseInformation", "request_response_information", 1, True),
    ("ResponseInformation", "response_information", "i", "i"),
    ("ServerReference", "server_reference", "s", "s"),
    ("ReasonString", "reason_string", "why", "why"),
    ("ReceiveMaximum", "receive_maximum", 20, 20),
    ("TopicAliasMaximum", "topic_alias_maximum", 10, 10),
    ("TopicAlias", "topic_alias", 7, 7),
    ("MaximumQoS", "maximum_qos", 1, 1),
    ("RetainAvailable", "retain_available", 0, False),
    ("UserProperty", "user_properties", ("k", "v"), (("k", "v"),)),
    ("MaximumPacketSize", "maximum_packet_size", 65_536, 65_536),
    ("WildcardSubscriptionAvailable", "wildcard_subscription_available", 1, True),
    ("SubscriptionIdentifierAvailable", "subscription_identifiers_available", 0, False),
    ("SharedSubscriptionAvailable", "shared_subscription_available", 1, True),
]
PACKET_TYPES = {
    number: WILL if number == PacketTypes.WILLMESSAGE else number
    for number in [
        *range(1, 12),
        PacketTypes.DISCONNECT,
        PacketTypes.AUTH,
        PacketTypes.WILLMESSAGE,
    ]
}


def test_every_property_has_its_sample() -> None:
    assert {field for _, field, _, _ in SAMPLES} == set(Properties.__struct_fields__)


@pytest.mark.spec("MQTT-2.2.2.2")
@pytest.mark.parametrize(("name", "field", "theirs", "ours"), SAMPLES)
def test_every_property_agrees_with_paho(
    name: str, field: str, theirs: object, ours: object
) -> None:
    table = PahoProperties(PacketTypes.PUBLISH)
    allowed = table.properties[table.getIdentFromName(name)][1]
    for paho_type, packet_type in PACKET_TYPES.items():
        properties = Properties(**{field: ours})  # type: ignore[arg-type]  # fields by name
        if paho_type not in allowed:
            with pytest.raises(ValueError, match=field):
                encode_properties(properties, packet_type)
            continue
        packed = PahoProperties(paho_type)
        setattr(packed, name, theirs)
        wire = packed.pack()
        assert decode_properties(memoryview(wire), 0, packet_type) == (properties, len(wire))
        assert encode_properties(properties, packet_type) == wire


def test_user_properties_and_identifiers_of_publish_may_repeat() -> None:
    properties = Properties(
        subscription_identifiers=(1, 200), user_properties=(("k", "1"), ("k", "2"))
    )
    wire = encode_properties(properties, PacketTypes.PUBLISH)
    assert decode_properties(memoryview(wire), 0, PacketTypes.PUBLISH)[0] == properties


def test_the_identifier_of_subscribe_may_not_repeat() -> None:
    with pytest.raises(ProtocolError):
        decode_properties(memoryview(bytes.fromhex("040b010b02")), 0, PacketTypes.SUBSCRIBE)


def test_no_property_is_the_shared_empty_value() -> None:
    found, offset = decode_properties(memoryview(b"\x00next"), 0, PacketTypes.PUBLISH)
    assert found is EMPTY
    assert offset == 1


@pytest.mark.parametrize("wire", ["0103", "03030001", "0126", "0326000161", "020b80"])
def test_properties_cut_short_are_malformed(wire: str) -> None:
    with pytest.raises(MalformedPacketError):
        decode_properties(memoryview(bytes.fromhex(wire) + b"\0" * 9), 0, PacketTypes.PUBLISH)
