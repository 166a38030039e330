"""Changes that are in the registry and not yet on disk, and how they are taken back."""

import asyncio
from collections.abc import Iterable

from leafhub.errors import RequestError
from leafhub.model.registry import Change, Registry


class PendingChanges:
    """Takes changes into the registry at once, and out again when the store does not take them.

    Later changes stand on earlier ones, in memory as in the store (see ``Store.write``); so what
    is taken back is always a change and all that came after it, the last one first.

    Args:
        registry: The one copy in memory.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._undo: dict[int, tuple[Change, ...]] = {}  # by ticket, which rise
        self._last_ticket = 0
        self._awaited: dict[int, asyncio.Future[bool]] = {}  # by ticket

    def take_in(self, changes: Iterable[Change]) -> int:
        """Apply changes; gives a ticket for ``stored`` or ``take_back``, one of which must follow.

        Raises:
            RequestError: One does not fit; none was taken in.
        """
        undo: tuple[Change, ...] = ()
        try:
            for change in changes:
                undo = (*self._registry.apply(change), *undo)
        except RequestError:
            self._apply(undo)
            raise
        self._last_ticket += 1
        if undo:
            self._undo[self._last_ticket] = undo
        return self._last_ticket

    async def settled(self) -> bool:
        """Wait until all that was taken in so far is on disk; ``False``: it was taken back."""
        if not self._undo:
            return True
        newest = next(reversed(self._undo))
        future = self._awaited.get(newest)
        if future is None:
            future = self._awaited[newest] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(future)  # others wait for it too

    def stored(self, ticket: int) -> None:
        """They are on disk."""
        self._undo.pop(ticket, None)
        self._tell(ticket, stored=True)

    def take_back(self, ticket: int) -> None:
        """They are not, nor will be those after them."""
        if ticket not in self._undo:
            return  # went with an earlier one; what came since stands on sound ground
        for later in [one for one in self._undo if one >= ticket][::-1]:
            self._apply(self._undo.pop(later))
            self._tell(later, stored=False)

    def _tell(self, ticket: int, *, stored: bool) -> None:
        future = self._awaited.pop(ticket, None)
        if future is not None:
            future.set_result(stored)

    def _apply(self, undo: Iterable[Change]) -> None:
        for change in undo:
            self._registry.apply(change)
