"""How the hub is told to stop, and that it does so in time."""

import asyncio
import logging
import os
import signal
import threading
from typing import Final

STOP_TIME_S: Final = 4.5
"""After so long the process ends, whatever is left: systemd and people wait some 5 s."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

log = logging.getLogger(__name__)


class StopSignal:
    """SIGINT or SIGTERM: the first asks the hub to stop, a second one ends the process at once.

    Make it in the event loop.
    """

    def __init__(self) -> None:
        self._came = asyncio.Event()
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)

    async def wait(self) -> None:
        """Return when the hub is to stop."""
        await self._came.wait()

    def _on_signal(self) -> None:
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)  # works even if the loop does not
        self._came.set()


def end_in_time() -> None:
    """End the process ``STOP_TIME_S`` from now, if it is still there then.

    What could keep it are threads that wait for a disk, which nobody can interrupt. Acknowledged
    messages are on disk already, so the exit code is that of any other stop.
    """
    timer = threading.Timer(STOP_TIME_S, _end_now)
    timer.daemon = True
    timer.start()


def _end_now() -> None:
    log.error(
        "not everything ended within %.1f s, most likely the disk does not answer; what was "
        "acknowledged is stored, clients will send the rest again",
        STOP_TIME_S,
    )
    logging.shutdown()
    os._exit(0)
