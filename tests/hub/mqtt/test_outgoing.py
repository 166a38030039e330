"""Messages to the client: the window, the queue, resending, expiry."""

import pytest
from engine_client import BOTH, Client, message, opened

from leafhub.mqtt.packets import Connack, Packet, Puback, Pubcomp, Publish, Pubrec, Pubrel
from leafhub.mqtt.policy import STANDARD, Policy
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import (
    NEVER_EXPIRES,
    Closed,
    Delivered,
    Dropped,
    DropReason,
    OutgoingMessage,
    SendResult,
    SessionState,
)


@BOTH
def test_qos_0_to_the_client(level: int) -> None:
    client = opened(level)
    assert client.connection.send(message(0), 0.0) is SendResult.SENT
    assert client.take() == [Publish("t", b"x")]


@BOTH
def test_qos_1_to_the_client(level: int) -> None:
    client = opened(level)
    assert client.connection.send(message(1, "token"), 0.0) is SendResult.SENT
    assert client.take() == [Publish("t", b"x", 1, packet_id=1)]
    assert client.send(Puback(1)) == [Delivered("token")]
    assert client.send(Puback(1)) == []


@BOTH
def test_qos_2_to_the_client(level: int) -> None:
    client = opened(level)
    client.connection.send(message(2, "token"), 0.0)
    assert client.take() == [Publish("t", b"x", 2, packet_id=1)]
    assert client.send(Pubrec(1)) == []
    assert client.take() == [Pubrel(1)]
    assert client.send(Pubcomp(1)) == [Delivered("token")]
    assert client.connection.state is not None
    assert not client.connection.state.in_flight


def test_a_client_may_refuse_a_message() -> None:
    client = opened(5)
    client.connection.send(message(1, "one"), 0.0)
    client.connection.send(message(2, "two"), 0.0)
    refused = ReasonCode.QUOTA_EXCEEDED
    assert client.send(Puback(1, refused), Pubrec(2, refused)) == [
        Delivered("one", refused),
        Delivered("two", refused),
    ]


def test_pubrec_for_an_unknown_id_says_so_in_5_0() -> None:
    client = opened(5)
    client.send(Pubrec(9))
    assert client.take() == [Pubrel(9, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND)]


@pytest.mark.parametrize(("qos", "answer"), [(1, Pubrec(1)), (1, Pubcomp(1)), (2, Puback(1))])
def test_the_wrong_answer_to_a_message_closes(qos: int, answer: Packet) -> None:
    client = opened()
    client.connection.send(message(qos), 0.0)
    assert isinstance(client.send(answer)[-1], Closed)


def test_the_window_holds_messages_back_in_order() -> None:
    client = opened(4, Policy(outgoing_window=2, outgoing_queue=1))
    results = [client.connection.send(message(1, number), 0.0) for number in range(4)]
    assert results == [SendResult.SENT, SendResult.SENT, SendResult.QUEUED, SendResult.DROPPED]
    assert len(client.take()) == 2
    assert client.send(Puback(1)) == [Delivered(0)]
    assert client.take() == [Publish("t", b"x", 1, packet_id=3)]


def test_qos_0_does_not_wait_for_the_window() -> None:
    client = opened(4, Policy(outgoing_window=1))
    client.connection.send(message(1), 0.0)
    assert client.connection.send(message(0), 0.0) is SendResult.SENT


@pytest.mark.spec("MQTT-3.3.4-9")
def test_receive_maximum_of_the_client_narrows_the_window() -> None:
    client = opened(5, properties=Properties(receive_maximum=1))
    assert client.connection.send(message(2), 0.0) is SendResult.SENT
    assert client.connection.send(message(1), 0.0) is SendResult.QUEUED
    client.take()
    client.send(Pubrec(1))
    assert client.take() == [Pubrel(1)]
    client.send(Pubcomp(1))
    assert client.take() == [Publish("t", b"x", 1, packet_id=2)]


@pytest.mark.spec("MQTT-3.1.2-24")
def test_a_message_above_the_maximum_packet_size_is_dropped() -> None:
    client = opened(5, properties=Properties(maximum_packet_size=20))
    large = OutgoingMessage(topic_name="t", payload=bytes(20), qos=1)
    assert client.connection.send(large, 0.0) is SendResult.DROPPED
    assert client.connection.send(message(1), 0.0) is SendResult.SENT
    assert len(client.take()) == 1


def test_a_queued_message_that_is_too_large_is_reported() -> None:
    client = opened(5, properties=Properties(maximum_packet_size=20, receive_maximum=1))
    client.connection.send(message(1), 0.0)
    large = OutgoingMessage(topic_name="t", payload=bytes(20), qos=1, token="large")
    assert client.connection.send(large, 0.0) is SendResult.QUEUED
    assert client.send(Puback(1)) == [Dropped("large", DropReason.TOO_LARGE)]


@pytest.mark.parametrize("most", [0, 1, 2])
def test_a_policy_limits_the_qos_to_the_client(most: int) -> None:
    client = opened(4, Policy(maximum_outgoing_qos=most))
    client.connection.send(message(2), 0.0)
    (publish,) = client.take()
    assert isinstance(publish, Publish)
    assert publish.qos == most


