"""What an operator permits, above every policy, and for all sessions together."""

import msgspec
import pytest
from engine_client import BOTH, Client, message, opened

from leafhub.mqtt.limits import DEFAULTS, Limits, QueueBudget
from leafhub.mqtt.outgoing_message import OutgoingMessage
from leafhub.mqtt.packets import (
    Disconnect,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Suback,
    Subscribe,
    SubscriptionRequest,
)
from leafhub.mqtt.policy import STANDARD, STANDARD_WITHIN_DEFAULTS, Policy
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import NEVER_EXPIRES, SendResult, SessionState


@pytest.mark.parametrize("name", Limits.__struct_fields__)
def test_a_limit_cuts_down_the_field_of_its_name_and_raises_none(name: str) -> None:
    vendors = msgspec.structs.replace(STANDARD, **{name: 10})
    assert getattr(vendors.within(Limits(**{name: 9})), name) == 9
    assert getattr(vendors.within(Limits(**{name: 11})), name) == 10


@pytest.mark.parametrize("name", Limits.__struct_fields__)
def test_where_no_vendor_bounds_anything_the_operator_may_raise_it(name: str) -> None:
    generous = getattr(DEFAULTS, name) + 1
    assert getattr(STANDARD.within(Limits(**{name: generous})), name) == generous


def test_the_same_pair_gives_the_same_policy() -> None:
    limits = Limits(outgoing_queue=3)
    assert STANDARD.within(limits) is STANDARD.within(Limits(outgoing_queue=3))


def test_limits_hold_under_every_policy_of_a_connection() -> None:
    client = Client(5, limits=Limits(maximum_topic_levels=2))
    state = client.open()
    other = Policy(maximum_topic_levels=9)
    client.connection.set_policy(other)
    assert client.connection.policy is other  # as it was given
    assert state.policy.maximum_topic_levels == 2  # for the time without a connection too
    client.send(Publish("a/b/c", b""))
    assert client.take() == [Disconnect(ReasonCode.TOPIC_NAME_INVALID)]


@BOTH
def test_subscriptions_beyond_the_limit_are_refused(level: int) -> None:
    client = Client(level, limits=Limits(maximum_subscriptions=1))
    client.open()
    subscribe = Subscribe(1, (SubscriptionRequest("a"), SubscriptionRequest("b")))
    client.send(subscribe)
    client.connection.grant(subscribe, [ReasonCode.SUCCESS] * 2)
    refusal = ReasonCode.QUOTA_EXCEEDED if level == 5 else ReasonCode.UNSPECIFIED_ERROR
    assert client.take() == [Suback(1, (ReasonCode.SUCCESS, refusal))]


def large(size: int, qos: int = 1) -> OutgoingMessage:
    return OutgoingMessage(topic_name="t", payload=bytes(size - 1), qos=qos)


def test_messages_under_way_count_like_those_that_wait() -> None:
    client = Client(4, limits=Limits(outgoing_queue_bytes=100, outgoing_window=2))
    state = client.open()
    send = client.connection.send
    assert send(large(60), 0.0) is SendResult.SENT
    assert send(large(60), 0.0) is SendResult.DROPPED  # the window is open, but the bytes are out
    assert send(large(30), 0.0) is SendResult.SENT
    assert send(large(10), 0.0) is SendResult.QUEUED
    assert send(large(1), 0.0) is SendResult.DROPPED
    assert (state.held_bytes, state.dropped) == (100, 2)
    client.send(Puback(1))
    assert state.held_bytes == 40


def test_properties_count() -> None:
    properties = Properties(
        content_type="12",
        response_topic="345",
        correlation_data=b"6789",
        user_properties=(("a", "b"), ("cd", "e")),
    )
    assert message(properties=properties).held_bytes == len("tx") + 9 + 5


def kept(budget: QueueBudget, policy: Policy = STANDARD_WITHIN_DEFAULTS) -> SessionState:
    state = SessionState("key", policy, budget)
    state.expiry_interval_s = NEVER_EXPIRES
    return state


