"""How many messages one client may publish in a time: a token bucket that may go into debt."""

from typing import Final

_SHORTEST_WAIT_S: Final = 0.001  # less is not worth a timer


class PublishRate:
    """What a client may publish.

    A read brings many messages at once and none of them is sent back, so the bucket may be below
    zero after it; then nothing is read until it is not.

    Args:
        rate: Messages a second in the long run, above 0.
        burst: Messages at once, after a silence; 1 at least.
    """

    __slots__ = ("_burst", "_full_s", "_rate")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._full_s = 0.0  # when the bucket will be full again

    def take(self, now_s: float) -> None:
        """Count one message at the monotonic time ``now_s``."""
        self._full_s = max(self._full_s, now_s) + 1 / self._rate

    def wait_s(self, now_s: float) -> float:
        """Seconds until another message may be read; 0: at once."""
        wait_s = self._full_s - now_s - (self._burst - 1) / self._rate
        return wait_s if wait_s >= _SHORTEST_WAIT_S else 0.0
