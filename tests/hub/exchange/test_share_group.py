"""Shared subscriptions: who of a group gets a message."""

from collections import Counter

import pytest
from hand_exchange import HandLink, World, principal, publication

from leafhub.dialects.base import Outcome
from leafhub.exchange.share_group import AWAY_AT_ONCE
from leafhub.mqtt.packets import Unsubscribe
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.session_state import OutgoingMessage, SendResult


@pytest.fixture
def hub(world: World) -> World:
    """Its dialect grants every filter in the space ``oak``."""
    world.dialect.space = "oak"
    return world


def member(
    hub: World, *filters: str, qos: int = 1, key: str | None = None, identifier: int | None = None
) -> HandLink:
    link = hub.attach(principal(key=key), clean_start=key is None)
    for topic_filter in filters:
        hub.subscribe(link, topic_filter, identifier, qos=qos)
    return link


def publish(hub: World, *payloads: str, qos: int = 1, topic_name: str = "t") -> None:
    writer = hub.attach(principal())
    messages = (publication(topic_name, text.encode(), qos=qos) for text in payloads)
    hub.publish(writer, Outcome(publications=tuple(messages)))
    hub.store.commit()


def said(link: HandLink) -> list[str]:
    return [message.payload.decode() for message in link.sent]


def waiting(link: HandLink) -> list[str]:
    assert link.session is not None
    return [message.payload.decode() for message in link.session.state.queue]


async def test_each_message_goes_to_one_in_turn(hub: World) -> None:
    members = [member(hub, "$share/g/t") for _ in range(3)]
    publish(hub, "1", "2", "3", "4", "5", "6")
    assert [said(link) for link in members] == [["1", "4"], ["2", "5"], ["3", "6"]]


async def test_groups_are_told_apart_by_name_filter_and_space(hub: World) -> None:
    links = [member(hub, f) for f in ("$share/g/t", "$share/h/t", "$share/g/+", "$share/g/#")]
    publish(hub, "1", "2")
    assert [said(link) for link in links] == [["1", "2"]] * 4
    hub.dialect.space = "elm"
    other = member(hub, "$share/g/t")
    publish(hub, "3")
    assert said(other) == []


async def test_who_also_subscribed_for_itself_gets_both(hub: World) -> None:
    link = member(hub, "$share/g/t", "t")
    publish(hub, "1")
    assert said(link) == ["1", "1"]


async def test_qos_and_identifier_are_those_of_the_member(hub: World) -> None:
    low = member(hub, "$share/g/t", qos=0, identifier=3)
    high = member(hub, "$share/g/t", qos=2, identifier=4)
    publish(hub, "1", "2", qos=2)
    looks = [
        (m.qos, m.properties.subscription_identifiers) for link in (low, high) for m in link.sent
    ]
    assert looks == [(0, (3,)), (2, (4,))]


@pytest.mark.parametrize("broken_filter", ["t", "$share/g/t"])
async def test_a_mistake_with_one_costs_no_other_group_its_message(
    hub: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken_filter: str,
) -> None:
    broken = member(hub, broken_filter)
    others = [member(hub, one) for one in ("t", "$share/h/t", "$share/i/+")]

    def fail(_message: OutgoingMessage) -> SendResult:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(broken, "send", fail)
    publish(hub, "1")
    assert [said(link) for link in others] == [["1"]] * 3
    assert "could not be sent" in caplog.text


async def test_who_takes_none_is_passed_over(hub: World) -> None:
    slow, quick = member(hub, "$share/g/t"), member(hub, "$share/g/t")
    slow.takes = False
    publish(hub, "1", "2")
    assert (said(slow), said(quick)) == ([], ["1", "2"])


async def test_who_has_others_waiting_comes_after_who_has_not(hub: World) -> None:
    busy, ready = member(hub, "$share/g/t"), member(hub, "$share/g/t")
    assert busy.session is not None
    busy.session.state.append(OutgoingMessage(topic_name="x", payload=b"", qos=1), 0.0)
    publish(hub, "1", "2")
    assert (said(busy), said(ready)) == ([], ["1", "2"])
    ready.takes = False
    publish(hub, "3")
    assert said(busy) == ["3"]


