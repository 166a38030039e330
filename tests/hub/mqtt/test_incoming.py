"""Messages from the client: acknowledged once, handed up once, within what was announced."""

import pytest
from engine_client import BOTH, WILL, Client, closed_by, opened

from leafhub.mqtt.packets import (
    Connack,
    Disconnect,
    Packet,
    Pingreq,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
)
from leafhub.mqtt.policy import Policy, QoS2Publish, RefusedPublish
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import Closed, Phase


@BOTH
def test_qos_0_is_handed_up_and_not_answered(level: int) -> None:
    client = opened(level)
    publish = Publish("t", b"x", retain=True)
    assert client.send(publish) == [publish]
    client.connection.acknowledge(publish)
    assert client.take() == []


@BOTH
def test_qos_1_is_answered_after_the_commit(level: int) -> None:
    client = opened(level)
    publish = Publish("t", b"x", 1, packet_id=7)
    assert client.send(publish) == [publish]
    assert client.take() == []
    client.connection.acknowledge(publish)
    assert client.take() == [Puback(7)]


@pytest.mark.spec("MQTT-4.3.3-10")
@BOTH
def test_qos_2_is_handed_up_once(level: int) -> None:
    client = opened(level)
    publish = Publish("t", b"x", 2, packet_id=7)
    again = Publish("t", b"x", 2, dup=True, packet_id=7)
    assert client.send(publish, again) == [publish]
    assert client.take() == []
    client.connection.acknowledge(publish)
    assert client.take() == [Pubrec(7)]
    assert client.send(again) == []
    assert client.take() == [Pubrec(7)]
    assert client.send(Pubrel(7)) == []
    assert client.take() == [Pubcomp(7)]
    assert client.send(publish) == [publish]


@pytest.mark.spec("MQTT-4.3.3-10")
def test_qos_2_is_handed_up_once_over_two_connections() -> None:
    publish = Publish("t", b"x", 2, packet_id=7)
    again = Publish("t", b"x", 2, dup=True, packet_id=7)
    first, second = Client(), Client()
    state = first.open(clean_start=False)
    first.send(publish)
    first.connection.lost("reset")
    second.open(state, clean_start=False)
    assert second.send(again) == []
    assert second.take() == []
    first.connection.acknowledge(
        publish
    )  # the commit comes through on the connection that is gone
    assert first.connection.take_output() == b""
    assert second.connection.answer_overdue(0.0) == []
    assert second.take() == [Pubrec(7)]


def test_qos_2_that_could_not_be_stored_is_handed_up_again_to_the_next_connection() -> None:
    publish = Publish("t", b"x", 2, packet_id=7)
    again = Publish("t", b"x", 2, dup=True, packet_id=7)
    first, second = Client(), Client()
    state = first.open(clean_start=False)
    first.send(publish)
    first.connection.end(None, "not stored")
    first.connection.acknowledge(publish, ReasonCode.QUOTA_EXCEEDED)
    second.open(state, clean_start=False)
    assert second.send(again) == [again]


def test_pubrel_for_an_unknown_id_says_so_in_5_0() -> None:
    client = opened(5)
    client.send(Pubrel(9))
    assert client.take() == [Pubcomp(9, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND)]


@pytest.mark.parametrize("qos", [1, 2])
def test_a_refusal_has_its_code_and_text_in_5_0(qos: int) -> None:
    client = opened(5)
    publish = Publish("t", b"x", qos, packet_id=7)
    client.send(publish)
    client.connection.acknowledge(publish, ReasonCode.TOPIC_NAME_INVALID, "no such topic")
    answer = (Puback, Pubrec)[qos - 1]
    text = Properties(reason_string="no such topic")
    assert client.take() == [answer(7, ReasonCode.TOPIC_NAME_INVALID, text)]
    assert client.send(publish) == [publish]


