"""What a client sends, packet by packet: CONNECT first."""

from typing import Any

import pytest
from engine_client import BOTH, WILL, Client, closed_by, opened

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Will,
)
from leafhub.mqtt.policy import Policy, SecondConnect
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import NEVER_EXPIRES, Closed


def test_nothing_is_handed_out_between_connect_and_resume() -> None:
    client = Client()
    ping, publish = Pingreq(), Publish("t", b"x")
    first = client.send(Connect(protocol_level=4, client_id="c"), publish, ping)
    assert first == [Connect(protocol_level=4, client_id="c")]
    assert client.send(publish) == []
    client.accept()
    assert client.take() == [Connack(session_present=False, reason_code=ReasonCode.SUCCESS)]
    assert client.connection.resume(0.0) == [publish, publish]
    assert client.take() == [Pingresp()]


def test_what_arrives_byte_by_byte_is_one_packet() -> None:
    client = opened()
    data = encode_packet(Publish("t", bytes(300)), 4)
    for place in range(len(data) - 1):
        assert client.connection.receive(data[place : place + 1], 0.0) == []
    assert client.connection.receive(data[-1:] + data, 0.0) == [Publish("t", bytes(300))] * 2


def test_a_packet_that_ends_inside_the_next_read_is_not_kept_waiting() -> None:
    client = opened()
    long, short = encode_packet(Publish("t", bytes(300)), 4), encode_packet(Publish("t", b""), 4)
    assert client.connection.receive(long[:10], 0.0) == []
    client.connection.pause()
    assert client.connection.receive(long[10:] + short + short[:1], 0.0) == []
    assert client.connection.resume(0.0) == [Publish("t", bytes(300)), Publish("t", b"")]
    assert client.connection.receive(short[1:], 0.0) == [Publish("t", b"")]


def test_a_5_0_connack_says_what_the_policy_says_and_no_more() -> None:
    announced = Properties(wildcard_subscription_available=True)
    client = Client(5, Policy(connack_properties=announced))
    client.connect()
    client.accept(assigned_client_id="given")
    (connack,) = client.take()
    assert connack == Connack(
        session_present=False,
        reason_code=ReasonCode.SUCCESS,
        properties=Properties(
            wildcard_subscription_available=True, assigned_client_identifier="given"
        ),
    )


def test_a_policy_may_keep_the_assigned_client_id_to_itself() -> None:
    client = Client(5, Policy(assign_client_id=False))
    client.connect()
    client.accept(assigned_client_id="given")
    assert client.take() == [Connack(session_present=False, reason_code=ReasonCode.SUCCESS)]


@pytest.mark.parametrize(("level", "told"), [(3, False), (4, True), (5, True)])
def test_session_present_is_told_from_3_1_1_on(level: int, told: bool) -> None:  # noqa: FBT001  # a table column
    client = Client(level)
    client.connect(clean_start=False)
    client.accept(session_present=True)
    assert client.take() == [Connack(session_present=told, reason_code=ReasonCode.SUCCESS)]


@BOTH
def test_a_refusal_is_a_connack_and_a_close_without_will(level: int) -> None:
    client = Client(level)
    client.connect(will=WILL)
    client.connection.refuse(ReasonCode.BAD_USER_NAME_OR_PASSWORD, "no such user")
    properties = Properties(reason_string="no such user") if level == 5 else Properties()
    assert client.take() == [
        Connack(
            session_present=False,
            reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD,
            properties=properties,
        )
    ]
    assert client.connection.closing
    end = client.connection.lost("closed")
    assert end is not None
    assert end.will is None
    assert client.connection.lost("closed") is None


def test_a_silent_refusal_says_nothing() -> None:
    client = Client()
    client.connect()
    client.connection.refuse(None)
    assert client.connection.take_output() == b""
    assert client.connection.closing


def test_accepting_a_client_that_has_gone_does_nothing() -> None:
    client = Client()
    client.connect(will=WILL)
    end = client.connection.lost("reset")
    assert end == Closed("reset", None, clean=False)
    state = client.accept()
    client.connection.refuse(ReasonCode.NOT_AUTHORIZED)
    assert client.connection.take_output() == b""
    assert state.connection is None


