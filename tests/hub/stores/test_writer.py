import asyncio
import functools
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import pytest

from leafhub.errors import BusyError, StoreUnavailableError
from leafhub.model.command import Command
from leafhub.model.event import Event
from leafhub.model.publication import Publication
from leafhub.model.registry import DeleteOperator
from leafhub.mqtt.properties import Properties
from leafhub.stores import writer as writer_module
from leafhub.stores.base import Batch
from leafhub.stores.writer import GroupWriter


def batch(name: str, data: bytes = b"1") -> Batch:
    return Batch(
        events=(
            Event(id=name, application="", device="", sender="", channel="", time_us=0, data=data),
        )
    )


class Disk:
    """A database that can be held up and told to fail; it keeps the names of each group."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.starts: list[float] = []
        self.started = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.fault: Callable[[list[str]], BaseException | None] = lambda _names: None

    def commit(self, batches: Sequence[Batch]) -> int:
        names = [event.id for one in batches for event in one.events]
        self.starts.append(time.monotonic())
        self.started.set()
        assert self.go.wait(10)
        if (fault := self.fault(names)) is not None:
            raise fault
        self.groups.append(names)
        return len(names)


class Bench:
    def __init__(self) -> None:
        self.disk = Disk()
        self.outcomes: list[tuple[str, str | None]] = []
        self.threads: set[int] = set()
        self.writers: list[GroupWriter] = []
        self.progress = asyncio.Event()

    def start(self, maximum_group_events: int = 100, minimum_interval_s: float = 0) -> GroupWriter:
        writer = GroupWriter(
            self.disk.commit,
            name="test",
            maximum_group_events=maximum_group_events,
            minimum_interval_s=minimum_interval_s,
        )
        self.writers.append(writer)
        return writer

    def queue(self, writer: GroupWriter, *names: str) -> None:
        for name in names:
            writer.write(batch(name), functools.partial(self.done, name))

    def done(self, name: str, error: StoreUnavailableError | None) -> None:
        self.threads.add(threading.get_ident())
        self.outcomes.append((name, None if error is None else str(error)))
        self.progress.set()

    def queue_change(self, writer: GroupWriter, *names: str) -> None:
        """Each with a change, the event names the batch."""
        for name in names:
            one = Batch(changes=(DeleteOperator(name),), events=batch(name).events)
            writer.write(one, functools.partial(self.done, name))

    async def hold(self, writer: GroupWriter, name: str = "held") -> None:
        """Let the writer begin a group of one and stay in it."""
        self.disk.go.clear()
        self.disk.started.clear()
        self.queue(writer, name)
        assert await asyncio.to_thread(self.disk.started.wait, 10)

    async def told(self, count: int) -> None:
        """Wait until so many outcomes have come."""
        async with asyncio.timeout(10):
            while len(self.outcomes) < count:
                self.progress.clear()
                await self.progress.wait()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    bench.disk.go.set()
    for writer in bench.writers:
        await writer.close()


async def test_what_gathers_during_a_commit_is_the_next_group(bench: Bench) -> None:
    writer = bench.start()
    await bench.hold(writer)
    bench.queue(writer, "a", "b", "c")
    assert writer.waiting == 3
    bench.disk.go.set()
    await writer.close()
    assert bench.disk.groups == [["held"], ["a", "b", "c"]]
    assert (writer.committed_groups, writer.committed_events) == (2, 4)


async def test_a_group_closes_at_its_maximum_of_events(bench: Bench) -> None:
    writer = bench.start(maximum_group_events=2)
    await bench.hold(writer)
    bench.queue(writer, "a", "b", "c")
    bench.disk.go.set()
    await writer.close()
    assert bench.disk.groups == [["held"], ["a", "b"], ["c"]]


async def test_changes_fill_a_group_as_events_do(bench: Bench) -> None:
    writer = bench.start(maximum_group_events=2)
    await bench.hold(writer)
    for name in ("a", "b", "c"):
        bench.queue_change(writer, name)
    bench.disk.go.set()
    await writer.close()
    assert bench.disk.groups == [["held"], ["a"], ["b"], ["c"]]


async def test_a_batch_larger_than_a_group_is_a_group(bench: Bench) -> None:
    writer = bench.start(maximum_group_events=1)
    writer.write(Batch(events=batch("a").events + batch("b").events), lambda _error: None)
    await writer.close()
    assert bench.disk.groups == [["a", "b"]]


async def test_outcomes_come_in_the_loop_thread_with_one_call_for_a_group(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    calls: list[int] = []
    original = loop.call_soon_threadsafe

    def counting(callback: Callable[..., object], *args: object) -> object:
        if callback == writer._tell:
            calls.append(1)
        return original(callback, *args)

    writer = bench.start()
    monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
    await bench.hold(writer)
    bench.queue(writer, "a", "b", "c")
    bench.disk.go.set()
    await writer.close()
    assert bench.outcomes == [("held", None), ("a", None), ("b", None), ("c", None)]
    assert bench.threads == {threading.get_ident()}
    assert len(calls) == 2


async def test_a_large_group_is_told_in_turns_and_in_order(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "TOLD_AT_ONCE", 10)
    names = [str(number) for number in range(95)]
    writer = bench.start(maximum_group_events=50)
    bench.disk.go.clear()
    bench.queue(writer, *names)
    told_at_each_turn: list[int] = []

    async def look() -> None:
        while len(bench.outcomes) < len(names):
            told_at_each_turn.append(len(bench.outcomes))
            await asyncio.sleep(0)

    bench.disk.go.set()
    async with asyncio.timeout(10):
        await look()
    told_at_each_turn.append(len(names))
    steps = [b - a for a, b in itertools.pairwise(told_at_each_turn)]
    assert max(steps) == 10
    assert [name for name, _ in bench.outcomes] == names


async def test_close_tells_all_that_is_untold(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "TOLD_AT_ONCE", 1)
    names = [str(number) for number in range(50)]
    writer = bench.start()
    bench.queue(writer, *names)
    await writer.close()
    assert [name for name, _ in bench.outcomes] == names


async def test_commits_keep_their_distance(bench: Bench) -> None:
    writer = bench.start(minimum_interval_s=0.2)
    bench.queue(writer, "a")
    await asyncio.sleep(0.05)
    bench.queue(writer, "b")
    await asyncio.sleep(0.05)
    bench.queue(writer, "c")
    await bench.told(3)
    assert bench.disk.groups == [["a"], ["b", "c"]]
    assert bench.disk.starts[1] - bench.disk.starts[0] >= 0.2


async def test_close_does_not_wait_for_the_distance(bench: Bench) -> None:
    writer = bench.start(minimum_interval_s=60)
    await bench.hold(writer)
    bench.queue(writer, "a")
    bench.disk.go.set()
    async with asyncio.timeout(10):
        await writer.close()
    assert bench.disk.groups == [["held"], ["a"]]


async def test_when_the_store_fails_every_batch_of_the_group_is_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    writer = bench.start()
    await bench.hold(writer)
    bench.queue(writer, "a", "b")
    bench.disk.fault = lambda names: StoreUnavailableError("full") if "a" in names else None
    bench.disk.go.set()
    await bench.told(3)
    assert bench.outcomes == [("held", None), ("a", "full"), ("b", "full")]
    assert len(bench.disk.starts) == 2
    assert writer.trouble == "full"
    bench.queue(writer, "c")
    await writer.close()
    assert bench.outcomes[-1] == ("c", None)
    assert writer.trouble is None
    levels = [one.levelno for one in caplog.records if one.name == writer_module.__name__]
    assert levels == [logging.ERROR, logging.WARNING]


async def test_one_bad_batch_fails_alone(bench: Bench) -> None:
    writer = bench.start()
    await bench.hold(writer)
    names = [f"n{n}" for n in range(16)]
    bench.queue(writer, *names)
    bench.disk.fault = lambda names: ValueError("too long") if "n5" in names else None
    bench.disk.go.set()
    await writer.close()
    told = dict(bench.outcomes)
    assert told.pop("n5") == "this cannot be stored: too long"
    assert list(told) == ["held", *(name for name in names if name != "n5")]
    assert set(told.values()) == {None}
    assert [name for group in bench.disk.groups for name in group] == list(told)
    assert len(bench.disk.starts) == 10  # the held one, the group, and two a halving
    assert writer.trouble is None


async def test_too_many_batches_are_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "WAITING_BATCHES", 2)
    writer = bench.start()
    await bench.hold(writer)
    bench.queue(writer, "a", "b")
    with pytest.raises(BusyError, match="2 batches wait"):
        bench.queue(writer, "c")
    bench.disk.go.set()
    await writer.close()
    assert [name for name, _error in bench.outcomes] == ["held", "a", "b"]


async def test_too_many_bytes_are_refused_but_never_the_first_batch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "WAITING_BYTES", 1 << 20)
    writer = bench.start()
    await bench.hold(writer)
    writer.write(batch("huge", bytes(2 << 20)), lambda error: bench.done("huge", error))
    with pytest.raises(BusyError, match="1 MiB"):
        bench.queue(writer, "a")
    bench.disk.go.set()
    await bench.told(2)
    bench.queue(writer, "b")
    await writer.close()
    assert bench.outcomes == [("held", None), ("huge", None), ("b", None)]


_TEXT = "x" * 100_000


@pytest.mark.parametrize(
    "large",
    [
        Batch(events=(msgspec.structs.replace(batch("").events[0], raw=_TEXT.encode()),)),
        Batch(events=(msgspec.structs.replace(batch("").events[0], attributes=(("a", _TEXT),)),)),
        Batch(events=(msgspec.structs.replace(batch("").events[0], topic=_TEXT),)),
        Batch(
            retained=(
                Publication(
                    space="",
                    topic_name="t",
                    payload=b"",
                    properties=Properties(user_properties=(("a", _TEXT),)),
                ),
            )
        ),
        Batch(
            commands=(
                Command(
                    id="",
                    application="",
                    device="",
                    name="",
                    data=_TEXT.encode(),
                    datacontenttype="",
                    created_us=0,
                    updated_us=0,
                    operator="",
                ),
            )
        ),
    ],
)
async def test_all_that_others_decide_is_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, large: Batch
) -> None:
    monkeypatch.setattr(writer_module, "WAITING_BYTES", 100_000)
    writer = bench.start()
    await bench.hold(writer)
    bench.queue(writer, "a")
    with pytest.raises(BusyError):
        writer.write(large, lambda _: None)
    bench.disk.go.set()
    await writer.close()


async def test_a_mistake_of_one_receiver_does_not_cost_the_others_their_outcome(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    writer = bench.start()

    def wrong(_error: StoreUnavailableError | None) -> None:
        raise ZeroDivisionError

    await bench.hold(writer)
    writer.write(batch("x"), wrong)
    bench.queue(writer, "a")
    bench.disk.go.set()
    await writer.close()
    assert bench.outcomes == [("held", None), ("a", None)]
    assert "ZeroDivisionError" in caplog.text


async def test_a_thread_that_breaks_down_says_so_to_everybody(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    writer = bench.start()
    await bench.hold(writer)
    bench.disk.fault = lambda _names: SystemExit("gone")
    bench.queue(writer, "a")
    bench.disk.go.set()
    await writer.close()
    bench.queue(writer, "late")
    await asyncio.sleep(0)
    assert [name for name, _error in bench.outcomes] == ["held", "a", "late"]
    assert all(error is not None and "broke down" in error for _name, error in bench.outcomes)
    assert writer.trouble is not None
    assert "broke down" in writer.trouble
    assert "SystemExit" in caplog.text


def test_a_closed_loop_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    disk.go.clear()

    async def begin() -> GroupWriter:
        writer = GroupWriter(disk.commit, name="test", maximum_group_events=1)
        writer.write(batch("a"), lambda _error: None)
        return writer

    writer = asyncio.run(begin())
    disk.go.set()
    asyncio.run(writer.close())
    assert disk.groups == [["a"]]
    assert "unreported" in caplog.text


STANDS_ON = "a change that this one stands on was not stored"


async def test_a_change_that_fails_takes_the_changes_behind_it_along(bench: Bench) -> None:
    writer = bench.start(maximum_group_events=1)
    bench.disk.fault = lambda names: StoreUnavailableError("full") if "a" in names else None
    await bench.hold(writer)
    bench.queue_change(writer, "a", "b")
    bench.queue(writer, "event")
    bench.queue_change(writer, "c")
    bench.disk.go.set()
    await writer.close()
    assert bench.outcomes == [
        ("held", None),
        ("a", "full"),
        ("b", STANDS_ON),
        ("event", None),
        ("c", STANDS_ON),
    ]
    assert bench.disk.groups == [["held"], ["event"]]


async def test_a_change_made_after_the_failure_was_told_is_stored(bench: Bench) -> None:
    writer = bench.start()
    bench.disk.fault = lambda names: StoreUnavailableError("full") if "a" in names else None
    bench.queue_change(writer, "a")
    await bench.told(1)
    bench.queue_change(writer, "b")
    await writer.close()
    assert bench.outcomes == [("a", "full"), ("b", None)]


async def test_a_change_that_cannot_be_stored_takes_only_what_is_behind_it_along(
    bench: Bench,
) -> None:
    writer = bench.start()
    bench.disk.fault = lambda names: ValueError("no") if "b" in names else None
    await bench.hold(writer)
    bench.queue_change(writer, "a", "b", "c")
    bench.queue(writer, "event")
    bench.disk.go.set()
    await writer.close()
    assert bench.outcomes == [
        ("held", None),
        ("a", None),
        ("b", "this cannot be stored: no"),
        ("c", STANDS_ON),
        ("event", None),
    ]


async def test_an_event_that_fails_takes_no_change_along(bench: Bench) -> None:
    writer = bench.start(maximum_group_events=1)
    bench.disk.fault = lambda names: StoreUnavailableError("full") if "a" in names else None
    await bench.hold(writer)
    bench.queue(writer, "a")
    bench.queue_change(writer, "b")
    bench.disk.go.set()
    await writer.close()
    assert bench.outcomes == [("held", None), ("a", "full"), ("b", None)]
