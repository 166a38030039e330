"""Reads an application's events from the store, page by page."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from leafhub.dialects.selection import Selection
from leafhub.errors import StoreUnavailableError
from leafhub.stores.base import EventQuery, Store, StoredEvent

PAGE_EVENTS: Final = 128
"""Events read at once: about 5 ms of a reading thread, and what one reader holds of the memory."""
PAGE_BYTES: Final = 262_144
"""A page ends with the event that makes it so large: 500 readers hold 128 MiB of them at most."""
RETRY_S: Final = 1.0
"""Until a store that could not be read is asked again."""

log = logging.getLogger(__name__)


class Page(msgspec.Struct, frozen=True, gc=False):
    """What was found.

    Attributes:
        events: By rising position.
        end: Position up to which there is nothing else.
        is_last: Whether that was all there is.
    """

    events: Sequence[StoredEvent]
    end: int
    is_last: bool


class FeedReader:
    """Reads for one member of a group.

    Args:
        store: Where events are.
        application: Whose events.
        selection: Which of them; the store looks for those of its device where it names one.
    """

    __slots__ = ("_application", "_device", "_store")

    def __init__(self, store: Store, application: str, selection: Selection) -> None:
        self._store = store
        self._application = application
        self._device = selection.device

    async def read(self, after: int) -> Page:
        """Read on from a position; waits for a store that cannot be read."""
        newest = self._store.newest_position()
        if newest <= after:
            return Page((), after, is_last=True)
        events = await self._events(after)
        if len(events) == PAGE_EVENTS or _held_bytes(events) >= PAGE_BYTES:
            return Page(events, events[-1].position, is_last=False)
        end = max(newest, events[-1].position) if events else newest
        return Page(events, end, is_last=True)

    async def _events(self, after: int) -> Sequence[StoredEvent]:
        query = EventQuery(
            application=self._application,
            device=self._device,
            after=after,
            limit=PAGE_EVENTS,
            maximum_bytes=PAGE_BYTES,
            oldest_first=True,
        )
        level = logging.WARNING  # once
        while True:
            try:
                return await self._store.events(query)
            except StoreUnavailableError as exc:
                log.log(level, "a reader of %s waits: %s", self._application, exc)
                level = logging.DEBUG
                await asyncio.sleep(RETRY_S)


def _held_bytes(events: Sequence[StoredEvent]) -> int:
    return sum(stored.event.held_bytes for stored in events)