@pytest.mark.spec("MQTT-3.3.2-6")
def test_the_expiry_interval_counts_down() -> None:
    client = opened(5)
    properties = Properties(message_expiry_interval_s=60)
    client.connection.send(message(0, properties=properties, expires_at_s=60.0), 45.5)
    (publish,) = client.take()
    assert isinstance(publish, Publish)
    assert publish.properties.message_expiry_interval_s == 15


@pytest.mark.spec("MQTT-3.3.2-5")
def test_expired_messages_are_not_sent() -> None:
    client = opened(4, Policy(outgoing_window=1))
    assert client.connection.send(message(1, expires_at_s=5.0), 5.0) is SendResult.DROPPED
    client.connection.send(message(1), 0.0)
    client.connection.send(message(1, "late", expires_at_s=5.0), 0.0)
    client.take()
    client.now_s = 6.0
    assert client.send(Puback(1)) == [Dropped("late", DropReason.EXPIRED)]
    assert client.take() == []


@pytest.mark.spec("MQTT-4.4.0-1")
def test_a_resumed_session_is_sent_again_what_it_had_under_way() -> None:
    first = Client()
    state = first.open(clean_start=False)
    for number, qos in enumerate((1, 2, 2)):
        first.connection.send(message(qos, number), 0.0)
    first.send(Pubrec(2))
    first.connection.lost("reset")
    assert state.enqueue(message(1, "queued"), 0.0) is SendResult.QUEUED
    second = Client()
    second.connect(clean_start=False)
    second.accept(state, session_present=True)
    assert second.take() == [
        Connack(session_present=True, reason_code=ReasonCode.SUCCESS),
        Publish("t", b"x", 1, dup=True, packet_id=1),
        Pubrel(2),
        Publish("t", b"x", 2, dup=True, packet_id=3),
        Publish("t", b"x", 1, packet_id=4),
    ]
    second.connection.resume(0.0)
    assert second.send(Puback(1), Pubcomp(2), Puback(4)) == [
        Delivered(0),
        Delivered(1),
        Delivered("queued"),
    ]


def test_resending_keeps_to_the_window_too() -> None:
    first = Client(5)
    keep = Properties(session_expiry_interval_s=60)
    state = first.open(properties=keep)
    first.connection.send(message(1, "one"), 0.0)
    first.connection.send(message(1, "two"), 0.0)
    first.connection.lost("reset")
    second = Client(5)
    second.open(state, properties=Properties(session_expiry_interval_s=60, receive_maximum=1))
    assert second.take() == []
    second.send(Puback(1))
    assert second.take() == [Publish("t", b"x", 1, dup=True, packet_id=2)]


@pytest.mark.parametrize(
    ("policy", "clean", "qos", "result"),
    [
        (STANDARD, False, 1, SendResult.QUEUED),
        (STANDARD, False, 0, SendResult.DROPPED),
        (STANDARD, True, 1, SendResult.DROPPED),
        (Policy(keep_messages_while_away=False), False, 1, SendResult.DROPPED),
        (Policy(maximum_outgoing_qos=0), False, 2, SendResult.DROPPED),
        (Policy(outgoing_queue=0), False, 1, SendResult.DROPPED),
    ],
)
def test_what_is_kept_for_an_absent_client(
    policy: Policy,
    clean: bool,  # noqa: FBT001  # a table column
    qos: int,
    result: SendResult,
) -> None:
    client = opened(4, policy, clean_start=clean)
    client.connection.lost("reset")
    assert client.connection.send(message(qos), 0.0) is result


def test_what_waits_for_a_client_is_bounded_in_bytes() -> None:
    state = SessionState("key", Policy(outgoing_queue_bytes=10))
    state.expiry_interval_s = NEVER_EXPIRES
    large, small = (
        OutgoingMessage(topic_name="t", payload=bytes(count), qos=1) for count in (20, 4)
    )
    assert state.enqueue(large, 0.0) is SendResult.QUEUED  # alone it always may
    assert state.enqueue(small, 0.0) is SendResult.DROPPED
    assert state.take_next() is large
    assert [state.enqueue(small, 0.0) for _ in range(3)] == [
        SendResult.QUEUED,
        SendResult.QUEUED,
        SendResult.DROPPED,
    ]


def test_packet_ids_go_round_and_skip_those_in_use() -> None:
    client = opened()
    state = client.connection.state
    assert state is not None
    client.connection.send(message(1), 0.0)
    assert [state.next_packet_id() for _ in range(65_535)][-2:] == [65_535, 2]


def test_a_message_for_many_is_encoded_once_for_each_level() -> None:
    shared = OutgoingMessage(topic_name="t", payload=b"x", encoded={})
    for level in (4, 5, 4, 5):
        client = opened(level)
        assert client.connection.send(shared, 0.0) is SendResult.SENT
        assert client.take() == [Publish("t", b"x")]
    assert shared.encoded == {4: b"\x30\x04\x00\x01tx", 5: b"\x30\x05\x00\x01t\x00x"}
