import time
from collections.abc import AsyncIterator

import pytest
from hand_exchange import HandClock, HandLink, World, hand_feeds, principal

from leafhub.exchange.session import Session
from leafhub.exchange.sessions import Sessions
from leafhub.exchange.settings import SessionSettings
from leafhub.exchange.timetable import Alarm
from leafhub.exchange.topic_spaces import TopicSpaces
from leafhub.mqtt.session_state import (
    NEVER_EXPIRES,
    OutgoingMessage,
    SendResult,
    Subscription,
)


class Kept:
    """Sessions with a clock that stands still, and what is told of their ends."""

    def __init__(self, settings: SessionSettings | None = None) -> None:
        self.clock = HandClock()
        self.alarm = Alarm(self.clock)
        self.ended: list[Session] = []
        self.sessions = Sessions(
            settings=settings or SessionSettings(),
            spaces=TopicSpaces(self.clock),
            feeds=hand_feeds(self.clock),
            alarm=self.alarm,
            clock=self.clock,
            ended=self.ended.append,
        )

    def at(self, now_s: float) -> None:
        self.clock.s = now_s
        self.alarm.ring()


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    kept = Kept()
    yield kept
    kept.alarm.stop()


@pytest.fixture
def sessions(kept: Kept) -> Sessions:
    return kept.sessions


def come(
    sessions: Sessions, key: str | None, *, clean_start: bool = False, now_s: float = 0
) -> tuple[Session, bool]:
    who = principal("d", key)
    session, present = sessions.attach(
        HandLink(World()), who, clean_start=clean_start, now_s=now_s
    )
    session.state.expiry_interval_s = 100
    return session, present


def keep(sessions: Sessions, key: str, now_s: float = 0) -> Session:
    session, _ = come(sessions, key, now_s=now_s)
    sessions.detach(session, now_s)
    return session


async def test_who_comes_back_finds_the_session(sessions: Sessions) -> None:
    kept = keep(sessions, "k")
    assert come(sessions, "k") == (kept, True)
    assert sessions.kept_of_device("oak", "d") == ()
    assert sessions.of_device("oak", "d") == (kept,)


async def test_a_clean_start_finds_nothing(sessions: Sessions) -> None:
    keep(sessions, "k")
    _, present = come(sessions, "k", clean_start=True)
    assert not present
    assert sessions.kept_of_device("oak", "d") == ()


async def test_a_session_without_a_key_or_an_expiry_is_not_kept(sessions: Sessions) -> None:
    nameless, _ = come(sessions, None)
    sessions.detach(nameless, 0)
    brief, _ = come(sessions, "k")
    brief.state.expiry_interval_s = 0
    sessions.detach(brief, 0)
    assert sessions.kept_of_device("oak", "d") == ()


async def test_a_kept_session_ends_when_its_time_is_over(kept: Kept) -> None:
    session = keep(kept.sessions, "k")
    kept.at(99.9)
    assert kept.sessions.kept_of_device("oak", "d") == (session,)
    kept.at(100)
    assert kept.sessions.kept_of_device("oak", "d") == ()
    assert kept.ended == [session]


async def test_who_came_back_is_not_ended_by_the_time_before(kept: Kept) -> None:
    session = keep(kept.sessions, "k")
    come(kept.sessions, "k", now_s=50)
    kept.at(1_000)
    kept.sessions.detach(session, 1_000)
    kept.at(1_050)
    assert kept.sessions.kept_of_device("oak", "d") == (session,)


async def test_a_session_may_never_end(kept: Kept) -> None:
    session, _ = come(kept.sessions, "k")
    session.state.expiry_interval_s = NEVER_EXPIRES
    kept.sessions.detach(session, 0)
    kept.at(1e10)
    assert kept.ended == []


async def test_the_end_of_a_session_is_told_once_and_gives_its_memory_back(kept: Kept) -> None:
    session = keep(kept.sessions, "k")
    message = OutgoingMessage(topic_name="t", payload=b"x" * 100, qos=1)
    session.send(message)
    assert kept.sessions.budget.used_bytes >= 100
    come(kept.sessions, "k", clean_start=True)
    assert kept.sessions.budget.used_bytes == 0
    assert kept.ended == [session]


async def test_all_that_wait_share_one_budget() -> None:
    kept = Kept(SessionSettings(maximum_queue_bytes=65_536))
    message = OutgoingMessage(topic_name="t", payload=b"x" * 40_000, qos=1)
    results = [keep(kept.sessions, key).send(message) for key in ("a", "b")]
    assert results == [SendResult.QUEUED, SendResult.DROPPED]
    kept.alarm.stop()


async def test_who_comes_back_after_the_time_and_before_the_sweep_finds_nothing(
    sessions: Sessions,
) -> None:
    keep(sessions, "k")
    assert come(sessions, "k", now_s=100)[1] is False


async def test_a_full_budget_is_told() -> None:
    world = World(session_settings=SessionSettings(maximum_queue_bytes=65_536))
    await world.exchange.start()
    world.exchange._parts.sessions.budget.used_bytes = 65_000
    (trouble,) = world.exchange.status().trouble
    assert "maximum_queue_bytes" in trouble
    world.exchange._parts.sessions.budget.used_bytes = 0
    assert world.exchange.status().trouble == ()
    await world.exchange.stop()


