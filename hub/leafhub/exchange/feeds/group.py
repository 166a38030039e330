"""A group of readers that share an application's events, each at its own pace.

Each partition of the events has one reader at a time, who gets them in order; where readers come
or go, partitions pass to others once their readers are through with what they have. So a reader
that takes nothing holds up only the partitions that are its own, and no event goes to two readers
unless the first one left without being through with it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from leafhub.dialects.selection import Selection
from leafhub.exchange.feeds.membership import Member
from leafhub.exchange.feeds.pages import FeedReader
from leafhub.exchange.feeds.partitions import PARTITIONS, Partition, partition_of, shared_out
from leafhub.stores.base import Store, StoredEvent

OPEN_EVENTS: Final = 1_000
"""Events that one reader may have taken and not be through with."""
UNKEPT_EVENTS: Final = 1_000
"""Events that readers of a group are through with and that is not on disk; then they wait. So many
come again, at most, after the hub was killed."""
READ_APART_S: Final = 0.1
"""From a look into the store that found the end to the next one: ten a second, of a millisecond or
five on a Raspberry Pi, are little work for each reader. After a pause an event is read at once."""
AFTER_MISTAKE_S: Final = 1.0

log = logging.getLogger(__name__)


class GroupKey(NamedTuple):
    """What a group is known by."""

    application: str
    group: str
    selection: str


class FeedGroup:
    """Readers under one name, and how far they have come.

    Args:
        key: What it is known by.
        store: Where events are.
        positions: For each partition up to where it was read.
        changed: Told when somebody is through with an event.
        read_apart_s: See ``READ_APART_S``.

    Attributes:
        key: What it is known by.
        through: With how many events readers are through.
        written: With how many they were when ``positions`` were written down last.
        read_apart_s: Seconds between two looks into the store.
    """

    def __init__(
        self,
        key: GroupKey,
        store: Store,
        positions: tuple[int, ...],
        changed: Callable[["FeedGroup"], None],
        read_apart_s: float = READ_APART_S,
    ) -> None:
        self.key = key
        self.through = 0
        self.written = 0
        self._kept = 0  # like written, but on disk
        self._store = store
        self._selection = Selection(key.selection)
        self._changed = changed
        self.read_apart_s = read_apart_s
        self._partitions: list[Partition[Place]] = [Partition(one) for one in positions]
        self._places: list[Place] = []
        self._is_passing_on = False  # some partition has an heir who is not its owner

    def __bool__(self) -> bool:
        """Whether anybody reads."""
        return bool(self._places)

    @property
    def positions(self) -> tuple[int, ...]:
        """For each partition up to where readers are through with its events."""
        return tuple(partition.done for partition in self._partitions)

    @property
    def may_go_on(self) -> bool:
        """Whether readers may be given more before what they are through with is on disk."""
        return self.through - self._kept < UNKEPT_EVENTS

    def join(self, member: Member, leave: Callable[["Place"], None]) -> "Place":
        """Take a reader in; ``leave`` is called when it goes."""
        reader = FeedReader(self._store, self.key.application, self._selection)
        place = Place(self, member, reader, leave)
        self._places.append(place)
        self._share_out()
        place.start()
        return place

    def leave(self, place: "Place") -> None:
        """A reader is gone."""
        self._places.remove(place)
        if self._places:
            self._share_out()

    def stir(self) -> None:
        """There are new events."""
        for place in self._places:
            place.stir()

    def keep(self, through: int) -> None:
        """That readers are through with so many events is on disk."""
        self._kept = max(self._kept, through)
        for place in self._places:
            place.resume()

    def partitions_of(self, place: "Place") -> list[Partition["Place"]]:
        """Those whose events a reader gets."""
        return [partition for partition in self._partitions if partition.reader is place]

    def partition_for(self, stored: StoredEvent) -> Partition["Place"] | None:
        """The one an event belongs to; ``None``: the event is not for this group."""
        if not self._selection.has(stored.event):
            return None
        return self._partitions[partition_of(stored.event)]

    def settled(self, count: int) -> None:
        """A reader is through with so many events."""
        self.through += count
        self._changed(self)
        if self._is_passing_on:
            self._hand_over()

    def _share_out(self) -> None:
        """Say anew who is to have which partition."""
        heirs = shared_out([partition.heir for partition in self._partitions], self._places)
        for partition, heir in zip(self._partitions, heirs, strict=True):
            if partition.heir is not heir:
                partition.heir = heir
                if partition.owner is not None:
                    partition.owner.moved()
        self._hand_over()

    def _hand_over(self) -> None:
        """Let those partitions pass on whose owners are through with them, or gone."""
        self._is_passing_on = False
        for partition in self._partitions:
            owner, heir = partition.owner, partition.heir
            if owner is heir:
                continue
            if partition.open and owner in self._places:
                self._is_passing_on = True
                continue
            partition.hand_over()
            for place in (owner, heir):
                if place is not None:
                    place.moved()


class Place:
    """A reader's place in its group: gives it events for as long as it is there.

    Args:
        group: The group.
        member: The reader.
        reader: Brings events from the store.
        leave: Called when the member goes.
    """

    def __init__(
        self,
        group: FeedGroup,
        member: Member,
        reader: FeedReader,
        leave: Callable[["Place"], None],
    ) -> None:
        self._group = group
        self._member = member
        self._reader = reader
        self._leave = leave
        self._open: deque[tuple[int, Partition[Place]]] = deque()  # given and not done
        self._has_moved = False  # partitions came or went, or are to go
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Give events from now on."""
        name = f"reader of {self._group.key.application}"
        self._task = asyncio.create_task(self._serve(), name=name)

    # ---- for the member

    def done(self, position: int) -> None:
        """See ``Membership``; what was taken by a reader that is gone since counts no more."""
        given = (one for one, _ in self._open)
        count = next((number for number, one in enumerate(given, 1) if one == position), 0)
        if self._task is None or not count:
            return
        for _ in range(count):
            one, partition = self._open.popleft()
            partition.settle(one)
        self._group.settled(count)
        self._room.set()

    def resume(self) -> None:
        """See ``Membership``."""
        self._room.set()

    def leave(self) -> None:
        """See ``Membership``; more than once is fine."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._leave(self)

    # ---- for the group

    def stir(self) -> None:
        """There may be more to read."""
        self._news.set()

    def moved(self) -> None:
        """Partitions came or went, or are to go."""
        self._has_moved = True
        self._news.set()
        self._room.set()

    # ---- inside

    async def _serve(self) -> None:
        while True:
            try:
                await self._give_page()
            except Exception:  # whatever it is, the next try may do better
                log.exception("A mistake of the hub with a reader of %s", self._group.key)
                await asyncio.sleep(AFTER_MISTAKE_S)

    async def _give_page(self) -> None:
        """Give what is in one page of the reader's partitions, and wait for more at the end."""
        self._has_moved = False
        self._news.clear()
        partitions = self._group.partitions_of(self)
        if not partitions:
            await self._news.wait()
            return
        page = await self._reader.read(min(partition.given for partition in partitions))
        for stored in page.events:
            partition = self._group.partition_for(stored)
            if partition is None or partition.reader is not self:
                continue
            if stored.position > partition.given:
                await self._give(stored, partition)
        if self._has_moved:
            return
        for partition in partitions:
            partition.pass_by(page.end)
        if page.is_last:
            await asyncio.sleep(self._group.read_apart_s)
            await self._news.wait()

    async def _give(self, stored: StoredEvent, partition: Partition["Place"]) -> None:
        """Give one event as soon as there is room for it.

        None when partitions have moved: a new one may begin before this page.
        """
        while not self._has_moved:
            self._room.clear()
            has_room = self._group.may_go_on and len(self._open) < OPEN_EVENTS
            if has_room and self._offer(stored, partition):
                return
            await self._room.wait()

    def _offer(self, stored: StoredEvent, partition: Partition["Place"]) -> bool:
        """Offer one event; the member may be through with it before this returns."""
        before = partition.given
        entry = (stored.position, partition)
        partition.give(stored.position)
        self._open.append(entry)
        taken = False
        try:
            taken = self._member.offer(stored)
        finally:
            if not taken and self._open and self._open[-1] is entry:
                self._open.pop()
                partition.take_back(before)
        return taken


def from_newest(store: Store) -> tuple[int, ...]:
    """The positions of a group that is new: it reads what comes from now on."""
    return (store.newest_position(),) * PARTITIONS