async def test_a_session_that_is_away_gets_it_when_nobody_is_there(hub: World) -> None:
    away = member(hub, "$share/g/t", key="away")
    away.end(None, "gone")
    there = member(hub, "$share/g/t")
    publish(hub, "1")
    assert (waiting(away), said(there)) == ([], ["1"])
    there.end(None, "gone")
    publish(hub, "2")
    assert waiting(away) == ["2"]


async def test_what_a_session_was_given_stays_with_it(hub: World) -> None:
    first = member(hub, "$share/g/t", key="first")
    first.end(None, "gone")
    publish(hub, "1")
    other = member(hub, "$share/g/t")
    again = hub.attach(principal(key="first"), clean_start=True)
    assert (said(other), said(again)) == ([], [])  # it went with its session (MQTT-4.8.2-5)


async def test_one_that_nobody_can_take_is_lost(hub: World) -> None:
    away = member(hub, "$share/g/t", key="away")
    away.end(None, "gone")
    publish(hub, "1", qos=0)
    assert waiting(away) == []


async def test_who_unsubscribes_or_ends_leaves_the_group(hub: World) -> None:
    members = [member(hub, "$share/g/t") for _ in range(3)]
    assert members[0].session is not None
    hub.exchange.unsubscribe(members[0].session, Unsubscribe(1, ("$share/g/t",)))
    members[1].end(None, "gone")
    publish(hub, "1", "2")
    assert [said(link) for link in members] == [[], [], ["1", "2"]]
    members[2].end(None, "gone")
    assert hub.exchange._parts.spaces._spaces == {}


async def test_subscribing_again_changes_the_member_and_adds_none(hub: World) -> None:
    link, other = member(hub, "$share/g/t", qos=0), member(hub, "$share/g/t")
    hub.subscribe(link, "$share/g/t", qos=2)
    publish(hub, "1", "2", qos=2)
    assert [[m.qos for m in one.sent] for one in (link, other)] == [[2], [1]]


async def test_wildcards_do_not_match_dollar_topics(hub: World) -> None:
    link = member(hub, "$share/g/#")
    publish(hub, "1", topic_name="$SYS/a")
    assert said(link) == []


async def test_the_order_of_a_topic_holds_for_each_member(hub: World) -> None:
    members = [member(hub, "$share/g/t") for _ in range(4)]
    numbers = [f"{n:03}" for n in range(100)]
    publish(hub, *numbers)
    assert Counter(n for link in members for n in said(link)) == Counter(numbers)
    assert all(said(link) == sorted(said(link)) for link in members)


async def test_who_comes_back_is_there_again(hub: World) -> None:
    away = member(hub, "$share/g/t", key="away")
    away.end(None, "gone")
    other = member(hub, "$share/g/t", key="other")
    again = hub.attach(principal(key="away"), clean_start=False)
    other.end(None, "gone")
    publish(hub, "1", qos=0)  # whoever is away takes none of those
    assert said(again) == ["1"]


async def test_thousands_of_absent_members_are_not_asked_each_time(hub: World) -> None:
    absent = [member(hub, "$share/g/t", key=f"{n}") for n in range(AWAY_AT_ONCE * 3)]
    for link in absent:
        link.end(None, "gone")
    for link in absent:
        assert link.session is not None
        link.session.state.policy = Policy(outgoing_queue=0)
    last = absent[-1].session
    assert last is not None
    last.state.policy = Policy(outgoing_queue=1)
    for number in range(3):  # who is full is asked last the next time
        assert waiting(absent[-1]) == []
        publish(hub, str(number))
        asked = [link for link in absent if link.session and link.session.state.dropped]
        assert len(asked) == min(AWAY_AT_ONCE * (number + 1), len(absent) - 1)
    assert waiting(absent[-1]) == ["2"]
