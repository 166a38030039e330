"""The group-commit writer: whatever gathered while one commit ran becomes the next one.

It knows no database. A store hands it a function that commits some batches as one transaction;
the writer calls it in a thread of its own, so that the event loop goes on while the disk works.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from leafhub.errors import BusyError, StoreUnavailableError
from leafhub.stores.base import Batch, Done

logger = logging.getLogger(__name__)

WAITING_BATCHES = 16_384
"""A queue this long is a second of work or more on a Pi; its peers had better slow down."""
WAITING_BYTES = 32 * 1024 * 1024
"""What the queue may take of the memory: the hub shares a Pi of 1 GB with other programs."""
TOLD_AT_ONCE = 200
"""Outcomes that are told in one turn of the loop: each sends an acknowledgement and messages to
subscribers, and a group of thousands would hold up everybody else for a second."""
_RECORD_BYTES = 512
"""What an event takes beside what its device decides (a struct and its strings; measured 400 to
600); commands, retained messages and positions take no more."""

Commit = Callable[[Sequence[Batch]], int]
"""Commits the batches as one transaction and gives the number of new events.

Raises ``StoreUnavailableError`` where the store is at fault, and anything else where a batch's
content is; either way nothing was stored.
"""

_Outcome = StoreUnavailableError | None


class _Waiting(NamedTuple):
    batch: Batch
    done: Done
    rows: int
    held_bytes: int
    era: int  # counts the failures of changes that the loop knew of when it wrote this


class GroupWriter:
    """One thread that commits in groups. Make it in the event loop's thread: outcomes go there.

    Args:
        commit: What makes a group durable.
        name: Of the thread, and in the log.
        maximum_group_events: Events after which a group is closed, though more batches wait.
        minimum_interval_s: Seconds between the starts of two commits, at least.
    """

    def __init__(
        self,
        commit: Commit,
        *,
        name: str,
        maximum_group_events: int,
        minimum_interval_s: float = 0.0,
    ) -> None:
        self._commit = commit
        self._name = name
        self._maximum_group_events = maximum_group_events
        self._minimum_interval_s = minimum_interval_s
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()  # guards the next five
        self._queue: deque[_Waiting] = deque()
        self._queue_bytes = 0
        self._in_flight: list[_Waiting] = []
        self._closing = False
        self._ended: StoreUnavailableError | None = None
        self._era = 0  # the loop's
        self._sound_era = 0  # the thread's: changes of an earlier one stand on what failed
        self._next_start = 0.0
        self._writing_since_s: float | None = None
        self._untold: deque[tuple[_Waiting, _Outcome]] = deque()  # the loop's
        self.trouble: str | None = None
        """Why the store did not take the last group, in words."""
        self.commit_ms = 0.0
        """How long the last commit took."""
        self.committed_groups = 0
        """Transactions since the start."""
        self.committed_events = 0
        """New events since the start."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Batches that no commit has taken yet."""
        return len(self._queue)

    @property
    def writing_s(self) -> float:
        """How long the group that is being written has taken so far; 0: none is."""
        since_s = self._writing_since_s  # the thread may change it meanwhile
        return 0.0 if since_s is None else time.monotonic() - since_s

    def write(self, batch: Batch, done: Done) -> None:
        """See ``Store.write``. After the end of the writer ``done`` is told so, from the loop.

        Raises:
            BusyError: ``WAITING_BATCHES`` or ``WAITING_BYTES`` are reached.
        """
        rows = _rows(batch)
        size = _RECORD_BYTES * rows + _held_bytes(batch)
        with self._changed:
            if (ended := self._ended) is None:
                self._refuse_too_much(size)
                self._queue.append(_Waiting(batch, done, rows, size, self._era))
                self._queue_bytes += size
                if len(self._queue) == 1:
                    self._changed.notify()
                return
        self._loop.call_soon(done, ended)

    async def close(self) -> None:
        """Commit what is queued, report it, and end the thread. More than once is fine."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)
        self._tell_some(len(self._untold))

    def _refuse_too_much(self, size: int) -> None:
        if len(self._queue) >= WAITING_BATCHES:
            raise BusyError(f"{WAITING_BATCHES} batches wait for the store")
        if self._queue and self._queue_bytes + size > WAITING_BYTES:
            raise BusyError(f"{WAITING_BYTES >> 20} MiB wait for the store")

    def _run(self) -> None:
        ended = "the store is closed"
        try:
            while group := self._take():
                self._writing_since_s = time.monotonic()
                outcomes = self._write(group)
                self._writing_since_s = None
                self._in_flight = []
                self._report(group, outcomes)
        except BaseException:
            logger.exception("Thread %s ended", self._name)
            ended = "the store's writer broke down by a mistake of the hub; restart the hub"
            self.trouble = ended
        finally:
            with self._changed:
                self._ended = StoreUnavailableError(ended)
                left = [*self._in_flight, *self._queue]
                self._queue.clear()
            if left:
                self._report(left, [self._ended] * len(left))

    def _take(self) -> list[_Waiting]:
        """Wait for work and take a group of it; nothing means that the end has come."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            self._changed.wait_for(
                lambda: self._closing, timeout=max(0.0, self._next_start - time.monotonic())
            )
            rows = 0
            while self._queue and (not self._in_flight or rows < self._maximum_group_events):
                one = self._queue.popleft()
                self._queue_bytes -= one.held_bytes
                rows += one.rows
                self._in_flight.append(one)
            return self._in_flight

    def _write(self, group: list[_Waiting]) -> list[_Outcome]:
        self._next_start = time.monotonic() + self._minimum_interval_s
        return self._outcomes(group)

    def _outcomes(self, group: Sequence[_Waiting]) -> list[_Outcome]:
        """Commit a group; where a batch is at fault, commit the others in smaller ones."""
        unsound = [bool(one.batch.changes) and one.era < self._sound_era for one in group]
        if any(unsound):
            sound = [one for one, is_unsound in zip(group, unsound, strict=True) if not is_unsound]
            outcomes = iter(self._outcomes(sound) if sound else ())
            error = StoreUnavailableError("a change that this one stands on was not stored")
            return [error if is_unsound else next(outcomes) for is_unsound in unsound]
        batches = [one.batch for one in group]
        started = time.monotonic()
        try:
            events = self._commit(batches)
        except StoreUnavailableError as exc:
            if self.trouble is None:
                logger.error("%s: nothing is stored: %s", self._name, exc)  # noqa: TRY400 - the words say it all
            self.trouble = str(exc)
            self._give_up_changes(group)
            return [exc] * len(batches)
        except Exception as exc:  # what a batch holds, not the store: the others shall not suffer
            if len(batches) == 1:
                logger.exception("%s: a batch cannot be stored", self._name)
                self._give_up_changes(group)
                return [StoreUnavailableError(f"this cannot be stored: {exc}")]
            half = len(group) // 2  # twice the logarithm of a group instead of one by one
            return self._outcomes(group[:half]) + self._outcomes(group[half:])
        if self.trouble is not None:
            logger.warning("%s: the store works again", self._name)
            self.trouble = None
        self.commit_ms = (time.monotonic() - started) * 1000
        self.committed_groups += 1
        self.committed_events += events
        return [None] * len(batches)

    def _give_up_changes(self, group: Sequence[_Waiting]) -> None:
        for one in group:
            if one.batch.changes:
                self._sound_era = max(self._sound_era, one.era + 1)

    def _report(self, group: Sequence[_Waiting], outcomes: Sequence[_Outcome]) -> None:
        """One call into the loop for the whole group."""
        try:
            self._loop.call_soon_threadsafe(self._tell, list(zip(group, outcomes, strict=True)))
        except RuntimeError:  # the loop is closed, and with it everybody who could be told
            logger.warning("%s: %d batches end unreported", self._name, len(group))

    def _tell(self, outcomes: Sequence[tuple[_Waiting, _Outcome]]) -> None:
        """Tell them, behind those that are still to be told."""
        is_telling = bool(self._untold)
        self._untold.extend(outcomes)
        if not is_telling:
            self._go_on_telling()

    def _go_on_telling(self) -> None:
        self._tell_some(TOLD_AT_ONCE)
        if self._untold:
            self._loop.call_soon(self._go_on_telling)

    def _tell_some(self, most: int) -> None:
        for _ in range(min(most, len(self._untold))):
            one, outcome = self._untold.popleft()
            if outcome is not None and one.batch.changes:
                self._era = max(self._era, one.era + 1)
            try:
                one.done(outcome)
            except Exception:  # one who was told wrongly takes no outcome from the others
                logger.exception("A mistake of the hub while it took an outcome of the store")


def _rows(batch: Batch) -> int:
    """How many it writes; a command or a change costs more, and seldom comes in masses."""
    events, rarer = len(batch.events), len(batch.commands) + len(batch.changes)
    return events + rarer + len(batch.retained) + len(batch.positions)


def _held_bytes(batch: Batch) -> int:
    """What others decided of a batch; the records of its changes are held in the registry."""
    size = 0
    for event in batch.events:
        size += event.held_bytes
    for message in batch.retained:
        size += len(message.payload) + message.properties.held_bytes
    for command in batch.commands:
        size += len(command.data) + len(command.answer or b"")
    return size
