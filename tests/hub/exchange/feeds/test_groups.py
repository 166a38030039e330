"""Groups of readers, one case each; what holds in whatever order is in the model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from hand_exchange import HandClock, HandStore, event

from leafhub.errors import StoreUnavailableError
from leafhub.exchange.feeds import group, pages
from leafhub.exchange.feeds.group import OPEN_EVENTS, UNKEPT_EVENTS, GroupKey, Place
from leafhub.exchange.feeds.groups import FeedGroups
from leafhub.exchange.feeds.pages import PAGE_EVENTS
from leafhub.exchange.feeds.partitions import PARTITIONS, partition_of
from leafhub.exchange.feeds.positions import WRITE_AFTER_EVENTS
from leafhub.exchange.settings import FeedSettings
from leafhub.exchange.timetable import Alarm
from leafhub.model.event import Event
from leafhub.stores.base import Batch, EventQuery, FeedPosition, StoredEvent

KEY = GroupKey("oak", "g", "")
DAY_S = 86_400.0
SETTINGS = FeedSettings(keep_positions_s=7 * DAY_S, maximum_positions=3, write_positions_s=5)


class Reader:
    """Takes so many events, and is through with each at once if it is told so."""

    def __init__(self, room: int = 1_000_000, *, at_once: bool = True) -> None:
        self.room = room
        self.at_once = at_once
        self.got: list[StoredEvent] = []
        self.place: Place | None = None

    def offer(self, stored: StoredEvent) -> bool:
        if len(self.got) >= self.room:
            return False
        self.got.append(stored)
        if self.at_once and self.place is not None:
            self.place.done(stored.position)
        return True

    def names(self) -> list[str]:
        return [stored.event.id for stored in self.got]


class Desk:
    """A hub's groups, its store committed by hand, and its time moved by hand."""

    def __init__(self, settings: FeedSettings = SETTINGS) -> None:
        self.store = HandStore()
        self.clock = HandClock()
        self.settings = settings
        self.numbers = 0
        self.restart()

    def restart(self) -> None:
        self.alarm = Alarm(self.clock)
        self.groups = FeedGroups(self.settings, self.store, self.clock, self.alarm, read_apart_s=0)
        self.groups.load(tuple(self.positions().values()))

    def positions(self) -> dict[GroupKey, FeedPosition]:
        """What is on disk."""
        found: dict[GroupKey, FeedPosition] = {}
        for batch in self.store.committed:
            for one in batch.positions:
                key = GroupKey(one.application, one.group, one.selection)
                found.pop(key, None)
                if one.positions:
                    found[key] = one
        return found

    def join(self, reader: Reader, key: GroupKey = KEY) -> Reader:
        reader.place = self.groups.join(key, reader)
        return reader

    async def publish(self, *events: Event) -> None:
        self.store.write(Batch(events=events), lambda _: None)
        self.store.commit()
        self.groups.publish(events)
        await self.settle()

    async def send(self, count: int, sender: str = "d") -> None:
        events = [event(str(self.numbers + n + 1), sender) for n in range(count)]
        self.numbers += count
        await self.publish(*events)

    async def settle(self) -> None:
        for _ in range(60):
            await asyncio.sleep(0)

    def pass_time(self, seconds: float) -> None:
        self.clock.s += seconds
        self.clock.us += round(seconds * 1_000_000)
        self.alarm.ring()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    desk.groups.end()
    desk.alarm.stop()


def senders(count: int, wanted: Callable[[int], bool] = lambda _: True) -> list[str]:
    """Senders in so many partitions."""
    found: dict[int, str] = {}
    for number in range(1_000):
        partition = partition_of(event("e", f"board-{number}"))
        if wanted(partition):
            found.setdefault(partition, f"board-{number}")
    return list(found.values())[:count]


async def test_a_new_group_starts_with_what_comes_then(desk: Desk) -> None:
    await desk.send(2)
    reader = desk.join(Reader())
    await desk.send(2)
    assert reader.names() == ["3", "4"]


async def test_it_goes_on_where_it_stopped(desk: Desk) -> None:
    first = desk.join(Reader(room=2))
    await desk.send(5)
    assert first.names() == ["1", "2"]
    assert first.place is not None
    first.place.leave()
    first.place.leave()  # once more is nothing
    await desk.send(1)
    second = desk.join(Reader())
    await desk.settle()
    assert second.names() == ["3", "4", "5", "6"]