@pytest.mark.spec("MQTT-3.1.2-29")
@pytest.mark.parametrize(
    "wish", [Properties(request_problem_information=False), Properties(maximum_packet_size=12)]
)
def test_a_reason_string_is_left_out_where_unwanted_or_too_long(wish: Properties) -> None:
    client = opened(5, properties=wish)
    publish = Publish("t", b"x", 1, packet_id=7)
    client.send(publish)
    client.connection.acknowledge(publish, ReasonCode.NOT_AUTHORIZED, "not yours")
    assert client.take() == [Puback(7, ReasonCode.NOT_AUTHORIZED)]


@pytest.mark.parametrize(("qos", "answer"), [(1, Puback(7)), (2, Pubrec(7))])
def test_a_refusal_looks_like_success_in_3_1_1(qos: int, answer: Packet) -> None:
    client = opened()
    publish = Publish("t", b"x", qos, packet_id=7)
    client.send(publish)
    client.connection.acknowledge(publish, ReasonCode.NOT_AUTHORIZED, "not yours")
    assert client.take() == [answer]


@pytest.mark.parametrize("qos", [1, 2])
def test_a_policy_may_close_on_a_refusal_in_3_1_1(qos: int) -> None:
    client = opened(4, Policy(refused_publish_v3=RefusedPublish.CLOSE), will=WILL)
    publish = Publish("t", b"x", qos, packet_id=7)
    client.send(publish)
    client.connection.acknowledge(publish, ReasonCode.NOT_AUTHORIZED)
    assert client.connection.closing
    assert client.take() == []
    assert client.send(Pingreq()) == []
    end = client.connection.lost("closed")
    assert end is not None
    assert end.will == WILL
    assert client.connection.lost("closed") is None


@pytest.mark.parametrize(("level", "closes"), [(4, True), (5, False)])
def test_a_policy_may_close_on_a_refused_qos_0(level: int, closes: bool) -> None:  # noqa: FBT001  # a table column
    client = opened(level, Policy(refused_qos0_v3_closes=True))
    publish = Publish("t", b"x")
    client.send(publish)
    client.connection.acknowledge(publish, ReasonCode.NOT_AUTHORIZED)
    assert client.connection.closing is closes


def test_a_policy_may_leave_qos_2_unanswered() -> None:
    client = opened(4, Policy(qos2_publish=QoS2Publish.UNANSWERED))
    publish = Publish("t", b"x", 2, packet_id=7)
    assert client.send(publish, publish) == [publish, publish]
    client.connection.acknowledge(publish)
    assert client.take() == []


@pytest.mark.parametrize("packet", [Pubrec(1), Pubrel(1), Pubcomp(1)])
def test_a_policy_may_close_on_receiver_packets(packet: Packet) -> None:
    client = opened(4, Policy(receiver_packets_close=True), will=WILL)
    assert closed_by(client.send(packet)).will == WILL


def test_an_answer_after_disconnect_is_not_written() -> None:
    client = opened()
    publish = Publish("t", b"x", 1, packet_id=7)
    assert client.send(publish, Disconnect()) == [
        publish,
        Closed("client disconnected", None, clean=True),
    ]
    client.connection.acknowledge(publish)
    assert client.take() == []


@pytest.mark.spec("MQTT-3.3.2-2")
@pytest.mark.parametrize("topic_name", ["a/+", "#"])
def test_wildcards_in_a_topic_name_close(topic_name: str) -> None:
    client = opened(5)
    assert isinstance(client.send(Publish(topic_name, b""))[-1], Closed)
    assert client.take() == [Disconnect(ReasonCode.TOPIC_NAME_INVALID)]


def test_a_policy_may_let_wildcards_pass() -> None:
    client = opened(4, Policy(wildcards_in_topic_names=True))
    assert client.send(Publish("#", b"")) == [Publish("#", b"")]


@pytest.mark.spec("MQTT-4.7.3-1")
@BOTH
def test_an_empty_topic_name_closes(level: int) -> None:
    assert isinstance(opened(level).send(Publish("", b""))[-1], Closed)


@pytest.mark.spec("MQTT-3.3.1-2")
def test_dup_with_qos_0_closes() -> None:
    client = opened(will=WILL)
    assert closed_by(client.connection.receive(bytes.fromhex("3803000174"), 0.0)).will == WILL


