"""Many messages at once: drawn as the client takes them, beside queue and budget."""

from collections.abc import Iterator

import pytest
from engine_client import BOTH, Client

from leafhub.mqtt.limits import QueueBudget
from leafhub.mqtt.outgoing import BACKLOG_BYTES, BACKLOG_MESSAGES
from leafhub.mqtt.outgoing_message import OutgoingMessage, SendResult
from leafhub.mqtt.packets import Puback, Pubcomp, Publish, Pubrec, Pubrel, Unsubscribe
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import SessionState

THOUSANDS = 3_000


def numbered(count: int, qos: int = 0, size: int = 100) -> Iterator[OutgoingMessage]:
    for number in range(count):
        yield OutgoingMessage(
            topic_name="t", payload=number.to_bytes(2, "big") + bytes(size - 2), qos=qos
        )


def numbers(client: Client) -> list[int]:
    return [
        int.from_bytes(packet.payload[:2], "big")
        for packet in client.take()
        if isinstance(packet, Publish)
    ]


def flood(client: Client, qos: int = 0, count: int = THOUSANDS) -> None:
    client.connection.add_backlog("#", numbered(count, qos), 0.0)


@BOTH
def test_qos_0_comes_in_rounds_that_a_transport_bears(level: int) -> None:
    client = Client(level)
    state = client.open()
    flood(client)
    got: list[int] = []
    while client.connection.can_fill:
        while client.connection.can_fill:
            client.connection.fill(0.0)
        if state.has_backlog:
            assert client.connection.unwritten_bytes >= BACKLOG_BYTES
        client.connection.fill(0.0)  # nothing was written since: nothing more
        assert client.connection.unwritten_bytes < BACKLOG_BYTES + 200
        got += numbers(client)


@BOTH
@pytest.mark.parametrize("qos", [1, 2])
def test_acknowledgements_bring_the_next_within_the_window(level: int, qos: int) -> None:
    client = Client(level, Policy(outgoing_window=3))
    state = client.open()
    flood(client, qos, 10)
    got: list[int] = []
    while state.in_flight:
        assert len(state.in_flight) <= 3
        assert not client.connection.can_fill
        got += numbers(client)
        for packet_id in tuple(state.in_flight):
            if qos == 1:
                client.send(Puback(packet_id))
            else:
                client.send(Pubrec(packet_id))
                client.send(Pubcomp(packet_id))
    assert got == list(range(10))
    assert not state.has_backlog


def test_live_messages_go_first_and_the_queue_stays_free() -> None:
    client = Client(4, Policy(outgoing_window=1, outgoing_queue=1))
    client.open()
    flood(client, 1, 3)
    live = OutgoingMessage(topic_name="live", payload=b"\xff\xff", qos=1)
    assert client.connection.send(live, 0.0) is SendResult.QUEUED
    got: list[int] = []
    for packet_id in range(1, 5):
        got += numbers(client)
        client.send(Puback(packet_id))
    assert got == [0, 0xFFFF, 1, 2]


@pytest.mark.parametrize(
    ("policy", "budget"),
    [(Policy(), QueueBudget(250)), (Policy(outgoing_queue_bytes=250), QueueBudget())],
)
def test_what_is_under_way_keeps_to_the_bounds_of_bytes(
    policy: Policy, budget: QueueBudget
) -> None:
    client = Client(4, policy)
    state = client.open(SessionState("key", budget=budget))
    flood(client, 1, 20)
    got: list[int] = []
    while state.in_flight:
        assert budget.used_bytes == state.held_bytes == len(state.in_flight) * 101
        assert len(state.in_flight) <= 3  # the third is the one that goes beyond
        assert not client.connection.can_fill  # an acknowledgement has to come first
        got += numbers(client)
        client.send(Puback(next(iter(state.in_flight))))
    assert got == list(range(20))
    assert budget.used_bytes == 0


def test_one_message_goes_out_even_if_others_used_up_the_budget() -> None:
    budget = QueueBudget(0)
    client = Client(4)
    state = client.open(SessionState("key", budget=budget))
    flood(client, 1, 3)
    got = numbers(client)
    while state.in_flight:
        assert len(state.in_flight) == 1
        client.send(Puback(next(iter(state.in_flight))))
        got += numbers(client)
    assert got == [0, 1, 2]


def test_a_round_ends_though_nothing_of_it_is_sent() -> None:
    client = Client(5)
    state = client.open(properties=Properties(maximum_packet_size=50))
    flood(client)
    assert state.dropped == BACKLOG_MESSAGES
    while client.connection.can_fill:
        client.connection.fill(0.0)
    assert state.dropped == THOUSANDS


def test_it_goes_on_with_the_session_on_another_connection() -> None:
    first, second = Client(4), Client(4)
    state = first.open(clean_start=False)
    flood(first)
    got = numbers(first)
    first.connection.end(ReasonCode.SESSION_TAKEN_OVER, "taken over")
    assert not first.connection.can_fill
    first.connection.fill(0.0)
    assert first.connection.take_output() == b""
    second.connect(clean_start=False)
    second.accept(state, session_present=True)
    while second.connection.can_fill:
        got += numbers(second)
        second.connection.fill(0.0)
    assert got + numbers(second) == list(range(THOUSANDS))


def test_qos_2_of_a_backlog_is_finished_on_another_connection() -> None:
    first, second = Client(4, Policy(outgoing_window=1)), Client(4, Policy(outgoing_window=1))
    state = first.open(clean_start=False)
    flood(first, 2, 2)
    first.send(Pubrec(1))
    first.connection.lost("reset")
    second.connect(clean_start=False)
    second.accept(state, session_present=True)
    assert second.take()[1:] == [Pubrel(1)]
    second.connection.resume(0.0)
    second.send(Pubcomp(1))
    assert numbers(second) == [1]


def test_it_ends_with_its_subscription() -> None:
    client = Client(4)
    client.open()
    flood(client)
    unsubscribe = Unsubscribe(1, ("#",))
    client.send(unsubscribe)
    client.connection.unsubscribed(unsubscribe, [ReasonCode.SUCCESS])
    client.take()
    assert not client.connection.can_fill
    client.connection.fill(0.0)
    assert client.take() == []


def test_the_same_filter_begins_anew_and_others_follow() -> None:
    state = SessionState()
    state.add_backlog("a", numbered(2))
    assert state.next_of_backlog() is not None
    state.add_backlog("b", numbered(1))
    state.add_backlog("a", numbered(2))
    found = [state.next_of_backlog() for _ in range(4)]
    assert [m and m.payload[1] for m in found] == [0, 0, 1, None]
    assert not state.has_backlog


def test_a_breath_leaves_the_rest_for_the_next_round() -> None:
    one, two = numbered(2)
    client = Client(4)
    client.open()
    client.connection.add_backlog("#", iter([one, None, two]), 0.0)
    assert numbers(client) == [0]
    assert client.connection.can_fill
    client.connection.fill(0.0)
    assert numbers(client) == [1]


def test_what_is_too_large_or_too_late_is_left_out() -> None:
    client = Client(5)
    state = client.open(properties=Properties(maximum_packet_size=50))
    late = OutgoingMessage(topic_name="t", payload=b"", expires_at_s=1.0)
    small = OutgoingMessage(topic_name="t", payload=b"\0\7")
    (large,) = numbered(1)
    client.connection.add_backlog("#", iter([late, large, small]), 1.0)
    assert numbers(client) == [7]
    assert state.dropped == 2