async def test_it_goes_on_after_a_restart_too(desk: Desk) -> None:
    first = desk.join(Reader(room=2))
    await desk.send(5)
    assert first.place is not None
    first.place.leave()
    desk.store.commit()
    desk.restart()
    second = desk.join(Reader())
    await desk.settle()
    assert second.names() == ["3", "4", "5"]


async def test_where_a_new_group_starts_is_on_disk_before_what_comes_then(desk: Desk) -> None:
    await desk.send(2)
    reader = desk.join(Reader(room=0))
    await desk.send(1)
    desk.groups._positions.forget("oak")  # killed: nobody writes anything more
    assert reader.place is not None
    reader.place._task.cancel()  # type: ignore[union-attr]
    desk.restart()
    again = desk.join(Reader())
    await desk.settle()
    assert again.names() == ["3"]


async def test_what_a_reader_was_not_through_with_goes_to_the_next(desk: Desk) -> None:
    first, second = desk.join(Reader(room=1, at_once=False)), desk.join(Reader(room=0))
    [mine] = senders(1, lambda n: desk_owner(desk, n) is first.place)
    await desk.send(2, mine)
    assert first.names() == ["1"]
    assert first.place is not None
    second.room = 5
    first.place.leave()
    await desk.settle()
    assert second.names() == ["1", "2"]
    first.place.done(first.got[0].position)  # too late, and harmless
    assert second.names() == ["1", "2"]


def desk_owner(desk: Desk, partition: int, key: GroupKey = KEY) -> Place | None:
    return desk.groups._groups[key]._partitions[partition].owner


async def test_a_partition_passes_on_when_its_reader_is_through(desk: Desk) -> None:
    first = desk.join(Reader(at_once=False))
    everybody = senders(PARTITIONS)
    await desk.publish(*(event(f"1 {one}", one) for one in everybody))
    second = desk.join(Reader())
    await desk.publish(*(event(f"2 {one}", one) for one in everybody))
    assert len(first.got) == PARTITIONS + PARTITIONS // 2  # what passes on waits for what is open
    assert second.got == []
    assert first.place is not None
    first.place.done(first.got[-1].position)
    await desk.publish(*(event(f"3 {one}", one) for one in everybody))
    assert len(second.got) == PARTITIONS
    assert [one.split()[0] for one in second.names()] == ["2"] * 16 + ["3"] * 16
    assert not set(second.names()) & set(first.names())