def alias(number: int) -> Properties:
    return Properties(topic_alias=number)


def test_topic_aliases_are_resolved() -> None:
    client = Client(5, Policy(topic_alias_maximum=2))
    client.connect()
    client.accept()
    (connack,) = client.take()
    assert isinstance(connack, Connack)
    assert connack.properties.topic_alias_maximum == 2
    client.connection.resume(0.0)
    known, short = Publish("t", b"1", properties=alias(2)), Publish("", b"2", properties=alias(2))
    assert client.send(known, short) == [known, Publish("t", b"2", properties=alias(2))]


@pytest.mark.spec("MQTT-3.3.2-9")
@pytest.mark.parametrize(
    ("maximum", "topic_name", "code"), [(0, "t", 0x94), (2, "t", 0x94), (9, "", 0x82)]
)
def test_bad_topic_aliases_close(maximum: int, topic_name: str, code: int) -> None:
    client = opened(5, Policy(topic_alias_maximum=maximum))
    client.send(Publish(topic_name, b"", properties=alias(3)))
    assert client.take() == [Disconnect(ReasonCode(code))]


@pytest.mark.parametrize(
    ("announced", "publish", "code"),
    [
        (Properties(maximum_qos=0), Publish("t", b"", 1, packet_id=1), 0x9B),
        (Properties(retain_available=False), Publish("t", b"", retain=True), 0x9A),
    ],
)
def test_a_5_0_client_is_held_to_what_was_announced(
    announced: Properties, publish: Publish, code: int
) -> None:
    client = opened(5, Policy(connack_properties=announced))
    client.send(publish)
    assert client.take() == [Disconnect(ReasonCode(code))]
    assert opened(4, Policy(connack_properties=announced)).send(publish) == [publish]


@pytest.mark.spec("MQTT-3.3.4-7")
def test_more_than_receive_maximum_closes() -> None:
    client = opened(5, Policy(connack_properties=Properties(receive_maximum=2)))
    one, two, three = (Publish("t", b"", 1, packet_id=number) for number in (1, 2, 3))
    assert client.send(one, two) == [one, two]
    client.connection.acknowledge(one)
    assert client.send(three) == [three]
    client.take()
    assert isinstance(client.send(one)[-1], Closed)
    assert client.take() == [Disconnect(ReasonCode.RECEIVE_MAXIMUM_EXCEEDED)]


@pytest.mark.spec("MQTT-3.3.4-6")
def test_a_subscription_identifier_from_a_client_closes() -> None:
    client = opened(5)
    publish = Publish("t", b"", properties=Properties(subscription_identifiers=(1,)))
    assert isinstance(client.send(publish)[-1], Closed)


def test_a_policy_may_stop_after_each_request() -> None:
    client = opened(4, Policy(one_request_at_a_time=True))
    one, two = Publish("a", b""), Publish("b", b"", 2, packet_id=4)
    assert client.send(one, two, Pubrel(4)) == [one]
    assert client.connection.phase is Phase.PAUSED
    client.connection.set_policy(
        Policy(qos2_publish=QoS2Publish.UNANSWERED, receiver_packets_close=True)
    )
    requests = client.connection.resume(0.0)
    assert requests[0] == two
    assert isinstance(requests[1], Closed)


def test_what_waits_is_bounded() -> None:
    client = opened(5, Policy(maximum_packet_bytes=1_000))
    client.connection.pause()
    assert not client.connection.input_full
    assert client.connection.receive(bytes(1_000), 0.0) == []
    assert client.connection.input_full
    assert isinstance(client.connection.receive(bytes(600_000), 0.0)[-1], Closed)
    assert client.take() == [Disconnect(ReasonCode.QUOTA_EXCEEDED)]


@BOTH
def test_a_packet_above_the_limit_closes(level: int) -> None:
    client = opened(level, Policy(maximum_packet_bytes=100), will=WILL)
    assert closed_by(client.send(Publish("t", bytes(100)))).will == WILL
    assert client.take() == ([Disconnect(ReasonCode.PACKET_TOO_LARGE)] if level == 5 else [])


