"""What a store does for the hub: takes groups of work, commits each as a whole, and reads back.

Writing is one way: ``write`` queues a batch, one writer takes all that gathered, commits once and
reports each batch. Nothing that was reported as written is lost in a power cut, and nothing is
stored twice because of one.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from leafhub.errors import StoreUnavailableError
from leafhub.model.command import Command
from leafhub.model.event import Event, Kind
from leafhub.model.publication import Publication
from leafhub.model.registry import Change


class FeedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far a group of readers has come in an application's events.

    Attributes:
        application: Name of the application.
        group: Name of the group.
        selection: Which of the events it reads, in the words of its readers; empty: all.
        positions: For each partition of the events the position up to which all are read; none
            takes away what is kept.
        updated_us: When it was read last, microseconds since the epoch.
    """

    application: str
    group: str
    selection: str = ""
    positions: tuple[int, ...]
    updated_us: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Work that belongs together: all of it is committed, or none.

    Attributes:
        changes: Changes of the registry, in order.
        events: To append. One whose ``(application, device, id)`` is there already is left out.
        commands: To make, or to replace by ``id``.
        retained: To keep as the message of its space and topic, in place of an earlier one; one
            with an empty payload takes that away.
        positions: To keep in place of earlier ones of the same group and selection; those of an
            application that is not there are left out.
    """

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()
    commands: tuple[Command, ...] = ()
    retained: tuple[Publication, ...] = ()
    positions: tuple[FeedPosition, ...] = ()


Done = Callable[[StoreUnavailableError | None], None]
"""Told in the event loop's thread: ``None``: the batch is on disk, else why nothing was stored."""


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event and its place in the store.

    Attributes:
        position: Grows with every event stored; never used again.
        event: The event.
    """

    position: int
    event: Event


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events; every condition that is set must hold.

    Attributes:
        application: Name of the application.
        applications: Name of one of these.
        device: Id of the device.
        channel: Exactly this channel.
        kinds: One of these.
        before: Positions below this.
        after: Positions above this.
        since_us: Not older, microseconds since the epoch.
        until_us: Older, microseconds since the epoch.
        limit: At most so many, 1..1000.
        maximum_bytes: The answer ends with the event with which all in it hold so much or more
            (``Event.held_bytes``); ``None``: however large they are.
        oldest_first: Order by rising position; otherwise the newest comes first.
    """

    application: str | None = None
    applications: tuple[str, ...] | None = None
    device: str | None = None
    channel: str | None = None
    kinds: tuple[Kind, ...] = ()
    before: int | None = None
    after: int | None = None
    since_us: int | None = None
    until_us: int | None = None
    limit: int = 100
    maximum_bytes: int | None = None
    oldest_first: bool = False


class CommandQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which commands, newest first; every condition that is set must hold."""

    application: str | None = None
    applications: tuple[str, ...] | None = None
    device: str | None = None
    limit: int = 100


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub needs in memory when it starts.

    Attributes:
        changes: Changes that make the registry, in an order that works (``settings`` of the types
            asked for).
        commands: Every command that is not final, oldest first.
        latest: The newest event of each channel of each device, connection events included.
        retained: The retained messages of every topic space.
        positions: How far groups of readers have come.
    """

    changes: tuple[Change, ...]
    commands: tuple[Command, ...]
    latest: tuple[StoredEvent, ...]
    retained: tuple[Publication, ...] = ()
    positions: tuple[FeedPosition, ...] = ()


class StoreStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the store is.

    Attributes:
        trouble: Why the last group was not written, in words; ``None``: all is well.
        waiting: Batches that wait for the writer.
        commit_ms: How long the last group took, milliseconds.
        committed_groups: Groups committed since the start.
        committed_events: Events committed since the start.
        size_bytes: On disk.
        writing_s: How long the group that is being written has taken so far; 0: none is.
    """

    trouble: str | None
    waiting: int
    commit_ms: float
    committed_groups: int
    committed_events: int
    size_bytes: int
    writing_s: float = 0.0


SettingsTypes = Callable[[str], tuple[type[msgspec.Struct], type[msgspec.Struct]]]
"""Gives, for a dialect's name, the types of ``Application.settings`` and ``Device.settings``."""


class Store(Protocol):
    """One kind of database behind the hub."""

    async def open(self, settings_types: SettingsTypes) -> Snapshot:
        """Bring the schema up to date and read what the hub keeps in memory.

        Raises:
            StoreUnavailableError: Locked by another hub, not readable, made by a newer Leafhub, or
                damaged.
        """
        ...

    def write(self, batch: Batch, done: Done) -> None:
        """Queue a batch; call from the event loop's thread.

        ``done`` is called exactly once, in the order of the calls. A batch with changes that is
        not stored takes along all batches with changes that were written before its ``done`` was
        called: they were decided on a registry that never came to be.

        Raises:
            BusyError: ``WAITING_BATCHES`` are queued already; the caller slows its peers down.
        """
        ...

    async def events(self, query: EventQuery) -> Sequence[StoredEvent]:
        """Read events that are committed.

        Raises:
            StoreUnavailableError: The store cannot be read.
        """
        ...

    def newest_position(self) -> int:
        """The position up to which all events that are on disk can be read; 0: there were none.

        Never waits. It was committed before the event's ``done`` was told.
        """
        ...

    async def commands(self, query: CommandQuery) -> Sequence[Command]:
        """Read commands that are committed.

        Raises:
            StoreUnavailableError: The store cannot be read.
        """
        ...

    async def command(self, command_id: str) -> Command | None:
        """Read one command.

        Raises:
            StoreUnavailableError: The store cannot be read.
        """
        ...

    def status(self) -> StoreStatus:
        """How the store is; never waits."""
        ...

    async def close(self) -> None:
        """Write what is queued, then let go of the database."""
        ...
