"""How a connection ends, and when."""

import pytest
from engine_client import BOTH, WILL, Client, closed_by, opened

from leafhub.mqtt.packets import (
    Auth,
    Connack,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Pubrec,
    Suback,
    Unsuback,
    Will,
)
from leafhub.mqtt.policy import AuthPacket, Policy
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import Closed


@pytest.mark.spec("MQTT-3.1.2-8")
@pytest.mark.parametrize(
    ("level", "code", "will", "clean"),
    [(4, 0x00, None, True), (5, 0x00, None, True), (5, 0x04, WILL, True), (5, 0x80, WILL, False)],
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


@pytest.mark.parametrize("code", [0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x9A, 0x9C, 0xA2])
def test_a_reason_that_only_a_server_may_give_is_a_protocol_error(code: int) -> None:
    client = opened(5, will=WILL)
    assert closed_by(client.send(Disconnect(ReasonCode(code)))).will == WILL
    assert client.take() == [Disconnect(ReasonCode.PROTOCOL_ERROR)]


@pytest.mark.spec("MQTT-3.2.2-19")
@pytest.mark.parametrize(("limit", "has_reason"), [(None, True), (30, True), (29, False)])
def test_a_refusal_tells_its_reason_if_that_fits(limit: int | None, has_reason: bool) -> None:  # noqa: FBT001  # a table column
    client = Client(5)
    client.connect(
        properties=Properties(maximum_packet_size=limit, request_problem_information=False)
    )
    client.connection.refuse(ReasonCode.NOT_AUTHORIZED, "a reason of 22 letters")
    (connack,) = client.take()
    assert isinstance(connack, Connack)
    assert (connack.properties.reason_string is not None) is has_reason


def test_a_client_too_small_for_connack_is_left() -> None:
    client = Client(5)
    client.connect(will=WILL, properties=Properties(maximum_packet_size=4))
    state = client.accept()
    assert client.take() == []
    end = client.connection.lost("closed")
    assert end is not None
    assert end.will is None
    assert state.connection is None


def test_nothing_secret_stays_after_the_login() -> None:
    client = opened(4, username="u", password=b"secret")
    assert client.connection._connect is None


@pytest.mark.parametrize(
    ("policy", "wishes", "told"),
    [
        (Policy(tell_reasons=True), EMPTY, "the hub is stopping"),
        (Policy(tell_reasons=True), Properties(request_problem_information=False), None),
        (Policy(tell_reasons=True), Properties(maximum_packet_size=25), None),  # it takes 26
        (Policy(tell_reasons=True), Properties(maximum_packet_size=26), "the hub is stopping"),
        (Policy(), EMPTY, None),  # a vendor's bytes stay as they are
    ],
)
def test_why_it_ends_is_told_to_who_wants_to_know(
    policy: Policy, wishes: Properties, told: str | None
) -> None:
    client = opened(5, policy, properties=wishes)
    client.connection.end(ReasonCode.SERVER_SHUTTING_DOWN, "the hub is stopping")
    (goodbye,) = client.take()
    assert goodbye == Disconnect(ReasonCode.SERVER_SHUTTING_DOWN, Properties(reason_string=told))


def test_why_connect_is_refused_is_told_by_the_policy_that_came_with_the_decision() -> None:
    client = Client(5, Policy(tell_reasons=True))
    client.connect(properties=Properties(authentication_method="SCRAM"))
    client.accept()
    (connack,) = client.take()
    assert isinstance(connack, Connack)
    assert connack.properties.reason_string == "no authentication method is known"
