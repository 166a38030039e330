"""Subscriptions: judged, granted, bounded, ended."""

import pytest
from engine_client import BOTH, Client, opened

from leafhub.mqtt.packets import (
    Disconnect,
    Packet,
    Publish,
    Suback,
    Subscribe,
    SubscriptionRequest,
    Unsuback,
    Unsubscribe,
)
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import Closed, Subscription


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


@BOTH
@pytest.mark.spec("MQTT-4.8.2-1")
@pytest.mark.spec("MQTT-4.8.2-2")
@pytest.mark.parametrize(
    "topic_filter", ["$share/", "$share/n", "$share/n/", "$share//t", "$share/a+/t", "$share/#/t"]
)
def test_a_share_needs_a_name_and_a_filter(level: int, topic_filter: str) -> None:
    for packet in (
        Subscribe(1, (SubscriptionRequest(topic_filter),)),
        Unsubscribe(1, (topic_filter,)),
    ):
        client = opened(level)
        assert isinstance(client.send(packet)[-1], Closed)
        refusal = [Disconnect(ReasonCode.TOPIC_FILTER_INVALID)] if level == 5 else []
        assert client.take() == refusal


@pytest.mark.parametrize("topic_filter", ["$share/n/t", "$share/n/#", "$share/n//", "$shared/"])
def test_a_share_is_handed_up_as_it_came(topic_filter: str) -> None:
    subscribe = Subscribe(1, (SubscriptionRequest(topic_filter),))
    assert opened(5).send(subscribe) == [subscribe]


@pytest.mark.spec("MQTT-3.8.3-4")
def test_no_local_on_a_share_is_a_protocol_error() -> None:
    client = opened(5)
    request = SubscriptionRequest("$share/n/t", no_local=True)
    assert isinstance(client.send(Subscribe(1, (request,)))[-1], Closed)
    assert client.take() == [Disconnect(ReasonCode.PROTOCOL_ERROR)]
    verbatim = opened(5, Policy(verbatim_filters=True))
    assert len(verbatim.send(Subscribe(1, (request,)))) == 1


def test_a_subscription_made_again_takes_the_place_of_the_first() -> None:
    client = Client(5)
    state = client.open()
    for number, qos in ((1, 2), (2, 0)):
        subscribe = Subscribe(
            number,
            (SubscriptionRequest("a", qos, retain_as_published=number == 2),),
            Properties(subscription_identifiers=(number,)),
        )
        client.send(subscribe)
        client.connection.grant(subscribe, [ReasonCode(qos)], notes=[f"note {number}"])
    assert list(state.subscriptions.values()) == [
        Subscription("a", 0, retain_as_published=True, subscription_identifier=2, note="note 2")
    ]


@pytest.mark.spec("MQTT-3.1.2-24")
def test_a_client_too_small_for_its_suback_is_left() -> None:
    client = Client(5)
    client.open(properties=Properties(maximum_packet_size=20))
    subscribe = Subscribe(1, tuple(SubscriptionRequest(f"t{number}") for number in range(15)))
    client.send(subscribe)
    client.connection.grant(subscribe, [ReasonCode.SUCCESS] * 15, "a reason that is not told")
    assert client.take() == [Suback(1, (ReasonCode.SUCCESS,) * 15)]
    subscribe = Subscribe(2, tuple(SubscriptionRequest(f"t{number}") for number in range(16)))
    client.send(subscribe)
    client.connection.grant(subscribe, [ReasonCode.SUCCESS] * 16)
    assert client.connection.closing
    assert client.take() == []
