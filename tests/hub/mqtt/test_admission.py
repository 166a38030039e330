"""What a client may not ask for in CONNECT, and what CONNACK tells it."""

import pytest
from engine_client import BOTH, Client

from leafhub.mqtt.limits import Limits
from leafhub.mqtt.packets import Connack, Disconnect, Publish, Will
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode

PLAIN = Policy(announce_limits=True, topic_alias_maximum=64, receive_maximum=100)


def told(policy: Policy, limits: Limits) -> Properties:
    client = Client(5, policy, limits)
    client.connect()
    client.accept()
    (connack,) = client.take()
    assert isinstance(connack, Connack)
    return connack.properties


@pytest.mark.parametrize(
    ("policy", "limits", "expected"),
    [
        (Policy(), Limits(maximum_packet_bytes=300), EMPTY),  # a vendor's silence
        (
            PLAIN,
            Limits(),
            Properties(maximum_packet_size=8_388_608, receive_maximum=100, topic_alias_maximum=64),
        ),
        (
            PLAIN,
            Limits(maximum_packet_bytes=300, receive_maximum=7),
            Properties(maximum_packet_size=300, receive_maximum=7, topic_alias_maximum=64),
        ),
        (  # as much as MQTT knows of
            Policy(announce_limits=True),
            Limits(maximum_packet_bytes=268_435_460, receive_maximum=65_535),
            EMPTY,
        ),
        (
            Policy(
                announce_limits=True,
                connack_properties=Properties(receive_maximum=9, maximum_qos=1),
            ),
            Limits(maximum_packet_bytes=300, receive_maximum=10),
            Properties(maximum_packet_size=300, receive_maximum=9, maximum_qos=1),
        ),
        (  # what a vendor announces stays true
            Policy(connack_properties=Properties(maximum_packet_size=500)),
            Limits(maximum_packet_bytes=300),
            Properties(maximum_packet_size=300),
        ),
    ],
)
def test_connack_tells_what_holds(policy: Policy, limits: Limits, expected: Properties) -> None:
    assert told(policy, limits) == expected


@pytest.mark.parametrize("size", [299, 300, 301])
def test_the_announced_packet_size_is_the_one_that_holds(size: int) -> None:
    client = Client(5, PLAIN, Limits(maximum_packet_bytes=300))
    client.open()
    requests = client.send(Publish("t", bytes(size - 7)))  # header 3, topic 3, properties 1
    assert client.connection.closing is (size > 300)
    assert len(requests) == 1


def test_the_announced_receive_maximum_is_the_one_that_holds() -> None:
    client = Client(5, PLAIN, Limits(receive_maximum=2))
    client.open()
    publishes = [Publish("t", b"", 1, packet_id=number) for number in (1, 2, 3)]
    assert client.send(*publishes[:2]) == publishes[:2]
    client.send(publishes[2])
    assert client.take() == [Disconnect(ReasonCode.RECEIVE_MAXIMUM_EXCEEDED)]


@BOTH
@pytest.mark.parametrize("topic_name", ["", "a/+", "#"])
def test_a_will_that_can_never_be_published_is_refused(level: int, topic_name: str) -> None:
    client = Client(level)
    client.connect(will=Will(topic_name, b""))
    client.accept()
    code = ReasonCode.TOPIC_NAME_INVALID if level == 5 else ReasonCode.NOT_AUTHORIZED
    assert client.take() == [Connack(session_present=False, reason_code=code)]
    end = client.connection.lost("closed")
    assert end is not None
    assert end.will is None


def test_a_policy_that_lets_wildcards_pass_lets_them_pass_in_a_will() -> None:
    client = Client(5, Policy(wildcards_in_topic_names=True))
    client.open(will=Will("a/#", b""))
    assert not client.connection.closing


@pytest.mark.parametrize(
    ("will", "code"),
    [
        (Will("a/b/c", b""), ReasonCode.TOPIC_NAME_INVALID),
        (Will("a", b"", properties=Properties(response_topic="a/+")), ReasonCode.PROTOCOL_ERROR),
    ],
)
def test_a_will_is_judged_like_a_message(will: Will, code: ReasonCode) -> None:
    client = Client(5, limits=Limits(maximum_topic_levels=2))
    client.connect(will=will)
    client.accept()
    assert client.take() == [Connack(session_present=False, reason_code=code)]
