"""How far groups of readers have come: what is on disk, and when it is written."""

import logging
from collections.abc import Sequence
from typing import Final

from leafhub.errors import BusyError, StoreUnavailableError
from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.feeds.group import UNKEPT_EVENTS, FeedGroup, GroupKey
from leafhub.exchange.feeds.partitions import PARTITIONS
from leafhub.exchange.settings import FeedSettings
from leafhub.exchange.timetable import Alarm
from leafhub.stores.base import Batch, FeedPosition, Store

WRITE_AFTER_EVENTS: Final = UNKEPT_EVENTS // 2
"""So many of a group are written at once, so that its readers seldom have to wait for it."""
_WRITING: Final = "writing"

log = logging.getLogger(__name__)


class FeedPositions:
    """The positions of all groups that are kept, of those that nobody reads in too.

    They are written together, seldom, and at once only where a group has come far or ends: one
    small row in a commit of the store for many acknowledgements of readers.

    Args:
        settings: How long they are kept, and how many.
        store: Where they are kept.
        clock: The time.
        alarm: Tells when one is to be written, or was not used for too long.
    """

    def __init__(self, settings: FeedSettings, store: Store, clock: Clock, alarm: Alarm) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._writing = alarm.timetable(self._on_writing)
        self._looking = alarm.timetable(self._on_looking)
        self._known: dict[GroupKey, tuple[int, ...]] = {}  # those unused for longest first
        self._read: dict[GroupKey, FeedGroup] = {}
        self._changed: dict[GroupKey, None] = {}

    def load(self, positions: Sequence[FeedPosition]) -> None:
        """Take in what is on disk, the longest unused first."""
        now_us = self._clock.now_us()
        now_s = self._clock.now_s()
        for one in positions:
            key = GroupKey(one.application, one.group, one.selection)
            fits = len(one.positions) == PARTITIONS
            self._known[key] = one.positions if fits else (min(one.positions),) * PARTITIONS
            unused_s = max(0, now_us - one.updated_us) / 1_000_000
            self._looking.set(key, now_s + self._keep_s - unused_s)
        while len(self._known) > self._settings.maximum_positions:
            self._remove(next(iter(self._known)))
            self._write_later()

    def find(self, key: GroupKey) -> tuple[int, ...] | None:
        """Where a group goes on; ``None``: it is new."""
        return self._known.get(key)

    def begin(self, group: FeedGroup) -> None:
        """A group is read; where it starts is written, so that a new one skips nothing either."""
        key = group.key
        self._make_room_for(key)
        self._read[key] = group
        self._changed[key] = None
        self._looking.set(key, self._clock.now_s() + self._keep_s / 2)
        self.write()

    def end(self, group: FeedGroup) -> None:
        """Nobody reads it any more; where it was forgotten, it stays so."""
        key = group.key
        if key not in self._read:
            return
        self._changed[key] = None
        self._looking.set(key, self._clock.now_s() + self._keep_s)
        self.write()
        del self._read[key]

    def note(self, group: FeedGroup) -> None:
        """Readers of a group are through with more."""
        self._changed[group.key] = None
        if group.through - group.written >= WRITE_AFTER_EVENTS:
            self.write()
        else:
            self._write_later()

    def forget(self, application: str) -> None:
        """An application was deleted, and on disk they went with it."""
        for key in [key for key in self._known if key.application == application]:
            self._drop(key)

    def write(self) -> None:
        """Write what has changed."""
        self._writing.cancel(_WRITING)
        keys = tuple(self._changed)
        self._changed.clear()
        marks: list[tuple[FeedGroup, int]] = []
        for key in keys:
            group = self._read.get(key)
            if group is not None:
                group.written = group.through
                marks.append((group, group.through))
                self._learn(key, group.positions)
        if keys:
            self._put(keys, marks)

    def _put(self, keys: Sequence[GroupKey], marks: Sequence[tuple[FeedGroup, int]]) -> None:
        now_us = self._clock.now_us()
        rows = tuple(
            FeedPosition(
                application=key.application,
                group=key.group,
                selection=key.selection,
                positions=self._known.get(key, ()),
                updated_us=now_us,
            )
            for key in keys
        )

        def done(error: StoreUnavailableError | None) -> None:
            if error is None:
                for group, through in marks:
                    group.keep(through)
            else:
                log.debug("positions of readers are not written yet: %s", error)
                self._changed.update((key, None) for key in keys if key in self._known)
                self._write_later()

        try:
            self._store.write(Batch(positions=rows), done)
        except BusyError as exc:
            done(StoreUnavailableError(str(exc)))

    def _write_later(self) -> None:
        if _WRITING not in self._writing:
            self._writing.set(_WRITING, self._clock.now_s() + self._settings.write_positions_s)

    def _learn(self, key: GroupKey, positions: tuple[int, ...]) -> None:
        self._known.pop(key, None)
        self._known[key] = positions

    def _drop(self, key: GroupKey) -> None:
        self._known.pop(key, None)
        self._changed.pop(key, None)
        self._read.pop(key, None)
        self._looking.cancel(key)

    def _make_room_for(self, key: GroupKey) -> None:
        """Let the position go that was not used for longest, if there are too many."""
        if key in self._known or len(self._known) < self._settings.maximum_positions:
            return
        unused = next((one for one in self._known if one not in self._read), None)
        if unused is not None:
            self._remove(unused)

    def _remove(self, key: GroupKey) -> None:
        """Take one away, on disk too.

        One that a store in trouble does not take away is found at the next start, and removed
        again: client ids cost nothing, and all that come meanwhile are not to be remembered.
        """
        self._drop(key)
        self._changed[key] = None

    @property
    def _keep_s(self) -> float:
        return self._settings.keep_positions_s

    def _on_writing(self, _: Sequence[str]) -> None:
        self.write()

    def _on_looking(self, keys: Sequence[GroupKey]) -> None:
        """See to those whose time has come: what is read stays, what is not goes."""
        for key in keys:
            if key in self._read:
                self._changed[key] = None
                self._looking.set(key, self._clock.now_s() + self._keep_s / 2)
            else:
                self._remove(key)
        self.write()
