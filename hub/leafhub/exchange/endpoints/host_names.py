"""Looking host names up so that a name server which does not answer holds one thread, not all.

The event loop has a handful of threads for that, and a look-up that was given up still holds its
own. The HTTP client looks each name up itself, once for each connection; it comes to that only
where the same name was found a moment ago.
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final

from leafhub.exchange.chance_and_time import Clock

GOOD_S: Final = 10.0
"""So long after a name was found it is not looked up again first."""
KEPT: Final = 1_000
"""Names known as found; rules name a few."""

LookUp = Callable[[str], Awaitable[object]]
"""Finds a name, or raises ``OSError``."""


class HostNames:
    """Looks each name up once at a time, whoever wants to know.

    Args:
        clock: The time.
        look_up: Looks one up; the event loop, unless a test says otherwise.
    """

    def __init__(self, clock: Clock | None = None, look_up: LookUp | None = None) -> None:
        self._clock = clock or Clock()
        self._look_up = look_up or _ask_the_loop
        self._found_s: dict[str, float] = {}
        self._open: dict[str, asyncio.Future[object]] = {}

    async def find(self, name: str) -> None:
        """Return when a name is known to be found.

        Raises:
            OSError: It is not.
        """
        found_s = self._found_s.get(name)
        is_fresh = found_s is not None and self._clock.now_s() < found_s + GOOD_S
        if is_fresh or _is_address(name):
            return
        search = self._open.get(name)
        if search is None:
            search = asyncio.ensure_future(self._look_up(name))
            self._open[name] = search
            search.add_done_callback(lambda done: self._ended(name, done))
        await asyncio.shield(search)  # who waits may give up; the thread would go on all the same

    def close(self) -> None:
        """Give up those that nobody waits for any more."""
        for search in tuple(self._open.values()):
            search.cancel()

    def _ended(self, name: str, search: asyncio.Future[object]) -> None:
        del self._open[name]
        if search.cancelled() or search.exception() is not None:
            self._found_s.pop(name, None)
            return
        if len(self._found_s) >= KEPT:
            self._found_s.clear()
        self._found_s[name] = self._clock.now_s()


def _is_address(name: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False


async def _ask_the_loop(name: str) -> object:
    return await asyncio.get_running_loop().getaddrinfo(name, None)