@pytest.mark.spec("MQTT-3.1.0-1")
@pytest.mark.parametrize("packet", [Pingreq(), Publish("t", b""), Disconnect(), Puback(1)])
def test_the_first_packet_is_connect(packet: Packet) -> None:
    client = Client()
    assert closed_by(client.send(packet)).will is None
    assert client.connection.take_output() == b""


@pytest.mark.spec("MQTT-3.1.0-2")
@BOTH
def test_a_second_connect_closes(level: int) -> None:
    client = opened(level, will=WILL)
    assert closed_by(client.connect()).will == WILL
    expected = [Disconnect(ReasonCode.PROTOCOL_ERROR)] if level == 5 else []
    assert client.take() == expected


def test_a_policy_may_ignore_a_second_connect() -> None:
    client = opened(4, Policy(second_connect=SecondConnect.IGNORE))
    assert client.connect() == []
    assert client.send(Publish("t", b"")) == [Publish("t", b"")]


@pytest.mark.spec("MQTT-3.1.2-2")
@pytest.mark.parametrize(
    ("name", "level", "answer"),
    [
        ("MQTT", 2, "20020001"),
        ("MQTT", 9, "2003008400"),
        ("MQTT", 0x84, "20020001"),  # a bridge of mosquitto
        ("MQIsdp", 0x83, "20020001"),
        ("MQIsdp", 4, "20020001"),
        ("SMTP", 4, ""),
    ],
)
def test_an_unknown_level_is_answered(name: str, level: int, answer: str) -> None:
    client = Client()
    connect = Connect(protocol_name=name, protocol_level=level)
    assert isinstance(client.send(connect)[-1], Closed)
    assert client.connection.take_output() == bytes.fromhex(answer)


def test_a_policy_may_leave_an_unknown_level_unanswered() -> None:
    client = Client(policy=Policy(answer_unsupported_protocol=False))
    assert isinstance(client.send(Connect(protocol_level=9))[-1], Closed)
    assert client.connection.take_output() == b""


def test_a_malformed_connect_closes_without_a_word() -> None:
    client = Client()
    requests = client.connection.receive(bytes.fromhex("100c00044d5154540403003c0000"), 0.0)
    assert isinstance(requests[-1], Closed)
    assert client.connection.take_output() == b""


def test_a_will_beyond_the_capabilities_is_refused() -> None:
    client = Client(5, Policy(connack_properties=Properties(maximum_qos=1)))
    client.connect(will=Will("t", b"", qos=2))
    client.accept()
    assert client.take() == [
        Connack(session_present=False, reason_code=ReasonCode.QOS_NOT_SUPPORTED)
    ]
    assert client.connection.closing


@pytest.mark.parametrize(
    ("level", "fields", "expiry_interval_s"),
    [
        (4, {"clean_start": True}, 0),
        (4, {"clean_start": False}, NEVER_EXPIRES),
        (5, {"clean_start": False}, 0),
        (5, {"properties": Properties(session_expiry_interval_s=60)}, 60),
    ],
)
def test_how_long_a_session_lives(
    level: int, fields: dict[str, Any], expiry_interval_s: int
) -> None:
    assert Client(level).open(**fields).expiry_interval_s == expiry_interval_s


def test_a_session_expires_from_its_disconnection_on() -> None:
    client = Client(5)
    state = client.open(properties=Properties(session_expiry_interval_s=60))
    assert state.expires_at_s() is None
    client.connection.lost("reset", 100.0)
    assert state.disconnected_at_s == 100.0
    assert state.expires_at_s() == 160.0


@pytest.mark.spec("MQTT-3.14.2-2")
def test_disconnect_may_change_the_expiry_but_not_revive_a_session() -> None:
    client = Client(5)
    state = client.open(properties=Properties(session_expiry_interval_s=60))
    client.send(Disconnect(properties=Properties(session_expiry_interval_s=5)))
    assert state.expiry_interval_s == 5
    client = opened(5)
    client.send(Disconnect(properties=Properties(session_expiry_interval_s=5)))
    assert client.take() == [Disconnect(ReasonCode.PROTOCOL_ERROR)]
