"""A log that does not flood: the first of a kind at once, of those that follow how many."""

import asyncio
import logging
from typing import Final

PERIOD_S: Final = 60.0
"""A kind is told once in so many seconds: often enough for a person who watches."""


class SparingLog:
    """Warnings of a few kinds, each of which may come by the thousand."""

    def __init__(self, log: logging.Logger, period_s: float = PERIOD_S) -> None:
        self._log = log
        self._period_s = period_s
        self._untold: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def tell(self, kind: str, detail: str) -> None:
        """Tell of one more ``kind``; ``detail`` is told of the first only."""
        if kind in self._untold:
            self._untold[kind] += 1
            return
        self._log.warning("%s: %s", kind, detail)
        self._untold[kind] = 0
        self._wait(kind)

    def close(self) -> None:
        """Tell what is untold."""
        for kind, timer in self._timers.items():
            timer.cancel()
            self._tell_count(kind, self._untold[kind])
        self._timers.clear()
        self._untold.clear()

    def _wait(self, kind: str) -> None:
        loop = asyncio.get_running_loop()
        self._timers[kind] = loop.call_later(self._period_s, self._on_period_over, kind)

    def _on_period_over(self, kind: str) -> None:
        count = self._untold[kind]
        self._tell_count(kind, count)
        if count:
            self._untold[kind] = 0
            self._wait(kind)
        else:
            del self._untold[kind], self._timers[kind]

    def _tell_count(self, kind: str, count: int) -> None:
        if count:
            self._log.warning("%s: %d more in %.0f s", kind, count, self._period_s)
