import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from hand_exchange import HandAsker, settle

from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.errors import BusyError
from leafhub.exchange.endpoints.inquiries import Inquiries
from leafhub.exchange.endpoints.lanes import BESIDE_BYTES, HELD_UP, LONGEST, WAITING_BYTES, Lanes


def asks(what: str) -> Inquiry[str]:
    def resume(reply: Answer | Failure) -> str:
        return f"{what} failed" if isinstance(reply, Failure) else f"{what} {reply.status}"

    return Inquiry(HttpRequest(url=what), resume)


def log_it(exc: Exception) -> None:
    raise exc


class Desk:
    """Lanes, and what came out of them in its order."""

    def __init__(self) -> None:
        self.asker = HandAsker()
        self.lanes = Lanes(Inquiries(self.asker))
        self.ended: list[str] = []

    def enter(
        self,
        verdict: str | Inquiry[str] | Exception,
        key: str = "d",
        end: Callable[[str], None] | None = None,
        size_bytes: int = 0,
    ) -> None:
        def judge() -> str | Inquiry[str]:
            if isinstance(verdict, Exception):
                raise verdict
            return verdict

        def broken(exc: Exception) -> None:
            self.ended.append(repr(exc))

        self.lanes.enter(key, judge, end or self.ended.append, broken, size_bytes)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.lanes.drain(0)


async def test_what_asks_nobody_ends_at_once(desk: Desk) -> None:
    desk.enter("known")
    assert desk.ended == ["known"]
    assert "d" not in desk.lanes


async def test_all_of_a_device_waits_behind_a_question(desk: Desk) -> None:
    desk.enter(asks("a"))
    desk.enter("b")
    desk.enter(asks("c"))
    desk.enter("d")
    await settle()
    assert (desk.ended, desk.asker.asked) == ([], ["a"])
    await desk.asker.answer("a")
    assert (desk.ended, desk.asker.asked) == (["a 200", "b"], ["a", "c"])
    await desk.asker.answer("c")
    assert desk.ended == ["a 200", "b", "c 200", "d"]
    assert "d" not in desk.lanes


async def test_nothing_of_another_device_waits(desk: Desk) -> None:
    desk.enter(asks("a"))
    desk.enter("b", key="other")
    assert desk.ended == ["b"]


async def test_each_is_judged_when_its_turn_comes(desk: Desk) -> None:
    names = iter(["early"])
    desk.enter(asks("a"))
    desk.lanes.enter("d", lambda: next(names), desk.ended.append, log_it)
    await settle()
    names = iter(["late"])
    await desk.asker.answer("a")
    assert desk.ended == ["a 200", "late"]


async def test_what_an_end_brings_waits_behind_what_is_there(desk: Desk) -> None:
    desk.enter(asks("a"), end=lambda _: desk.enter("brought"))
    desk.enter("b")
    await settle()
    await desk.asker.answer("a")
    assert desk.ended == ["b", "brought"]


async def test_a_mistake_is_told_and_the_next_goes_on(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):  # who enters is told at once where nothing waits
        desk.enter(ZeroDivisionError())
    desk.enter(asks("a"))
    desk.enter(ZeroDivisionError())

    def stumble(_: str) -> None:
        raise KeyError

    desk.enter("b", end=stumble)
    desk.enter("c")
    await settle()
    await desk.asker.answer("a")
    assert desk.ended == ["a 200", "ZeroDivisionError()", "KeyError()", "c"]


async def test_a_mistake_about_a_mistake_stops_nobody(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(_: object) -> None:
        raise KeyError

    desk.enter(asks("a"))
    desk.lanes.enter("d", lambda: "b", stumble, stumble)
    desk.enter("c")
    await settle()
    await desk.asker.answer("a")
    assert desk.ended == ["a 200", "c"]
    assert "A mistake of the hub" in caplog.text


async def test_a_client_is_held_up_before_its_lane_is_full(desk: Desk) -> None:
    desk.enter(asks("a"))
    for _ in range(HELD_UP - 2):
        desk.enter("b")
    assert not desk.lanes.holds_up("d")
    desk.enter("b")
    assert desk.lanes.holds_up("d")
    assert not desk.lanes.holds_up("other")
    for _ in range(LONGEST - HELD_UP):
        desk.enter("b")
    with pytest.raises(BusyError):
        desk.enter("b")
    await settle()
    await desk.asker.answer("a")
    assert len(desk.ended) == LONGEST


async def test_all_lanes_have_so_many_bytes(desk: Desk) -> None:
    half = WAITING_BYTES // 2 - BESIDE_BYTES
    desk.enter(asks("a"), size_bytes=half)
    assert desk.lanes.holds_up("d")
    assert not desk.lanes.holds_up("other")
    desk.enter(asks("b"), key="other", size_bytes=half)
    with pytest.raises(BusyError):
        desk.enter(asks("c"), key="third")
    desk.enter("at once", key="third")
    await settle()
    await desk.asker.answer("a")
    desk.enter(asks("c"), key="third")
    await settle()
    assert desk.asker.waiting == ["b", "c"]


async def test_a_hub_that_stops_brings_all_to_an_end(desk: Desk) -> None:
    desk.enter(asks("a"))
    desk.enter(asks("b"))
    desk.enter("c")
    await desk.lanes.drain(0.01)
    assert desk.ended == ["a failed", "b failed", "c"]
    assert desk.asker.is_closed


async def test_a_hub_that_stops_waits_for_answers_that_come(desk: Desk) -> None:
    desk.enter(asks("a"))
    await settle()
    draining = asyncio.create_task(desk.lanes.drain(10))
    await settle()
    await desk.asker.answer("a")
    await draining
    assert desk.ended == ["a 200"]
