"""What is due when, and one timer that rings for all of it."""

import asyncio
import heapq
import logging
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from typing import Any, Generic, TypeVar

from leafhub.exchange.chance_and_time import Clock

K = TypeVar("K", bound=Hashable)

_SLACK = 64
"""Cancelled entries that may stay in the heap beside as many as there are true ones."""

log = logging.getLogger(__name__)


class Timetable(Generic[K]):
    """Keys, each with its time; a change costs the logarithm of their number.

    Args:
        changed: Called when the earliest time may be another.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._entry_of: dict[K, int] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._numbers = count()

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._entry_of)

    def __contains__(self, key: K) -> bool:
        """Whether ``key`` has a time."""
        return key in self._entry_of

    def set(self, key: K, at: float) -> None:
        """Let ``key`` be due ``at`` that time, and at no other."""
        number = next(self._numbers)
        self._entry_of[key] = number
        heapq.heappush(self._heap, (at, number, key))
        if len(self._heap) > 2 * len(self._entry_of) + _SLACK:
            self._heap = [entry for entry in self._heap if self._is_true(entry)]
            heapq.heapify(self._heap)
        if self._heap[0][1] == number:
            self._changed()

    def cancel(self, key: K) -> None:
        """Let ``key`` have no time."""
        self._entry_of.pop(key, None)

    def next(self) -> float | None:
        """The earliest time; ``None`` where nothing is due ever."""
        while self._heap and not self._is_true(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float, limit: int | None = None) -> list[K]:
        """Take out the keys whose time has come, the earliest first, at most ``limit``."""
        due: list[K] = []
        while (limit is None or len(due) < limit) and (at := self.next()) is not None:
            if at > now:
                break
            key = heapq.heappop(self._heap)[2]
            del self._entry_of[key]
            due.append(key)
        return due

    def _is_true(self, entry: tuple[float, int, K]) -> bool:
        return self._entry_of.get(entry[2]) == entry[1]


class Alarm:
    """Rings when something of its timetables is due, with one timer of the event loop.

    Args:
        clock: Its ``now_s`` is the time of the timetables.
    """

    AT_ONCE = 1_000
    """Keys handed out in one turn of the loop: a thousand ends of sessions are a few ms."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watched: list[tuple[Timetable[Any], Callable[[Sequence[Any]], None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_s = 0.0
        self._stopped = False

    def timetable(self, due: Callable[[Sequence[K]], None]) -> Timetable[K]:
        """A new timetable; ``due`` gets the keys whose time has come."""
        timetable: Timetable[K] = Timetable(self._arm)
        self._watched.append((timetable, due))
        return timetable

    def ring(self) -> None:
        """Hand out what is due; the timer calls this."""
        self._disarm()
        now_s = self._clock.now_s()
        for timetable, due in self._watched:
            keys = timetable.take_due(now_s, self.AT_ONCE)
            if keys:
                try:
                    due(keys)
                except Exception:  # time goes on after one mistake
                    log.exception("A mistake of the hub while it did what was due")
        self._arm()

    def stop(self) -> None:
        """Ring no more."""
        self._stopped = True
        self._disarm()

    def _arm(self) -> None:
        times = [at_s for one, _ in self._watched if (at_s := one.next()) is not None]
        if not times or self._stopped:
            return
        at_s = min(times)
        if self._timer is not None:
            if self._timer_at_s <= at_s:
                return
            self._disarm()
        self._timer_at_s = at_s
        wait_s = max(0.0, at_s - self._clock.now_s())
        self._timer = asyncio.get_running_loop().call_later(wait_s, self.ring)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
