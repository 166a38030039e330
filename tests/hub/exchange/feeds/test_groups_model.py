"""Groups of readers against what is promised of them, whatever happens in whatever order."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from hand_exchange import HandClock, HandStore, event
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from leafhub.exchange.feeds.group import GroupKey, Place
from leafhub.exchange.feeds.groups import FeedGroups
from leafhub.exchange.feeds.partitions import partition_of
from leafhub.exchange.settings import FeedSettings
from leafhub.exchange.timetable import Alarm
from leafhub.stores.base import Batch, FeedPosition, StoredEvent

KEY = GroupKey("oak", "g", "")
SENDERS = [f"board-{number}" for number in range(6)]
TURNS = 40
"""Turns of the loop after which a hub with so few readers has nothing more to do."""


class Reader:
    """Takes so many events at a time and is through with them when the test says so."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.open: list[StoredEvent] = []
        self.place: Place | None = None

    def offer(self, stored: StoredEvent) -> bool:
        if len(self.open) >= self.window:
            return False
        self.open.append(stored)
        return True


class Groups(RuleBasedStateMachine):
    """One group, its readers, and a hub that may be killed."""

    readers: Bundle[Reader] = Bundle("readers")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = HandStore()
        self.published: dict[str, list[str]] = {sender: [] for sender in SENDERS}
        self.done: Counter[str] = Counter()
        self.last_done: dict[str, int] = {}
        self.present: list[Reader] = []
        self.count = 0
        self.run(self.begin())

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        async def settled() -> None:
            await coroutine
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(settled())

    async def begin(self) -> None:
        """Make the group, for a new one begins with what comes from then on."""
        self.start(())
        first = Reader(1)
        await self.enter(first)
        await self.leave(first)
        self.store.commit()

    def start(self, positions: tuple[FeedPosition, ...]) -> None:
        self.clock = HandClock()
        self.alarm = Alarm(self.clock)
        self.groups = FeedGroups(
            FeedSettings(), self.store, self.clock, self.alarm, read_apart_s=0
        )
        self.groups.load(positions)

    async def enter(self, reader: Reader) -> None:
        reader.place = self.groups.join(KEY, reader)
        self.present.append(reader)

    async def leave(self, reader: Reader) -> None:
        if reader.place is not None:
            self.present.remove(reader)
            reader.place.leave()
            reader.place, reader.open = None, []

    # ---- what may happen

    @rule(target=readers, window=st.integers(1, 3))
    def come(self, window: int) -> Reader:
        reader = Reader(window)
        self.run(self.enter(reader))
        return reader

    @rule(reader=consumes(readers))
    def go(self, reader: Reader) -> None:
        self.run(self.leave(reader))

    @rule(sender=st.sampled_from(SENDERS), count=st.integers(1, 4))
    def publish(self, sender: str, count: int) -> None:
        events = []
        for _ in range(count):
            self.count += 1
            events.append(event(str(self.count), sender))
            self.published[sender].append(str(self.count))

        async def committed() -> None:
            self.store.write(Batch(events=tuple(events)), lambda _: None)
            self.store.commit()
            self.groups.publish(events)

        self.run(committed())

    @rule(reader=readers, count=st.integers(1, 3))
    def acknowledge(self, reader: Reader, count: int) -> None:
        async def settle() -> None:
            if reader.place is None or not reader.open:
                return
            through, reader.open = reader.open[:count], reader.open[count:]
            for stored in through:
                self.note(stored)
            reader.place.done(through[-1].position)
            reader.place.resume()

        self.run(settle())

    @rule(seconds=st.sampled_from([1.0, 10.0]))
    def pass_time(self, seconds: float) -> None:
        async def ring() -> None:
            self.clock.s += seconds
            self.alarm.ring()

        self.run(ring())

    @rule()
    def write(self) -> None:
        self.store.commit()

    @rule(survives=st.booleans())
    def kill(self, *, survives: bool) -> None:
        """What was on its way to the disk is lost, or has just made it."""
        if survives:
            self.store.committed += [batch for batch, _ in self.store.waiting]
        self.store.waiting.clear()
        *_, kept = (one for batch in self.store.committed for one in batch.positions)
        for reader in tuple(self.present):
            self.forget(reader)
        self.alarm.stop()
        for sender, names in self.published.items():
            position = kept.positions[partition_of(event("", sender))]
            for name in names:
                if int(name) > position:
                    self.done[name] = 0
            self.last_done[sender] = max((int(n) for n in names if self.done[n]), default=0)

        async def start() -> None:
            self.start((kept,))

        self.run(start())

    def forget(self, reader: Reader) -> None:
        """It ends with its hub, without a word to anybody."""
        self.present.remove(reader)
        if reader.place is not None and reader.place._task is not None:
            reader.place._task.cancel()
        reader.place, reader.open = None, []

    # ---- what is promised

    def note(self, stored: StoredEvent) -> None:
        """A reader is through with an event, and was with all before it of that sender."""
        sender, name = stored.event.sender, stored.event.id
        self.done[name] += 1
        assert int(name) >= self.last_done.get(sender, 0), "an older one after a newer one"
        self.last_done[sender] = int(name)
        ids = self.published[sender]
        missed = [one for one in ids[: ids.index(name)] if not self.done[one]]
        assert not missed, f"{missed} were skipped"

    @invariant()
    def no_sender_has_two_readers(self) -> None:
        holders = Counter(
            sender
            for reader in self.present
            for sender in {stored.event.sender for stored in reader.open}
        )
        assert not [sender for sender, count in holders.items() if count > 1]

    @invariant()
    def nobody_who_has_room_waits(self) -> None:
        """What is neither done nor open belongs to a partition whose reader is full, or passes on.

        It passes on once its reader is through with what it has of it.
        """
        if not self.present:
            return
        partitions = self.groups._groups[KEY]._partitions
        passing_on = {
            sender
            for sender in SENDERS
            if partitions[partition_of(event("", sender))].reader is None
        }
        holders = {stored.event.sender for reader in self.present for stored in reader.open}
        assert passing_on <= holders, f"{passing_on - holders} pass on though nothing is open"
        is_open = {stored.event.id for reader in self.present for stored in reader.open}
        waiting = [
            name
            for sender, ids in self.published.items()
            for name in ids
            if sender not in passing_on
            if not self.done[name] and name not in is_open
        ]
        full = [reader for reader in self.present if len(reader.open) == reader.window]
        assert not waiting or full, f"{waiting} wait for nobody"

    def teardown(self) -> None:
        """Whoever is there at the end gets all that is left."""

        async def finish() -> None:
            for reader in tuple(self.present):
                await self.leave(reader)
            last = Reader(1_000)
            await self.enter(last)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            for stored in last.open:
                self.note(stored)
            await self.leave(last)
            names = (name for names in self.published.values() for name in names)
            assert not [name for name in names if not self.done[name]]

        try:
            self.run(finish())
        finally:
            for reader in tuple(self.present):
                self.forget(reader)
            self.alarm.stop()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()


def test_groups_keep_what_is_promised() -> None:
    run_state_machine_as_test(
        Groups, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )
