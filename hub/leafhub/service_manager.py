"""What systemd is told, where systemd started the hub (sd_notify(3), sd_watchdog_enabled(3)).

Datagrams on the socket that ``NOTIFY_SOCKET`` names; without that variable nothing is said.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Final, NamedTuple

LOOK_S: Final = 5.0
"""How often the hub's health is looked at where no watchdog asks for more."""

log = logging.getLogger(__name__)


class Health(NamedTuple):
    """How the hub is.

    Attributes:
        line: For people who ask the service manager, one line.
        alive: Whether it is worth going on; if not, the watchdog may start it anew.
    """

    line: str
    alive: bool = True


class ServiceManager:
    """The program that started the hub, if it wants to know how the hub is.

    Its variables are taken out of the environment: they are not meant for programs that the hub
    starts.

    Args:
        environ: The environment.

    Attributes:
        watchdog_s: Silence after which it starts the hub anew, seconds; ``None``: never.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        path = environ.pop("NOTIFY_SOCKET", "")
        watchdog_us = environ.pop("WATCHDOG_USEC", "")
        for_pid = environ.pop("WATCHDOG_PID", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._line = ""
        self._is_deaf = False
        is_meant = self._address and for_pid in {"", str(os.getpid())}
        is_number = watchdog_us.isascii() and watchdog_us.isdigit()
        self.watchdog_s = (
            int(watchdog_us) / 1e6 if is_meant and is_number and int(watchdog_us) else None
        )

    def ready(self, line: str) -> None:
        """The hub serves; ``line`` says where."""
        self._line = line
        self._notify("READY=1", _status(line))

    def stopping(self) -> None:
        """The hub is about to end."""
        self._notify("STOPPING=1", _status("stopping"))

    async def attend(self, health: Callable[[], Health]) -> None:
        """Tell of the hub's health until cancelled; run it in the loop whose life it shows."""
        if not self._address:
            return
        pause_s = LOOK_S if self.watchdog_s is None else min(LOOK_S, self.watchdog_s / 2)
        while True:
            now = health()
            if now.line != self._line:
                self._line = now.line
                self._notify(_status(now.line))
            if now.alive and self.watchdog_s is not None:
                self._notify("WATCHDOG=1")
            await asyncio.sleep(pause_s)

    def _notify(self, *assignments: str) -> None:
        """Send and go on: who does not listen does not hold up the hub."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
                to.settimeout(0)
                to.sendto("\n".join(assignments).encode(), self._address)
            self._is_deaf = False
        except OSError as exc:
            if not self._is_deaf:
                log.warning("the service manager cannot be told: %s", exc.strerror or exc)
            self._is_deaf = True


def _status(line: str) -> str:
    return f"STATUS={' '.join(line.split())}"  # a line break would start another assignment
