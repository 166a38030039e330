import asyncio
from collections.abc import Callable, Sequence

import pytest
from eventually import eventually
from hand_exchange import HandClock

from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.timetable import Alarm, Timetable


async def until(holds: Callable[[], bool]) -> None:
    async def look() -> bool:
        return holds()

    await eventually(look)


def test_what_is_due_comes_in_order_and_once() -> None:
    timetable: Timetable[str] = Timetable()
    for key, at in (("b", 2.0), ("a", 1.0), ("c", 3.0)):
        timetable.set(key, at)
    assert timetable.next() == 1.0
    assert timetable.take_due(2.0) == ["a", "b"]
    assert (timetable.take_due(2.0), len(timetable), timetable.next()) == ([], 1, 3.0)


def test_a_key_has_one_time_and_may_lose_it() -> None:
    timetable: Timetable[str] = Timetable()
    timetable.set("a", 1.0)
    timetable.set("a", 5.0)
    timetable.set("b", 2.0)
    timetable.cancel("b")
    timetable.cancel("never there")
    assert "b" not in timetable
    assert timetable.take_due(4.0) == []
    assert timetable.take_due(5.0) == ["a"]
    assert timetable.next() is None


def test_no_more_than_asked_for_is_taken() -> None:
    timetable: Timetable[int] = Timetable()
    for key in range(5):
        timetable.set(key, 0.0)
    assert [timetable.take_due(1.0, 3), timetable.take_due(1.0, 3)] == [[0, 1, 2], [3, 4]]


def test_who_comes_and_goes_for_ever_takes_no_memory() -> None:
    timetable: Timetable[str] = Timetable()
    timetable.set("stays", 0.5)
    for step in range(10_000):
        timetable.set("a", 1.0 + step)
        timetable.cancel("a")
    assert len(timetable._heap) < 200
    assert timetable.take_due(1e9) == ["stays"]


def test_an_earlier_time_is_told() -> None:
    told: list[float | None] = []
    timetable: Timetable[str] = Timetable(lambda: told.append(timetable.next()))
    for key, at in (("a", 5.0), ("b", 9.0), ("c", 1.0)):
        timetable.set(key, at)
    assert told == [5.0, 1.0]


async def test_the_alarm_rings_at_the_earliest_time_of_all() -> None:
    clock = HandClock()
    alarm = Alarm(clock)
    rung: list[object] = []
    first: Timetable[str] = alarm.timetable(rung.extend)
    second: Timetable[int] = alarm.timetable(rung.extend)
    first.set("late", clock.s + 50)
    second.set(1, clock.s + 10)
    clock.s += 10
    alarm.ring()
    assert rung == [1]
    clock.s += 40
    alarm.ring()
    assert rung == [1, "late"]
    alarm.stop()


async def test_the_alarm_rings_by_itself_also_when_an_earlier_time_comes_later() -> None:
    clock = Clock()
    alarm = Alarm(clock)
    rung: list[str] = []
    timetable: Timetable[str] = alarm.timetable(rung.extend)
    timetable.set("in an hour", clock.now_s() + 3600)
    timetable.set("soon", clock.now_s() + 0.01)
    await until(lambda: rung == ["soon"])
    timetable.set("again", clock.now_s())
    await until(lambda: rung == ["soon", "again"])
    alarm.stop()


async def test_a_mistake_takes_nothing_from_others(caplog: pytest.LogCaptureFixture) -> None:
    clock = HandClock()
    alarm = Alarm(clock)
    rung: list[str] = []

    def fail(_keys: Sequence[str]) -> None:
        raise ZeroDivisionError

    bad: Timetable[str] = alarm.timetable(fail)
    good: Timetable[str] = alarm.timetable(rung.extend)
    for timetable in (bad, good):
        timetable.set("k", clock.s)
    alarm.ring()
    assert rung == ["k"]
    assert "A mistake of the hub" in caplog.text
    alarm.stop()


async def test_many_at_once_are_handed_out_in_turns_of_the_loop() -> None:
    clock = HandClock()
    alarm = Alarm(clock)
    turns: list[int] = []
    timetable: Timetable[int] = alarm.timetable(lambda keys: turns.append(len(keys)))
    for key in range(2 * Alarm.AT_ONCE + 1):
        timetable.set(key, clock.s)
    await until(lambda: sum(turns) == 2 * Alarm.AT_ONCE + 1)
    assert turns == [Alarm.AT_ONCE, Alarm.AT_ONCE, 1]
    alarm.stop()


async def test_a_stopped_alarm_is_silent() -> None:
    clock = Clock()
    alarm = Alarm(clock)
    rung: list[str] = []
    timetable: Timetable[str] = alarm.timetable(rung.extend)
    timetable.set("k", clock.now_s() + 0.001)
    alarm.stop()
    timetable.set("l", clock.now_s())
    await asyncio.sleep(0.02)
    assert rung == []
