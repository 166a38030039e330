"""Tests that run at the same time in several processes, and those that must be alone."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Wait until the others let us in: with them, or ``alone``.

    Whoever wants to be alone keeps the door shut while it waits for those inside to come out, so
    that it need not wait for ever.

    Args:
        folder: Common to all processes.
        alone: Nobody else shall be inside.
    """
    with (folder / "door").open("w") as door, (folder / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(door, fcntl.LOCK_UN)
        yield
