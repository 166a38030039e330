import time

import pytest
from hand_exchange import HandLink, World, principal

from leafhub.exchange import sessions as sessions_module
from leafhub.exchange.session import Session
from leafhub.exchange.sessions import KEPT_SESSIONS, Sessions
from leafhub.mqtt.session_state import Subscription


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


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


def test_who_comes_back_finds_the_session(sessions: Sessions) -> None:
    kept = keep(sessions, "k")
    assert come(sessions, "k") == (kept, True)
    assert sessions.kept_of_device("oak", "d") == ()
    assert sessions.of_device("oak", "d") == (kept,)


def test_a_clean_start_finds_nothing(sessions: Sessions) -> None:
    keep(sessions, "k")
    _, present = come(sessions, "k", clean_start=True)
    assert not present
    assert sessions.kept_of_device("oak", "d") == ()


def test_a_session_without_a_key_or_an_expiry_is_not_kept(sessions: Sessions) -> None:
    nameless, _ = come(sessions, None)
    sessions.detach(nameless, 0)
    brief, _ = come(sessions, "k")
    brief.state.expiry_interval_s = 0
    sessions.detach(brief, 0)
    assert sessions.kept_of_device("oak", "d") == ()


def test_a_kept_session_ends_when_its_time_is_over(sessions: Sessions) -> None:
    kept = keep(sessions, "k")
    sessions.expire(99.9)
    assert sessions.kept_of_device("oak", "d") == (kept,)
    sessions.expire(100)
    assert sessions.kept_of_device("oak", "d") == ()


def test_who_comes_back_after_the_time_and_before_the_sweep_finds_nothing(
    sessions: Sessions,
) -> None:
    keep(sessions, "k")
    assert come(sessions, "k", now_s=100)[1] is False


def test_what_is_kept_is_bounded_and_the_longest_away_goes_first(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "KEPT_SESSIONS", 2)
    for key in ("a", "b", "c"):
        keep(sessions, key)
    assert [come(sessions, key)[1] for key in ("a", "b", "c")] == [False, True, True]


@pytest.mark.parametrize(("now_s", "left"), [(9.9, 1), (10, 0)])
def test_a_login_ends_a_kept_session_from_its_age_on(
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


def test_an_ended_session_gets_no_events(sessions: Sessions) -> None:
    kept = keep(sessions, "k")
    kept.state.subscriptions["f"] = Subscription("f")
    sessions.subscribe(kept, "f", ("acorn/all",))
    assert sessions.has_routes("acorn")
    assert list(sessions.match("acorn/all")) == [kept]
    sessions.expire(1_000)
    assert not sessions.has_routes("acorn")
    assert sessions.match("acorn/all") == {}


def test_a_session_that_two_filters_match_is_found_once_with_the_better(
    sessions: Sessions,
) -> None:
    session, _ = come(sessions, None)
    for topic_filter, qos in (("a", 0), ("b", 1), ("c", 0)):
        session.state.subscriptions[topic_filter] = Subscription(topic_filter, qos)
        sessions.subscribe(session, topic_filter, ("acorn/all",))
    assert [found.topic_filter for found in sessions.match("acorn/all").values()] == ["b"]


def test_who_becomes_somebody_else_leaves_subscriptions_and_name_behind(
    sessions: Sessions,
) -> None:
    session, _ = come(sessions, "anybody")
    session.state.subscriptions["f"] = Subscription("f")
    sessions.subscribe(session, "f", ("acorn/all",))
    sessions.become(session, principal("e"))
    assert sessions.match("acorn/all") == {}
    assert (sessions.of_device("oak", "d"), sessions.of_device("oak", "e")) == ((), (session,))
    sessions.detach(session, 0)
    assert come(sessions, "anybody")[1] is False


def test_a_deleted_device_leaves_no_session_to_come_back_to(sessions: Sessions) -> None:
    keep(sessions, "kept")
    live, _ = come(sessions, "live")
    sessions.forget_device("oak", "d")
    sessions.detach(live, 0)
    assert [come(sessions, key)[1] for key in ("kept", "live")] == [False, False]


def test_a_session_is_displaced_by_its_slot_or_key_once(sessions: Sessions) -> None:
    session, _ = come(sessions, "k")
    assert list(sessions.displaced_by(principal("d", "k"))) == [session]
    assert list(sessions.displaced_by(principal("d", "other"))) == []


def test_with_all_that_may_be_kept_a_step_costs_no_more_than_a_few(sessions: Sessions) -> None:
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
    fill(KEPT_SESSIONS, 2_000)
    many = min(fill(1_000, start) for start in (100_000, 200_000, 300_000))
    assert many < 10 * few  # walking through 10 000 of them would cost a hundred times as much