async def test_the_status_tells_what_waits_and_how_much_was_dropped() -> None:
    world = World(session_settings=SessionSettings(maximum_queue_bytes=65_536))
    await world.exchange.start()
    session = keep(world.exchange._parts.sessions, "k")
    for _ in range(3):
        session.send(OutgoingMessage(topic_name="t", payload=b"x" * 29_999, qos=1))
    status = world.exchange.status()
    assert (status.queue_bytes, status.messages_dropped) == (60_000, 1)
    await world.exchange.stop()


async def test_what_is_kept_is_bounded_and_the_longest_away_goes_first() -> None:
    kept = Kept(SessionSettings(maximum_kept_sessions=2))
    for key in ("a", "b", "c"):
        keep(kept.sessions, key)
    assert [session.state.key for session in kept.ended] == ["a"]
    assert [come(kept.sessions, key)[1] for key in ("a", "b", "c")] == [False, True, True]
    kept.alarm.stop()


async def test_nothing_may_be_kept_at_all() -> None:
    kept = Kept(SessionSettings(maximum_kept_sessions=0))
    session, _ = come(kept.sessions, "k")
    assert not kept.sessions.detach(session, 0)
    assert kept.ended == [session]


@pytest.mark.parametrize(("now_s", "left"), [(9.9, 1), (10, 0)])
async def test_a_login_ends_a_kept_session_from_its_age_on(
    sessions: Sessions, now_s: float, left: int
) -> None:
    keep(sessions, "other")
    who = principal("d")
    link = HandLink(World())
    ends_other = type(who)(
        dialect=who.dialect,
        policy=who.policy,
        peer=who.peer,
        ends_sessions=(("other", 10.0),),
    )
    sessions.attach(link, ends_other, clean_start=True, now_s=now_s)
    assert len(sessions.kept_of_device("oak", "d")) == left


async def test_an_ended_session_gets_no_events(kept: Kept) -> None:
    sessions = kept.sessions
    session = keep(sessions, "k")
    session.state.subscriptions["f"] = Subscription("f")
    sessions.subscribe(session, Subscription("f"), ("acorn/all",))
    assert sessions.has_routes("acorn")
    assert list(sessions.match("acorn/all")) == [session]
    kept.at(1_000)
    assert not sessions.has_routes("acorn")
    assert sessions.match("acorn/all") == {}


async def test_a_session_that_two_filters_match_is_found_once_with_the_better(
    sessions: Sessions,
) -> None:
    session, _ = come(sessions, None)
    for topic_filter, qos in (("a", 0), ("b", 1), ("c", 0)):
        subscription = Subscription(topic_filter, qos)
        session.state.subscriptions[topic_filter] = subscription
        sessions.subscribe(session, subscription, ("acorn/all",))
    assert [found.topic_filter for found in sessions.match("acorn/all").values()] == ["b"]


async def test_who_becomes_somebody_else_leaves_subscriptions_and_name_behind(
    sessions: Sessions,
) -> None:
    session, _ = come(sessions, "anybody")
    session.state.subscriptions["f"] = Subscription("f")
    sessions.subscribe(session, Subscription("f"), ("acorn/all",))
    sessions.become(session, principal("e"))
    assert sessions.match("acorn/all") == {}
    assert (sessions.of_device("oak", "d"), sessions.of_device("oak", "e")) == ((), (session,))
    sessions.detach(session, 0)
    assert come(sessions, "anybody")[1] is False


async def test_a_deleted_device_leaves_no_session_to_come_back_to(sessions: Sessions) -> None:
    keep(sessions, "kept")
    live, _ = come(sessions, "live")
    sessions.forget_device("oak", "d")
    sessions.detach(live, 0)
    assert [come(sessions, key)[1] for key in ("kept", "live")] == [False, False]


async def test_a_session_is_displaced_by_its_slot_or_key_once(sessions: Sessions) -> None:
    session, _ = come(sessions, "k")
    assert list(sessions.displaced_by(principal("d", "k"))) == [session]
    assert list(sessions.displaced_by(principal("d", "other"))) == []


async def test_with_all_that_may_be_kept_a_step_costs_no_more_than_a_few(
    sessions: Sessions,
) -> None:
    def fill(count: int, start: int = 0) -> float:
        began = time.perf_counter()
        for number in range(start, start + count):
            who = principal(f"d{number}", f"k{number}")
            session, _ = sessions.attach(link, who, clean_start=False, now_s=0)
            session.state.expiry_interval_s = 100
            sessions.detach(session, 0)
            sessions.kept_of_device("oak", f"d{number}")
        return time.perf_counter() - began

    link = HandLink(World())
    few = min(fill(1_000, start) for start in (0, 1_000))
    fill(SessionSettings().maximum_kept_sessions, 2_000)
    many = min(fill(1_000, start) for start in (100_000, 200_000, 300_000))
    assert many < 10 * few  # walking through 10 000 of them would cost a hundred times as much
