"""Holds back a client that publishes faster than it may: it is read slower, and loses nothing."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from leafhub.mqtt_server.publish_rate import PublishRate

CALM_S: Final = 10.0
"""Who was not held back for so long keeps to its rate again; else the log would tell of each
pause, and a client at its limit has hundreds a minute."""


class Throttle:
    """The pauses of one client.

    Args:
        rate: What it may publish.
        resume: Called when it may be read on.
        tell: For the log: called with what begins and what ends.

    Attributes:
        is_shut: Whether it is not to be read on yet.
    """

    __slots__ = ("_rate", "_resume", "_tell", "_timer", "is_shut")

    def __init__(
        self, rate: PublishRate, resume: Callable[[], None], tell: Callable[[str], None]
    ) -> None:
        self._rate = rate
        self._resume = resume
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None
        self.is_shut = False

    def count(self) -> None:
        """Count a message; after it ``is_shut`` may be true."""
        now_s = time.monotonic()
        self._rate.take(now_s)
        wait_s = self._rate.wait_s(now_s)
        if self.is_shut or not wait_s:
            return
        if self._timer is None:
            self._tell("publishes faster than publish_rate, and is read slower")
        self.is_shut = True
        self._wait(wait_s, self._on_wait_over)

    def close(self) -> None:
        """The client is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _on_wait_over(self) -> None:
        wait_s = self._rate.wait_s(time.monotonic())
        if wait_s:  # what one read brought was still being counted when the wait began
            self._wait(wait_s, self._on_wait_over)
            return
        self.is_shut = False
        self._wait(CALM_S, self._on_calm)
        self._resume()

    def _on_calm(self) -> None:
        self._timer = None
        self._tell("keeps to publish_rate again")

    def _wait(self, delay_s: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, then)
