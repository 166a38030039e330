"""Programs with paho-mqtt, of either generation, as processes."""

import asyncio
import os
import sys
from pathlib import Path

import old_paho
from hub_process import HubProcess

PAHOS = (old_paho.VERSION, "installed")
PATIENCE_S = 100
_SUPPORT = Path(__file__).parent
_PROGRAMS = _SUPPORT.parent / "end_to_end"


async def run(hub: HubProcess, paho: str, program: str, *arguments: str) -> None:
    """Run a program of ``tests/end_to_end`` with one of ``PAHOS``; it must end well."""
    path = str(_SUPPORT)
    if paho == old_paho.VERSION:
        path = f"{await asyncio.to_thread(old_paho.paho_1)}{os.pathsep}{path}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "faulthandler", str(_PROGRAMS / program), *arguments),
        env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode() + "\n".join(hub.lines[-20:])
