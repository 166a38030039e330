"""What the log says of one client's packets that come to nothing: not a line each for ever."""

from typing import Final

TOLD: Final = 20
"""Lines of one client in ``PERIOD_S``: what is wrong shows in the first few."""
PERIOD_S: Final = 60.0
"""A client that goes on is in the log once in so many seconds: enough for a person who looks."""


class Complaints:
    """Decides which are told. Time is passed in, microseconds since the epoch."""

    __slots__ = ("_count", "_period_ends_us")

    def __init__(self) -> None:
        self._count = 0
        self._period_ends_us = 0

    def line(self, text: str, now_us: int) -> str | None:
        """The line for one more; ``None``: it is only counted."""
        untold = 0
        if now_us >= self._period_ends_us:
            untold = max(0, self._count - TOLD)
            self._count = 0
            self._period_ends_us = now_us + round(PERIOD_S * 1_000_000)
        self._count += 1
        if self._count > TOLD:
            return None
        return f"{text} (and {untold} more before)" if untold else text
