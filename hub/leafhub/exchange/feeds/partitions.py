"""The parts in which readers of one group share events, and how far each part has been read."""

from collections.abc import Iterator, Sequence
from typing import Final, Generic, TypeVar
from zlib import crc32

from leafhub.model.event import Event

PARTITIONS: Final = 32
"""So many readers of a group can have something to do at the same time. A kept position is one
number for each."""

R = TypeVar("R")


def partition_of(event: Event) -> int:
    """Where an event belongs: all of one sender, which the partition key names, are together."""
    return crc32(event.sender.encode()) % PARTITIONS


class Partition(Generic[R]):
    """One part of an application's events, for one group.

    Args:
        position: Up to where it has been read.

    Attributes:
        owner: The reader who gets its events.
        heir: Who is to get them once the owner is through with those it has.
        given: Position up to which events were given to the owner.
        done: Position up to which the owner is through with them; what is beyond comes again when
            the owner goes.
        open: How many were given and are not done.
    """

    __slots__ = ("done", "given", "heir", "open", "owner")

    def __init__(self, position: int) -> None:
        self.owner: R | None = None
        self.heir: R | None = None
        self.given = position
        self.done = position
        self.open = 0

    @property
    def reader(self) -> R | None:
        """Who is given its events; nobody while it passes on, or it might never do so."""
        return self.owner if self.owner is self.heir else None

    def give(self, position: int) -> None:
        """The owner has the event at ``position`` now."""
        self.open += 1
        self.given = position

    def take_back(self, position: int) -> None:
        """The owner does not have the newest one after all; ``position`` was ``given`` before."""
        self.open -= 1
        self.given = position

    def settle(self, position: int) -> None:
        """The owner is through with the event at ``position``, the oldest of those it has."""
        self.open -= 1
        self.done = position if self.open else self.given

    def pass_by(self, position: int) -> None:
        """There is nothing more for anybody up to ``position``."""
        self.given = max(self.given, position)
        if not self.open:
            self.done = self.given

    def hand_over(self) -> None:
        """Let the heir be the owner; what the one before was not through with comes again."""
        self.owner = self.heir
        self.given = self.done
        self.open = 0


def shared_out(owners: Sequence[R | None], readers: Sequence[R]) -> list[R]:
    """Give each reader an even share; each keeps as much of what it has as that allows.

    Args:
        owners: Who has each part now.
        readers: Those there are, one at least.
    """
    share, rest = divmod(len(owners), len(readers))
    room = {reader: share + (place < rest) for place, reader in enumerate(readers)}
    kept: list[R | None] = []
    for owner in owners:
        keeps = owner if owner is not None and room.get(owner) else None
        if keeps is not None:
            room[keeps] -= 1
        kept.append(keeps)
    free = _repeated(room)
    return [next(free) if owner is None else owner for owner in kept]


def _repeated(room: dict[R, int]) -> Iterator[R]:
    for reader, count in room.items():
        for _ in range(count):
            yield reader