@pytest.mark.spec("MQTT-3.3.2-14")
@pytest.mark.parametrize("response_topic", ["", "a/+", "#"])
def test_a_response_topic_is_a_topic_name(response_topic: str) -> None:
    client = opened(5)
    client.send(Publish("t", b"", properties=Properties(response_topic=response_topic)))
    assert client.take() == [Disconnect(ReasonCode.PROTOCOL_ERROR)]


def test_a_payload_declared_utf_8_is_passed_on_unlooked_at() -> None:
    client = opened(5)
    publish = Publish("t", b"\xff", properties=Properties(payload_format_indicator=1))
    assert client.send(publish) == [publish]


def test_receive_maximum_counts_what_was_sent_on_this_connection() -> None:
    policy = Policy(connack_properties=Properties(receive_maximum=2))
    keep = Properties(session_expiry_interval_s=60)
    first, second = Client(5, policy), Client(5, policy)
    state = first.open(properties=keep)
    for packet_id in (1, 2):
        publish = Publish("t", b"", 2, packet_id=packet_id)
        first.send(publish)
        first.connection.acknowledge(publish)
    first.connection.lost("reset")
    second.open(state, clean_start=False, properties=keep)
    others = [Publish("t", b"", 2, packet_id=packet_id) for packet_id in (3, 4)]
    assert second.send(*others) == others  # the PUBRELs that are still due take no quota
    second.send(Pubrel(1), Pubrel(2))
    assert second.take() == [Pubcomp(1), Pubcomp(2)]
    second.send(Publish("t", b"", 1, packet_id=5))
    assert second.take() == [Disconnect(ReasonCode.RECEIVE_MAXIMUM_EXCEEDED)]


def test_a_refused_qos_2_message_and_a_finished_one_free_their_place() -> None:
    client = opened(5, Policy(connack_properties=Properties(receive_maximum=1)))
    one, two, three = (Publish("t", b"", 2, packet_id=number) for number in (1, 2, 3))
    assert client.send(one) == [one]
    client.connection.acknowledge(one, ReasonCode.NOT_AUTHORIZED)
    assert client.send(two) == [two]
    client.connection.acknowledge(two)
    client.send(Pubrel(2))
    assert client.send(three) == [three]


@BOTH
def test_what_an_earlier_connection_could_not_store_is_refused_when_it_was_sent_again(
    level: int,
) -> None:
    publish = Publish("t", b"x", 2, packet_id=7)
    again = Publish("t", b"x", 2, dup=True, packet_id=7)
    keep = Properties(session_expiry_interval_s=60)
    first, second = Client(level), Client(level)
    state = first.open(clean_start=False, properties=keep)
    first.send(publish)
    first.connection.lost("reset")
    second.open(state, clean_start=False, properties=keep)
    assert second.send(again) == []  # the first one is not decided yet
    first.connection.acknowledge(publish, ReasonCode.QUOTA_EXCEEDED)
    requests = second.connection.answer_overdue(0.0)
    if level == 5:
        assert second.take() == [Pubrec(7, ReasonCode.UNSPECIFIED_ERROR)]
        assert second.send(again) == [again]
    else:
        assert isinstance(requests[-1], Closed)  # 3.1.1 has no word for it: it will send again
        assert second.take() == []


@BOTH
def test_what_an_earlier_connection_stored_is_answered_when_that_is_known(level: int) -> None:
    publish = Publish("t", b"x", 2, packet_id=7)
    keep = Properties(session_expiry_interval_s=60)
    first, second = Client(level), Client(level)
    state = first.open(clean_start=False, properties=keep)
    first.send(publish)
    first.connection.lost("reset")
    second.open(state, clean_start=False, properties=keep)
    assert second.send(Publish("t", b"x", 2, dup=True, packet_id=7)) == []
    assert second.connection.answer_overdue(0.0) == second.take() == []  # not decided yet
    first.connection.acknowledge(publish)
    assert second.connection.answer_overdue(0.0) == []
    assert second.take() == [Pubrec(7)]
    assert second.connection.answer_overdue(0.0) == second.take() == []
