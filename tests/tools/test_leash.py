"""What is held ends with the process that holds it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from eventually import eventually

from leafhub_tools.leash import Leash, leash

SLEEP = "import time; time.sleep(100)"
HOLDER = """
import subprocess, sys, time
from leafhub_tools.leash import leash
with leash() as held:
    started = [subprocess.Popen(["sleep", "100"], stdout=subprocess.DEVNULL) for _ in "ab"]
    held_one, other = started
    held.hold(held_one.pid)
    held.hold(other.pid)
    held.release(other.pid)
    print(held_one.pid, other.pid, flush=True)
    time.sleep(100)
"""


async def _start(program: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_killed_holder_takes_with_it_what_it_holds_and_nothing_else() -> None:
    holder = await _start(HOLDER)
    assert holder.stdout is not None
    held, other = (int(word) for word in (await holder.stdout.readline()).split())
    holder.kill()
    await holder.wait()

    async def gone() -> bool:
        return not _lives(held)

    assert await eventually(gone)
    assert _lives(other)
    os.kill(other, signal.SIGKILL)


async def test_end_of_the_context_ends_what_is_still_held() -> None:
    with leash() as held:
        process = await _start(SLEEP)
        held.hold(process.pid)
    assert await process.wait() in {-signal.SIGINT, 1}


def test_guard_that_was_killed_stops_nobody() -> None:
    guard, ours = os.pipe()
    os.close(guard)
    with os.fdopen(ours, "wb", buffering=0) as pipe:
        Leash(pipe).hold(1)
