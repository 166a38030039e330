"""Connections that began as HTTP and speak something else by now."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable


class Successor(asyncio.Protocol, ABC):
    """Speaks on such a connection until that is lost.

    It writes the answer that switches when its ``connection_made`` is called.

    Attributes:
        on_lost: To be called in ``connection_lost``.
    """

    on_lost: Callable[[], None]

    @abstractmethod
    def leave(self, time_s: float) -> None:
        """The server stops: say so, and end within that time."""


class Successors:
    """All of one listener.

    Attributes:
        are_leaving: Whether the server stops.
    """

    def __init__(self) -> None:
        self.are_leaving = False
        self._here: set[Successor] = set()
        self._empty = asyncio.Event()

    def add(self, successor: Successor) -> None:
        """Take one in, for as long as its connection lasts."""
        self._here.add(successor)
        successor.on_lost = lambda: self._remove(successor)

    async def leave(self, time_s: float) -> None:
        """End all of them within that time, and take no more."""
        self.are_leaving = True
        if not self._here:
            return
        for successor in tuple(self._here):
            successor.leave(time_s)
        await self._empty.wait()

    def _remove(self, successor: Successor) -> None:
        self._here.discard(successor)
        if not self._here:
            self._empty.set()
