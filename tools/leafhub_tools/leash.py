"""Ends processes when the one that started them is gone, however it went: by ``kill -9``, too.

Who is killed so cannot clean up. So another process, this file run as a program, waits at the end
of a pipe: it hears what is started and what has ended, and at the end of the pipe, which comes in
any case, it ends what is left.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

_PATIENCE_S = 10.0
"""Time for a hub to write and to say goodbye; then it is killed."""

_STEP_S = 0.05


class Leash:
    """Says which processes shall not outlive this one.

    Args:
        pipe: Its other end is the guard's.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def hold(self, pid: int) -> None:
        """From now on the process ``pid`` ends with us."""
        self._tell(f"+{pid}\n")

    def release(self, pid: int) -> None:
        """The process ``pid`` has ended; its number may soon be another one's."""
        self._tell(f"-{pid}\n")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # somebody killed the guard; then it is missing
            self._pipe.write(line.encode())


@contextlib.contextmanager
def leash() -> Iterator[Leash]:
    """A leash with its guard; what is still held at the end of the context is ended then."""
    with subprocess.Popen(  # noqa: S603 - no shell; Python and this file
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,  # Ctrl-C in the terminal is not for it
    ) as guard:
        assert guard.stdin is not None  # noqa: S101 - it was asked for
        yield Leash(guard.stdin)


def guard(lines: Iterator[str]) -> None:
    """Listen until the end of ``lines``, then end what is still held."""
    held: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        if line.startswith("+"):
            held.add(pid)
        else:
            held.discard(pid)
    for ending in (signal.SIGINT, signal.SIGKILL):
        held = {pid for pid in held if _signal(pid, ending)}
        deadline_s = time.monotonic() + _PATIENCE_S
        while held and time.monotonic() < deadline_s:
            time.sleep(_STEP_S)
            held = {pid for pid in held if _signal(pid, 0)}


def _signal(pid: int, number: int) -> bool:
    """Send a signal (0: none, just ask); says whether the process was there."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):  # gone, and perhaps another user's by now
        return False
    return True


if __name__ == "__main__":
    guard(iter(sys.stdin))
