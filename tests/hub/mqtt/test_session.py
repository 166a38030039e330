"""The state machine of a connection, packet by packet."""

from collections.abc import Sequence
from typing import Any

import pytest

from leafhub.mqtt.codec import decode_packets, encode_packet
from leafhub.mqtt.packets import (
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    SubscriptionRequest,
    Unsuback,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.policy import (
    STANDARD,
    AuthPacket,
    Policy,
    QoS2Publish,
    RefusedPublish,
    SecondConnect,
)
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import (
    NEVER_EXPIRES,
    Closed,
    Connection,
    Delivered,
    Dropped,
    DropReason,
    OutgoingMessage,
    Phase,
    Request,
    SendResult,
    SessionState,
    Subscription,
)

BOTH = pytest.mark.parametrize("level", [4, 5])
WILL = Will("gone", b"x")


class Client:
    """A client in front of a connection, with a clock in hand."""

    def __init__(self, level: int = 4, policy: Policy = STANDARD) -> None:
        self.level = level
        self.policy = policy
        self.connection = Connection(policy, connect_deadline_s=10.0)
        self.now_s = 0.0

    def send(self, *packets: Packet) -> list[Request]:
        data = b"".join(encode_packet(packet, self.level) for packet in packets)
        return self.connection.receive(data, self.now_s)

    def connect(self, **fields: Any) -> list[Request]:
        name = "MQIsdp" if self.level == 3 else "MQTT"
        return self.send(Connect(protocol_name=name, protocol_level=self.level, **fields))

    def accept(self, state: SessionState | None = None, **options: Any) -> SessionState:
        state = state or SessionState("key")
        self.connection.accept(
            self.policy,
            state,
            session_present=options.pop("session_present", False),
            now_s=self.now_s,
            **options,
        )
        return state

    def open(self, state: SessionState | None = None, **fields: Any) -> SessionState:
        self.connect(**fields)
        state = self.accept(state)
        assert self.connection.resume(self.now_s) == []
        assert isinstance(self.take()[0], Connack)
        return state

    def take(self) -> list[Packet]:
        data = self.connection.take_output()
        found = decode_packets(data, protocol_level=self.level, maximum_packet_bytes=1 << 20)
        return [packet for packet, _ in found]


def opened(level: int = 4, policy: Policy = STANDARD, **fields: Any) -> Client:
    client = Client(level, policy)
    client.open(**fields)
    return client


def message(qos: int = 1, token: object | None = None, **fields: Any) -> OutgoingMessage:
    return OutgoingMessage(topic_name="t", payload=b"x", qos=qos, token=token, **fields)


def closed_by(requests: Sequence[Request]) -> Closed:
    last = requests[-1]
    assert isinstance(last, Closed)
    return last


# ---- CONNECT and CONNACK


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
@pytest.mark.parametrize(("level", "answer"), [(2, "20020001"), (9, "2003008400")])
def test_an_unknown_level_is_answered(level: int, answer: str) -> None:
    client = Client()
    assert isinstance(client.send(Connect(protocol_level=level))[-1], Closed)
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


# ---- messages from the client


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
    second.send(Pingreq())
    assert second.take() == [Pubrec(7), Pingresp()]


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
        Closed("client disconnected: SUCCESS", None, clean=True),
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
@pytest.mark.parametrize(("maximum", "topic_name"), [(0, "t"), (2, "t"), (9, "")])
def test_bad_topic_aliases_close(maximum: int, topic_name: str) -> None:
    client = opened(5, Policy(topic_alias_maximum=maximum))
    client.send(Publish(topic_name, b"", properties=alias(3)))
    assert client.take() == [Disconnect(ReasonCode.TOPIC_ALIAS_INVALID)]


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


# ---- subscriptions


def test_granted_subscriptions_stay_in_the_session() -> None:
    client = Client(5)
    state = client.open()
    subscribe = Subscribe(
        3,
        (SubscriptionRequest("a", 2, no_local=True), SubscriptionRequest("b", 1)),
        Properties(subscription_identifiers=(9,)),
    )
    assert client.send(subscribe) == [subscribe]
    client.connection.grant(subscribe, [ReasonCode.GRANTED_QOS_1, ReasonCode.NOT_AUTHORIZED])
    assert client.take() == [Suback(3, (ReasonCode.GRANTED_QOS_1, ReasonCode.NOT_AUTHORIZED))]
    assert state.subscriptions == {
        "a": Subscription("a", 1, no_local=True, subscription_identifier=9)
    }
    unsubscribe = Unsubscribe(4, ("a", "b"))
    assert client.send(unsubscribe) == [unsubscribe]
    codes = [ReasonCode.SUCCESS, ReasonCode.NO_SUBSCRIPTION_EXISTED]
    client.connection.unsubscribed(unsubscribe, codes)
    assert client.take() == [Unsuback(4, tuple(codes))]
    assert state.subscriptions == {}


def test_suback_and_unsuback_in_3_1_1() -> None:
    client = opened()
    client.connection.grant(
        Subscribe(3, (SubscriptionRequest("a"),)), [ReasonCode.TOPIC_FILTER_INVALID]
    )
    client.connection.unsubscribed(Unsubscribe(4, ("a",)), [ReasonCode.SUCCESS])
    assert client.connection.take_output() == bytes.fromhex("9003000380b0020004")


@pytest.mark.spec("MQTT-4.7.1-1")
@pytest.mark.parametrize(
    "packet", [Subscribe(1, (SubscriptionRequest("a#"),)), Unsubscribe(1, ("a", "b/#/c"))]
)
def test_a_bad_filter_closes(packet: Packet) -> None:
    client = opened(5)
    assert isinstance(client.send(packet)[-1], Closed)
    assert client.take() == [Disconnect(ReasonCode.MALFORMED_PACKET)]


def test_a_policy_may_take_filters_verbatim() -> None:
    client = opened(4, Policy(verbatim_filters=True))
    subscribe = Subscribe(1, (SubscriptionRequest("M/thing/p#a/+ss/"),))
    assert client.send(subscribe) == [subscribe]


@BOTH
@pytest.mark.parametrize("verbatim", [False, True])
def test_a_filter_of_too_many_levels_closes(level: int, verbatim: bool) -> None:  # noqa: FBT001  # a table column
    client = opened(level, Policy(verbatim_filters=verbatim, maximum_topic_levels=3))
    fits, deep = (Subscribe(1, (SubscriptionRequest(name),)) for name in ("a/b/c", "a/b//c"))
    assert client.send(fits) == [fits]
    assert isinstance(client.send(deep)[-1], Closed)
    assert client.take() == ([Disconnect(ReasonCode.TOPIC_FILTER_INVALID)] if level == 5 else [])


def test_a_topic_name_of_too_many_levels_closes() -> None:
    client = opened(5, Policy(maximum_topic_levels=3))
    assert client.send(Publish("a/b/c", b"")) == [Publish("a/b/c", b"")]
    assert isinstance(client.send(Publish("///", b""))[-1], Closed)
    assert client.take() == [Disconnect(ReasonCode.TOPIC_NAME_INVALID)]


@BOTH
def test_subscriptions_of_a_session_are_bounded(level: int) -> None:
    client = opened(level, Policy(maximum_subscriptions=1))
    subscribe = Subscribe(1, (SubscriptionRequest("a", 1), SubscriptionRequest("b", 1)))
    client.send(subscribe)
    client.connection.grant(subscribe, [ReasonCode.GRANTED_QOS_1] * 2)
    refused = ReasonCode.QUOTA_EXCEEDED if level == 5 else ReasonCode.UNSPECIFIED_ERROR
    assert client.take() == [Suback(1, (ReasonCode.GRANTED_QOS_1, refused))]
    again = Subscribe(2, (SubscriptionRequest("a"),))
    client.send(again)
    client.connection.grant(again, [ReasonCode.SUCCESS])
    assert client.take() == [Suback(2, (ReasonCode.SUCCESS,))]
    assert client.connection.state is not None
    assert set(client.connection.state.subscriptions) == {"a"}


# ---- messages to the client


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
    assert client.connection.maximum_outgoing_packet_bytes == 20
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
    assert state.enqueue(message(1, "queued")) is SendResult.QUEUED
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
    assert state.enqueue(large) is SendResult.QUEUED  # alone it always may
    assert state.enqueue(small) is SendResult.DROPPED
    assert state.take_next() is large
    assert [state.enqueue(small) for _ in range(3)] == [
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


# ---- ends, wills, time


@pytest.mark.spec("MQTT-3.1.2-8")
@pytest.mark.parametrize(
    ("level", "code", "will", "clean"),
    [
        (4, 0x00, None, True),
        (5, 0x00, None, True),
        (5, 0x04, WILL, True),
        (5, 0x80, WILL, False),
    ],
)
def test_disconnect_and_the_will(level: int, code: int, will: Will | None, clean: bool) -> None:  # noqa: FBT001  # a table column
    client = opened(level, will=WILL)
    end = closed_by(client.send(Disconnect(ReasonCode(code)), Pingreq()))
    assert (end.will, end.clean) == (will, clean)
    assert client.connection.closing
    assert client.take() == []
    assert client.connection.lost("closed") is None


@pytest.mark.spec("MQTT-3.1.2-8")
def test_a_lost_connection_leaves_its_will() -> None:
    client = opened(will=WILL)
    assert client.connection.lost("reset") == Closed("reset", WILL, clean=False)
    assert client.connection.lost("reset") is None


@BOTH
def test_the_server_may_end_it(level: int) -> None:
    client = opened(level, will=WILL)
    client.connection.end(ReasonCode.SESSION_TAKEN_OVER, "taken over")
    assert client.connection.closing
    assert client.take() == ([Disconnect(ReasonCode.SESSION_TAKEN_OVER)] if level == 5 else [])
    assert client.connection.lost("closed") == Closed("taken over", WILL, clean=False)


def test_the_server_may_end_a_login_under_way() -> None:
    client = Client(5)
    client.connect()
    client.connection.end(ReasonCode.SERVER_SHUTTING_DOWN, "shutting down")
    assert client.take() == [
        Connack(session_present=False, reason_code=ReasonCode.SERVER_UNAVAILABLE)
    ]


@pytest.mark.parametrize(("qos", "kind"), [(1, Puback), (2, Pubrec)])
def test_a_refusal_without_a_code_for_it_is_unspecified(
    qos: int, kind: type[Puback | Pubrec]
) -> None:
    client = opened(5)
    publish = Publish("t", b"", qos, packet_id=1)
    client.send(publish)
    client.connection.acknowledge(publish, ReasonCode.PACKET_TOO_LARGE)
    assert client.take() == [kind(1, ReasonCode.UNSPECIFIED_ERROR)]


def test_a_second_connect_of_an_unknown_protocol_is_a_protocol_error() -> None:
    client = opened(5)
    client.connection.receive(bytes.fromhex("100c00044d515454060000000000"), 0.0)
    assert client.take() == [Disconnect(ReasonCode.PROTOCOL_ERROR)]


def test_a_taken_over_session_belongs_to_the_newcomer() -> None:
    first, second = Client(), Client()
    state = first.open(clean_start=False)
    first.connection.end(ReasonCode.SESSION_TAKEN_OVER, "taken over")
    second.open(state, clean_start=False)
    first.connection.lost("closed", 9.0)
    assert state.connection is second.connection
    assert state.disconnected_at_s is None


@pytest.mark.spec("MQTT-3.1.2-22")
@BOTH
def test_keep_alive_counts_from_the_last_whole_packet(level: int) -> None:
    client = opened(level, keep_alive_s=10, will=WILL)
    client.now_s = 8.0
    client.send(Pingreq())
    assert client.take() == [Pingresp()]
    client.connection.receive(b"\xc0", 12.0)  # half a PINGREQ is no packet
    assert client.connection.next_deadline_s() == 23.0
    assert client.connection.on_deadline(22.9) == []
    end = closed_by(client.connection.on_deadline(23.0))
    assert end.will == WILL
    assert client.take() == ([Disconnect(ReasonCode.KEEP_ALIVE_TIMEOUT)] if level == 5 else [])
    assert client.connection.next_deadline_s() is None


@pytest.mark.parametrize(("idle_s", "deadline_s"), [(None, None), (450, 450.0)])
def test_keep_alive_zero_is_what_the_policy_says(
    idle_s: int | None, deadline_s: float | None
) -> None:
    client = opened(4, Policy(keep_alive_zero_idle_s=idle_s), keep_alive_s=0)
    assert client.connection.next_deadline_s() == deadline_s


@pytest.mark.spec("MQTT-3.1.2-21")
def test_a_server_keep_alive_replaces_that_of_the_client() -> None:
    policy = Policy(connack_properties=Properties(server_keep_alive_s=20))
    assert opened(5, policy, keep_alive_s=10).connection.next_deadline_s() == 30.0
    assert opened(4, policy, keep_alive_s=10).connection.next_deadline_s() == 15.0


def test_time_does_not_run_while_packets_wait() -> None:
    client = opened(keep_alive_s=10)
    client.connection.pause()
    assert client.connection.next_deadline_s() is None
    client.connection.resume(100.0)
    assert client.connection.next_deadline_s() == 115.0


@pytest.mark.parametrize("has_connect", [False, True])
def test_a_login_has_its_time(has_connect: bool) -> None:  # noqa: FBT001  # a table column
    client = Client()
    if has_connect:
        client.connect(will=WILL)
    assert client.connection.next_deadline_s() == 10.0
    assert client.connection.on_deadline(10.0) == [
        Closed("not connected in time", None, clean=False)
    ]
    assert client.connection.take_output() == b""


@pytest.mark.spec("MQTT-4.8.0-1")
@BOTH
def test_broken_bytes_close(level: int) -> None:
    client = opened(level, will=WILL)
    assert closed_by(client.connection.receive(b"\x00\x00", 0.0)).will == WILL
    assert client.take() == ([Disconnect(ReasonCode.MALFORMED_PACKET)] if level == 5 else [])


@pytest.mark.parametrize(
    "packet",
    [
        Connack(session_present=False, reason_code=ReasonCode.SUCCESS),
        Suback(1, (ReasonCode.SUCCESS,)),
        Unsuback(1, (ReasonCode.SUCCESS,)),
        Pingresp(),
    ],
)
def test_packets_of_a_server_close(packet: Packet) -> None:
    client = opened(5)
    assert isinstance(client.send(packet)[-1], Closed)
    assert client.take() == [Disconnect(ReasonCode.PROTOCOL_ERROR)]


def test_auth_is_a_protocol_error() -> None:
    client = opened(5)
    assert isinstance(client.send(Auth())[-1], Closed)
    asking = Client(5)
    asking.connect(properties=Properties(authentication_method="SCRAM"))
    asking.accept()
    assert asking.take() == [
        Connack(session_present=False, reason_code=ReasonCode.BAD_AUTHENTICATION_METHOD)
    ]


def test_a_policy_may_answer_auth() -> None:
    client = opened(
        5,
        Policy(auth_packet=AuthPacket.ANSWER),
        properties=Properties(authentication_method="SCRAM"),
    )
    assert client.send(Auth(ReasonCode.CONTINUE_AUTHENTICATION)) == []
    assert client.take() == [Auth()]