def test_a_budget_is_shared_by_all_sessions() -> None:
    budget = QueueBudget(100)
    one, two = kept(budget), kept(budget)
    assert one.enqueue(large(60), 0.0) is SendResult.QUEUED
    assert two.enqueue(large(60), 0.0) is SendResult.DROPPED  # not even alone in its session
    assert two.enqueue(large(40), 0.0) is SendResult.QUEUED
    assert budget.used_bytes == 100
    one.release()
    assert budget.used_bytes == 40
    assert two.enqueue(large(60), 0.0) is SendResult.QUEUED


def test_a_message_is_counted_out_once_whatever_becomes_of_it() -> None:
    budget = QueueBudget(1_000)
    state = kept(budget)
    client = Client(5, limits=Limits(outgoing_window=2))
    wishes = Properties(session_expiry_interval_s=60, maximum_packet_size=60)
    client.open(state, properties=wishes)
    send = client.connection.send
    send(large(10, 1), 0.0)
    send(large(10, 2), 0.0)
    assert budget.used_bytes == 20
    send(large(100), 0.0)  # longer than the client takes
    send(message(1, expires_at_s=5.0), 0.0)
    send(large(10), 0.0)
    assert budget.used_bytes == 20 + 100 + 2 + 10
    client.now_s = 6.0
    client.send(Puback(1), Pubrec(2))
    assert budget.used_bytes == 20  # one under way still, one new; two were dropped
    assert state.dropped == 2
    client.send(Pubcomp(2), *map(Puback, set(state.in_flight) - {2}))
    assert budget.used_bytes == 0 == state.held_bytes


def test_a_released_session_keeps_nothing_any_more() -> None:
    budget = QueueBudget(1_000)
    state = kept(budget)
    client = Client(4)
    client.open(state, clean_start=False)
    client.connection.send(large(10), 0.0)
    client.connection.lost("reset")
    state.enqueue(large(10), 0.0)
    state.add_backlog("t", iter([message()]))
    state.release()
    assert budget.used_bytes == 0
    assert not state.has_backlog
    assert client.connection.send(large(10), 0.0) is SendResult.DROPPED  # a late one
    state.release()
    assert budget.used_bytes == 0


def test_a_full_queue_drops_first_what_nobody_wants_any_more() -> None:
    budget = QueueBudget()
    state = kept(budget, Policy(outgoing_queue=3, outgoing_queue_bytes=1_000))
    waiting = [
        message(1, expires_at_s=5.0),
        message(1, "reported", expires_at_s=5.0),
        message(1, expires_at_s=9.0),
    ]
    for one in waiting:
        assert state.enqueue(one, 0.0) is SendResult.QUEUED
    assert state.enqueue(message(1), 4.9) is SendResult.DROPPED
    fresh = message(1)
    assert state.enqueue(fresh, 5.0) is SendResult.QUEUED
    assert list(state.queue) == [waiting[1], waiting[2], fresh]
    assert state.held_bytes == budget.used_bytes == sum(one.held_bytes for one in state.queue)
    assert state.dropped == budget.dropped == 2
    assert state.enqueue(message(1), 5.0) is SendResult.DROPPED  # the next ends at 9
    assert state.enqueue(message(1), 9.0) is SendResult.QUEUED


def test_what_is_over_makes_room_in_bytes_too() -> None:
    client = Client(5, limits=Limits(outgoing_queue_bytes=100, outgoing_window=1))
    client.open()
    send = client.connection.send
    assert send(large(40), 0.0) is SendResult.SENT
    passing = OutgoingMessage(topic_name="t", payload=bytes(49), qos=1, expires_at_s=1.0)
    assert send(passing, 0.0) is SendResult.QUEUED
    assert send(large(60), 0.9) is SendResult.DROPPED
    assert send(large(60), 1.0) is SendResult.QUEUED


def test_a_5_0_client_is_told_how_many_subscriptions_there_may_be() -> None:
    client = opened(5, Policy(maximum_subscriptions=0, tell_reasons=True))
    subscribe = Subscribe(1, (SubscriptionRequest("a"),))
    client.send(subscribe)
    client.connection.grant(subscribe, [ReasonCode.SUCCESS])
    why = Properties(reason_string="no more than 0 subscriptions in a session")
    assert client.take() == [Suback(1, (ReasonCode.QUOTA_EXCEEDED,), why)]