async def test_a_reader_that_takes_nothing_holds_up_nobody_else(desk: Desk) -> None:
    stuck, other = desk.join(Reader(room=0)), desk.join(Reader())
    everybody = senders(PARTITIONS)
    for number in range(PAGE_EVENTS // PARTITIONS * 3):
        await desk.publish(*(event(f"{number} {one}", one) for one in everybody))
    assert len(other.got) == len(set(other.names())) == PAGE_EVENTS // 2 * 3
    assert stuck.got == []
    assert stuck.place is not None
    stuck.place.leave()
    await desk.settle()
    assert len(set(other.names())) == len(other.got) == PAGE_EVENTS * 3
    for one in everybody:
        numbers = [int(name.split()[0]) for name in other.names() if name.endswith(f" {one}")]
        assert numbers == sorted(numbers)


async def test_more_readers_than_partitions_wait_for_a_place(desk: Desk) -> None:
    readers = [desk.join(Reader()) for _ in range(PARTITIONS + 1)]
    await desk.send(1)
    assert sum(len(reader.got) for reader in readers) == 1
    idle = readers[-1]
    assert desk.groups._groups[KEY].partitions_of(idle.place) == []  # type: ignore[arg-type]
    for reader in readers[:-1]:
        assert reader.place is not None
        reader.place.leave()
    await desk.send(1)
    assert idle.names() == ["2"]


async def test_without_a_name_it_is_the_readers_own_and_nothing_is_kept(desk: Desk) -> None:
    key = GroupKey("oak", "", "")
    first, second = desk.join(Reader(), key), desk.join(Reader(), key)
    await desk.send(UNKEPT_EVENTS + 1)
    assert len(first.got) == len(second.got) == UNKEPT_EVENTS + 1
    assert desk.positions() == {}
    assert not desk.groups.has(key)


async def test_groups_of_other_parts_and_applications_do_not_meet(desk: Desk) -> None:
    whole = desk.join(Reader())
    part = desk.join(Reader(), GroupKey("oak", "g", "d/+"))
    other = desk.join(Reader(), GroupKey("elm", "g", ""))
    await desk.publish(event("1", "d", "t"), event("2", "d", "t/x"), event("3", "e", "t"))
    assert (whole.names(), part.names(), other.names()) == (["1", "2", "3"], ["1"], [])
    assert len(desk.positions()) == 3


async def test_one_reader_has_so_many_open_at_most(desk: Desk) -> None:
    reader = desk.join(Reader(at_once=False))
    await desk.send(OPEN_EVENTS + 5)
    assert len(reader.got) == OPEN_EVENTS
    assert reader.place is not None
    reader.place.done(reader.got[1].position)
    await desk.settle()
    assert len(reader.got) == OPEN_EVENTS + 2


# ---- what is on disk


async def test_positions_are_written_seldom(desk: Desk) -> None:
    desk.join(Reader())
    await desk.send(1)
    written = len(desk.store.committed)
    for _ in range(WRITE_AFTER_EVENTS - 2):
        await desk.send(1)
    batches = desk.store.committed[written:]
    assert not any(batch.positions for batch in batches)
    desk.pass_time(5)
    desk.store.commit()
    assert desk.positions()[KEY].positions == (WRITE_AFTER_EVENTS - 1,) * PARTITIONS


async def test_so_many_come_again_at_most(desk: Desk) -> None:
    reader = desk.join(Reader())
    desk.store.commit()
    events = [event(str(n)) for n in range(UNKEPT_EVENTS + 10)]
    desk.store.write(Batch(events=tuple(events)), lambda _: None)
    desk.store.commit()
    desk.groups.publish(events)
    await desk.settle()
    assert len(reader.got) == UNKEPT_EVENTS  # the store has not answered
    desk.store.commit()
    await desk.settle()
    assert len(reader.got) == len(events)


async def test_what_the_store_did_not_take_is_written_later(desk: Desk) -> None:
    reader = desk.join(Reader())
    desk.store.commit()
    await desk.send(1)
    assert reader.place is not None
    reader.place.leave()
    desk.store.fail()
    assert desk.positions()[KEY].positions == (0,) * PARTITIONS
    desk.store.is_busy = True
    desk.pass_time(5)
    desk.store.is_busy = False
    desk.pass_time(5)
    desk.store.commit()
    assert desk.positions()[KEY].positions == (1,) * PARTITIONS


async def test_what_nobody_reads_in_is_forgotten_after_its_time(desk: Desk) -> None:
    reader = desk.join(Reader())
    assert reader.place is not None
    reader.place.leave()
    desk.store.commit()
    desk.pass_time(6 * DAY_S)
    desk.restart()
    desk.pass_time(DAY_S - 60)
    desk.store.commit()
    assert KEY in desk.positions()
    desk.pass_time(61)
    desk.store.commit()
    assert desk.positions() == {}


async def test_what_somebody_reads_in_stays(desk: Desk) -> None:
    desk.join(Reader())
    for _ in range(20):
        desk.pass_time(DAY_S)
        desk.store.commit()
    age_us = desk.clock.now_us() - desk.positions()[KEY].updated_us
    assert age_us < 4 * DAY_S * 1_000_000  # a hub that is killed now knows it for days


async def test_of_too_many_the_longest_unused_goes(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        reader = desk.join(Reader(), GroupKey("oak", name, ""))
        if name != "a":
            assert reader.place is not None
            reader.place.leave()
    desk.join(Reader(), GroupKey("oak", "d", ""))
    desk.store.commit()
    assert {key.group for key in desk.positions()} == {"a", "c", "d"}


async def test_of_too_many_on_disk_the_longest_unused_goes(desk: Desk) -> None:
    rows = tuple(
        FeedPosition(application="oak", group=name, positions=(0,) * PARTITIONS, updated_us=1)
        for name in "abcde"
    )
    desk.store.committed.append(Batch(positions=rows))
    desk.restart()
    desk.pass_time(5)
    desk.store.commit()
    assert {key.group for key in desk.positions()} == {"c", "d", "e"}


async def test_a_store_in_trouble_makes_nobody_remember_who_was_here(desk: Desk) -> None:
    for number in range(20):
        reader = desk.join(Reader(), GroupKey("oak", str(number), ""))
        assert reader.place is not None
        reader.place.leave()
        desk.store.fail(100)
    written = len(desk.store.waiting)
    desk.pass_time(5)
    (batch, _), *_ = desk.store.waiting[written:]
    assert {one.group for one in batch.positions} == {"17", "18", "19"}
    desk.store.commit()
    assert {key.group for key in desk.positions()} == {"17", "18", "19"}


async def test_positions_for_another_number_of_partitions_are_taken_at_the_least(
    desk: Desk,
) -> None:
    await desk.send(6)
    old = FeedPosition(application="oak", group="g", positions=(5, 3, 4), updated_us=1)
    desk.store.committed.append(Batch(positions=(old,)))
    desk.restart()
    reader = desk.join(Reader())
    await desk.settle()
    assert reader.names() == ["4", "5", "6"]


async def test_a_deleted_application_leaves_nothing(desk: Desk) -> None:
    reader = desk.join(Reader())
    await desk.send(1)
    desk.store.commit()
    written = len(desk.store.committed)
    desk.groups.end_application("oak")
    assert not desk.groups.has(KEY)
    await desk.send(1)
    assert reader.names() == ["1"]
    assert not any(one.positions for one in desk.store.committed[written:])
    desk.pass_time(5)
    again = desk.join(Reader())
    await desk.settle()
    assert again.names() == []


# ---- trouble


async def test_a_store_that_cannot_be_read_is_asked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "RETRY_S", 0)
    reads = desk.store.events
    failures = iter(range(3))

    async def fails(query: EventQuery) -> Sequence[StoredEvent]:
        if next(failures, None) is not None:
            raise StoreUnavailableError("the disk is gone")
        return await reads(query)

    monkeypatch.setattr(desk.store, "events", fails)
    reader = desk.join(Reader())
    await desk.send(1)
    assert reader.names() == ["1"]


async def test_a_mistake_with_a_reader_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(group, "AFTER_MISTAKE_S", 0)
    reader = desk.join(Reader())
    mistakes = iter(range(2))
    takes = reader.offer

    def offer(stored: StoredEvent) -> bool:
        if next(mistakes, None) is not None:
            raise ValueError(stored)
        return takes(stored)

    monkeypatch.setattr(reader, "offer", offer)
    await desk.send(2)
    assert reader.names() == ["1", "2"]
    assert "A mistake of the hub" in caplog.text


async def test_a_reader_that_always_has_some_open_lets_go_of_what_is_for_another(
    desk: Desk,
) -> None:
    busy = desk.join(Reader(at_once=False))
    await desk.send(1, "board-1")
    other = desk.join(Reader())
    partition = desk.groups._groups[KEY]._partitions[partition_of(event("1", "board-1"))]
    assert (partition.owner, partition.heir) == (busy.place, other.place)
    for _ in range(5):
        through = busy.got[-1].position
        await desk.send(2, "board-1")
        assert busy.place is not None
        busy.place.done(through)
        await desk.settle()
    assert busy.names() + other.names() == [str(number) for number in range(1, 12)]
    assert len(other.got) == 10


async def test_pages_are_bounded_however_large_events_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    size_bytes = event("1").held_bytes
    monkeypatch.setattr(pages, "PAGE_BYTES", 3 * size_bytes - 1)
    lengths: list[int] = []
    reads = desk.store.events

    async def noted(query: EventQuery) -> Sequence[StoredEvent]:
        page = await reads(query)
        lengths.append(len(page))
        return page

    monkeypatch.setattr(desk.store, "events", noted)
    reader = desk.join(Reader())
    await desk.send(PAGE_EVENTS * 2)
    assert len(reader.got) == PAGE_EVENTS * 2
    assert set(lengths) == {3, PAGE_EVENTS * 2 % 3}
