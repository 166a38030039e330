"""Retained messages: what is kept, and what a new subscription gets."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hand_exchange import HandLink, World, application, connect, device, event, principal
from hand_exchange import publication as plain_publication
from msgspec.structs import replace

from leafhub.dialects.base import Outcome, SubscribeOutcome
from leafhub.errors import StoreUnavailableError
from leafhub.exchange.retained import LEVEL_BYTES, MESSAGE_BYTES
from leafhub.exchange.settings import RetainedSettings
from leafhub.model.publication import Publication
from leafhub.model.registry import DeleteApplication, DeleteDevice, PutApplication, PutDevice
from leafhub.mqtt.packets import Publish, Subscribe, SubscriptionRequest, Unsubscribe, Will
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import OutgoingMessage, Subscription
from leafhub.stores.base import Snapshot


@pytest.fixture
def hub(world: World) -> World:
    """Its dialect grants every filter in the space ``oak``."""
    world.dialect.space = "oak"
    return world


@pytest.fixture
async def small() -> AsyncIterator[Callable[..., Any]]:
    """Makes hubs that keep little."""
    made: list[World] = []

    async def make(**settings: int) -> World:
        world = World(retained_settings=RetainedSettings(**settings))
        world.dialect.space = "oak"
        made.append(world)
        await world.exchange.start()
        await world.apply(PutApplication(application()), PutDevice(device()))
        return world

    yield make
    for world in made:
        await world.exchange.stop()


def retained(topic_name: str, payload: bytes = b"1", **more: Any) -> Publication:
    return plain_publication(topic_name, payload, retain=True, **more)


def keep(hub: World, *publications: Publication, by: HandLink | None = None) -> None:
    hub.publish(by or hub.attach(principal()), Outcome(publications=publications))
    hub.store.commit()


def replayed(hub: World, topic_filter: str, identifier: int | None = None, **options: Any) -> Any:
    """What a new client gets for a subscription."""
    link = hub.attach(principal())
    hub.subscribe(link, topic_filter, identifier, **options)
    link.take_backlog()
    return link.sent


def names(messages: list[OutgoingMessage]) -> list[str]:
    return sorted(message.topic_name for message in messages)


async def test_a_new_subscription_gets_the_last_one_of_each_topic(hub: World) -> None:
    keep(hub, retained("a/b", b"old"), retained("a/b", b"new"), retained("a/c"), retained("d"))
    messages = replayed(hub, "a/+")
    assert {m.topic_name: m.payload for m in messages} == {"a/b": b"new", "a/c": b"1"}
    assert all(message.retain for message in messages)


async def test_one_that_is_not_stored_is_not_retained(hub: World) -> None:
    link = hub.attach(principal())
    hub.store.commit()
    hub.publish(link, Outcome(events=(event("e"),), publications=(retained("a"),)))
    assert replayed(hub, "a") == []
    hub.store.fail()
    hub.store.commit()
    assert replayed(hub, "a") == []


async def test_it_is_in_the_batch_of_its_event(hub: World) -> None:
    link = hub.attach(principal())
    hub.store.commit()
    hub.publish(link, Outcome(events=(event("e"),), publications=(retained("a"),)))
    (batch, _), *_ = hub.store.waiting
    assert ([one.id for one in batch.events], batch.retained) == (["e"], (retained("a"),))


async def test_an_empty_one_takes_it_away_and_goes_to_subscribers(hub: World) -> None:
    reader = hub.attach(principal())
    hub.subscribe(reader, "a")
    keep(hub, retained("a"), retained("a", b""))
    assert replayed(hub, "#") == []
    assert [message.payload for message in reader.sent] == [b"1", b""]
    assert hub.store.committed[-1].retained[-1].payload == b""


async def test_a_dollar_topic_is_not_found_by_a_wildcard(hub: World) -> None:
    keep(hub, retained("$SYS/a"), retained("a/$b"))
    assert names(replayed(hub, "#")) == ["a/$b"]
    assert names(replayed(hub, "+/a")) == []
    assert names(replayed(hub, "$SYS/#")) == ["$SYS/a"]


async def test_spaces_are_apart(hub: World) -> None:
    keep(hub, replace(retained("a"), space="elm"))
    assert replayed(hub, "#") == []


@pytest.mark.parametrize(("qos", "granted", "sent"), [(0, 2, 0), (1, 0, 0), (2, 1, 1), (2, 2, 2)])
async def test_qos_and_identifier_are_those_of_the_subscription(
    hub: World, qos: int, granted: int, sent: int
) -> None:
    keep(hub, retained("a", qos=qos))
    (message,) = replayed(hub, "a", 9, qos=granted)
    assert (message.qos, message.properties.subscription_identifiers) == (sent, (9,))


async def test_it_follows_suback(hub: World) -> None:
    keep(hub, retained("a"))
    link = hub.attach(principal())
    session = link.session
    assert session is not None
    order: list[str] = []

    def grant(_verdict: SubscribeOutcome) -> None:
        order.append("suback" if not link.backlogs else "too late")
        session.state.subscriptions["a"] = Subscription("a")

    hub.exchange.subscribe(session, Subscribe(1, (SubscriptionRequest("a"),)), grant)
    assert order == ["suback"]
    assert list(link.backlogs) == ["a"]


@pytest.mark.parametrize(
    ("retain_handling", "at_first", "again"), [(0, 1, 1), (1, 1, 0), (2, 0, 0)]
)
async def test_retain_handling_says_when(
    hub: World, retain_handling: int, at_first: int, again: int
) -> None:
    keep(hub, retained("a"))
    link = hub.attach(principal())
    for expected in (at_first, again):
        link.sent.clear()
        hub.subscribe(link, "a", retain_handling=retain_handling)
        link.take_backlog()
        assert len(link.sent) == expected


async def test_a_subscription_that_ended_is_a_new_one_again(hub: World) -> None:
    keep(hub, retained("a"))
    link = hub.attach(principal())
    assert link.session is not None
    hub.subscribe(link, "a", retain_handling=1)
    hub.exchange.unsubscribe(link.session, Unsubscribe(1, ("a",)))
    hub.subscribe(link, "a", retain_handling=1)
    link.take_backlog()
    assert names(link.sent) == ["a"]


async def test_a_session_that_is_resumed_has_old_subscriptions(hub: World) -> None:
    keep(hub, retained("a"))
    link = hub.attach(principal(key="k"), clean_start=False)
    hub.subscribe(link, "a")
    link.end(None, "gone")
    again = hub.attach(principal(key="k"), clean_start=False)
    hub.subscribe(again, "a", retain_handling=1)
    again.take_backlog()
    assert again.sent == []


async def test_a_shared_subscription_gets_none(hub: World) -> None:
    keep(hub, retained("a"))
    assert replayed(hub, "$share/g/a") == []


async def test_who_published_it_need_not_get_it_back(hub: World) -> None:
    link = hub.attach(principal(client_id="c"))
    keep(hub, retained("a"), by=link)
    hub.subscribe(link, "a", no_local=True)
    link.take_backlog()
    assert link.sent == []
    assert names(replayed(hub, "a", no_local=True)) == ["a"]


async def test_what_comes_meanwhile_goes_to_the_subscriber_once(hub: World) -> None:
    keep(hub, retained("a", b"old"), retained("b", b"old"))
    link = hub.attach(principal())
    hub.subscribe(link, "#")
    keep(hub, retained("a", b"new"), retained("c", b"new"), retained("b", b""))
    link.take_backlog()
    assert [(m.topic_name, m.payload) for m in link.sent] == [
        ("a", b"new"),
        ("c", b"new"),
        ("b", b""),
    ]


async def test_what_came_meanwhile_and_was_dropped_is_sent_all_the_same(hub: World) -> None:
    keep(hub, retained("a", b"old"), retained("b", b"old"))
    link = hub.attach(principal())
    hub.subscribe(link, "#")
    link.takes = False
    keep(hub, retained("a", b"new"))
    link.takes = True
    link.take_backlog()
    assert {m.topic_name: m.payload for m in link.sent} == {"a": b"new", "b": b"old"}


async def test_an_unsubscription_ends_what_was_still_to_come(hub: World) -> None:
    keep(hub, *(retained(f"{n}") for n in range(10)))
    link = hub.attach(principal())
    hub.subscribe(link, "#")
    (messages,) = link.backlogs.values()
    assert next(messages) is not None
    assert link.session is not None
    hub.exchange.unsubscribe(link.session, Unsubscribe(1, ("#",)))
    assert list(messages) == []


async def test_a_great_many_are_looked_up_as_they_are_asked_for(hub: World) -> None:
    keep(hub, *(retained(f"{n % 100}/{n}") for n in range(10_000)))
    link = hub.attach(principal())
    hub.subscribe(link, "#")
    (messages,) = link.backlogs.values()
    first = next(messages)
    assert first is not None
    hub.publish(link, Outcome(publications=(retained("99/9999", b""),)))
    hub.store.commit()
    rest = [message for message in messages if message is not None]
    assert len({first.topic_name, *names(rest)}) == 9_999


async def test_time_is_counted_down_and_an_expired_one_is_not_sent(hub: World) -> None:
    soon = retained(
        "a",
        properties=Properties(message_expiry_interval_s=10),
        expires_us=hub.clock.us + 10_000_000,
    )
    keep(hub, soon, retained("b"))
    hub.clock.us += 4_000_000
    hub.clock.s += 4
    (message,) = replayed(hub, "a")
    assert message.remaining_properties(hub.clock.s).message_expiry_interval_s == 6
    hub.clock.us += 6_000_000
    assert names(replayed(hub, "#")) == ["b"]


async def test_an_expired_one_leaves_memory_and_disk(hub: World) -> None:
    keep(hub, retained("a", expires_us=hub.clock.us + 10_000_000), retained("b"))
    hub.pass_time(9)
    assert hub.exchange._parts.retained.count == 2
    hub.pass_time(2)
    hub.store.commit()
    assert hub.exchange._parts.retained.count == 1
    assert [(m.topic_name, m.payload) for m in hub.store.committed[-1].retained] == [("a", b"")]


async def test_one_that_expires_does_not_take_its_successor_along(hub: World) -> None:
    """The successor is on its way to the disk already; a removal would come behind it."""
    keep(hub, retained("a", expires_us=hub.clock.us + 1_000_000))
    hub.publish(hub.attach(principal()), Outcome(publications=(retained("a", b"new"),)))
    hub.pass_time(2)
    hub.store.commit()
    assert [m.payload for batch in hub.store.committed for m in batch.retained] == [b"1", b"new"]
    assert [message.payload for message in replayed(hub, "a")] == [b"new"]


async def test_one_that_was_replaced_does_not_expire_with_the_old_time(hub: World) -> None:
    keep(hub, retained("a", expires_us=hub.clock.us + 1_000_000), retained("a", b"new"))
    hub.pass_time(5)
    hub.store.commit()
    assert [message.payload for message in replayed(hub, "a")] == [b"new"]


async def test_the_next_run_has_them_but_for_the_expired() -> None:
    world = World()
    world.dialect.space = "oak"
    world.store.snapshot = Snapshot(
        changes=(PutApplication(application()), PutDevice(device())),
        commands=(),
        latest=(),
        retained=(retained("a"), retained("b", expires_us=1)),
    )
    await world.exchange.start()
    assert names(replayed(world, "#")) == ["a"]
    world.exchange._parts.alarm.ring()
    world.store.commit()
    assert [m.topic_name for batch in world.store.committed for m in batch.retained] == ["b"]
    await world.exchange.stop()


async def test_a_deleted_application_takes_its_own_along(hub: World) -> None:
    keep(hub, retained("a"), replace(retained("a"), space="elm"))
    await hub.apply(DeleteApplication("oak"))
    await hub.apply(PutApplication(application()), PutDevice(device()))
    assert replayed(hub, "#") == []
    assert hub.exchange._parts.retained.count == 1


async def test_a_deleted_device_leaves_them(hub: World) -> None:
    keep(hub, retained("a"))
    await hub.apply(DeleteDevice("oak", "d"))
    assert names(replayed(hub, "a")) == ["a"]


# ---- bounds


async def publish(
    hub: World, message: Publication, *, qos: int = 1, level: int = 5
) -> tuple[list[Outcome], list[StoreUnavailableError | None]]:
    link = HandLink(hub)
    link.session, _ = hub.exchange.attach(
        link, principal(), replace(connect(), protocol_level=level)
    )
    told: list[Outcome] = []
    errors: list[StoreUnavailableError | None] = []
    hub.dialect.outcome = Outcome(events=(event("e"),), publications=(message,))
    packet = Publish(message.topic_name, message.payload, qos, packet_id=1 if qos else None)

    def finish(outcome: Outcome, error: StoreUnavailableError | None) -> None:
        told.append(outcome)
        errors.append(error)

    hub.exchange.publish(link.session, packet, finish)
    hub.store.commit()
    return told, errors


async def test_past_the_bound_a_5_0_client_is_refused(small: Callable[..., Any]) -> None:
    hub = await small(maximum_messages=1)
    keep(hub, retained("a"))
    hub.store.committed.clear()
    (outcome,), errors = await publish(hub, retained("b"))
    assert (outcome.reason_code, errors) == (ReasonCode.QUOTA_EXCEEDED, [None])
    assert "e" not in hub.store.event_ids()
    assert "maximum_messages" in outcome.log
    assert names(replayed(hub, "#")) == ["a"]


@pytest.mark.parametrize(("qos", "level"), [(0, 5), (0, 4), (1, 4), (2, 3)])
async def test_who_cannot_be_told_is_served_as_far_as_can_be(
    small: Callable[..., Any], qos: int, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    hub = await small(maximum_messages=1)
    keep(hub, retained("a"))
    reader = hub.attach(principal())
    hub.subscribe(reader, "b")
    with caplog.at_level("INFO"):
        (outcome,), _ = await publish(hub, retained("b"), qos=qos, level=level)
    assert outcome.reason_code == ReasonCode.SUCCESS
    assert "e" in hub.store.event_ids()
    assert names(reader.sent) == ["b"]
    assert names(replayed(hub, "#")) == ["a"]
    assert "not retained" in caplog.text


async def test_the_bound_is_told_with_its_cure(small: Callable[..., Any]) -> None:
    hub = await small(maximum_messages=1)
    assert hub.exchange.status().trouble == ()
    keep(hub, retained("a"))
    (trouble,) = hub.exchange.status().trouble
    assert "raise maximum_messages or maximum_bytes of [retained]" in trouble


async def test_at_the_bound_one_may_be_replaced_or_removed(small: Callable[..., Any]) -> None:
    hub = await small(maximum_messages=1)
    keep(hub, retained("a"))
    for payload in (b"new", b""):
        (outcome,), _ = await publish(hub, retained("a", payload))
        assert outcome.reason_code == ReasonCode.SUCCESS
    (outcome,), _ = await publish(hub, retained("b"))
    assert outcome.reason_code == ReasonCode.SUCCESS
    assert names(replayed(hub, "#")) == ["b"]


async def test_what_is_on_its_way_to_the_disk_counts(small: Callable[..., Any]) -> None:
    hub = await small(maximum_messages=1)
    link = hub.attach(principal())
    told: list[ReasonCode] = []
    for name in ("a", "b"):
        hub.dialect.outcome = Outcome(publications=(retained(name),))
        assert link.session is not None
        hub.exchange.publish(
            link.session,
            Publish(name, b"1", 1, packet_id=1),
            lambda outcome, _: told.append(outcome.reason_code),
        )
    hub.store.commit()
    assert sorted(told) == [ReasonCode.SUCCESS, ReasonCode.QUOTA_EXCEEDED]


async def test_what_failed_makes_room_again(small: Callable[..., Any]) -> None:
    hub = await small(maximum_messages=1)
    link = hub.attach(principal())
    hub.store.commit()
    hub.publish(link, Outcome(publications=(retained("a"),)))
    hub.store.fail()
    (outcome,), _ = await publish(hub, retained("b"))
    assert outcome.reason_code == ReasonCode.SUCCESS


async def test_bytes_are_bounded_too(small: Callable[..., Any]) -> None:
    hub = await small(maximum_bytes=MESSAGE_BYTES + LEVEL_BYTES + 100)
    (outcome,), _ = await publish(hub, retained("a", b"x" * 99))
    assert outcome.reason_code == ReasonCode.SUCCESS
    for message in (retained("b"), retained("a", b"x" * 100)):
        (outcome,), _ = await publish(hub, message)
        assert outcome.reason_code == ReasonCode.QUOTA_EXCEEDED


async def test_many_levels_take_room(small: Callable[..., Any]) -> None:
    hub = await small(maximum_bytes=100_000)
    outcomes = [
        (await publish(hub, retained("/".join([f"{n}"] * 100))))[0][0].reason_code
        for n in range(5)
    ]
    assert outcomes == [0, 0, 0, ReasonCode.QUOTA_EXCEEDED, ReasonCode.QUOTA_EXCEEDED]


async def test_levels_that_topics_share_count_once(small: Callable[..., Any]) -> None:
    hub = await small()
    keep(hub, retained("a/b/c"))
    before = hub.exchange._parts.retained.held_bytes
    keep(hub, retained("a/b/d"))
    assert hub.exchange._parts.retained.held_bytes - before == MESSAGE_BYTES + LEVEL_BYTES + 6


async def test_a_will_that_finds_no_room_is_sent_all_the_same(small: Callable[..., Any]) -> None:
    hub = await small(maximum_messages=0)
    reader = hub.attach(principal())
    hub.subscribe(reader, "a")
    hub.dialect.will_outcome = Outcome(publications=(retained("a"),))
    hub.attach(principal(), Will("a", b"1")).end(None, "gone")
    hub.store.commit()
    assert names(reader.sent) == ["a"]
    assert replayed(hub, "#") == []


async def test_nothing_is_left_of_what_went(hub: World) -> None:
    keep(hub, *(retained(f"{n}", expires_us=hub.clock.us + 1_000_000) for n in range(50)))
    keep(hub, *(retained(f"{n}", b"") for n in range(25)))
    hub.pass_time(5)
    hub.store.commit()
    kept = hub.exchange._parts.retained
    assert (kept.count, kept.held_bytes, kept._bytes_on_the_way) == (0, 0, 0)
    assert (kept._spaces, kept._on_the_way, len(kept._expiry)) == ({}, {}, 0)
