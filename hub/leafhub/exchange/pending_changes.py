"""Changes that are in the registry and not yet on disk, and how they are taken back."""

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

    def stored(self, ticket: int) -> None:
        """They are on disk."""
        self._undo.pop(ticket, None)

    def take_back(self, ticket: int) -> None:
        """They are not, nor will be those after them."""
        if ticket not in self._undo:
            return  # went with an earlier one; what came since stands on sound ground
        for later in [one for one in self._undo if one >= ticket][::-1]:
            self._apply(self._undo.pop(later))

    def _apply(self, undo: Iterable[Change]) -> None:
        for change in undo:
            self._registry.apply(change)
