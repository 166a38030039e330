"""Runs one leaf without a board: the real firmware in a real MicroPython, as a process."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Self

from leafhub_tools import micropython

_STOP_TIMEOUT_S = 3.0
"""Time for DISCONNECT after a signal; then the process is killed."""

_KEPT_LINES = 1000
"""Lines kept for a slow reader of ``lines``; then the oldest go, for the leaf must not wait."""


def firmware_folder() -> Path:
    """Return the folder of the firmware: the repository's, or the one inside the package."""
    here = Path(__file__).resolve()
    packaged = here.parent / "firmware"
    return packaged if packaged.is_dir() else here.parents[2] / "firmware"


class VirtualLeaf:
    """A leaf that lives in ``folder``; ``settings`` become its ``leaf.json``.

    It runs the firmware's ``main.py``, or the ``program`` of somebody else's leaf.

    The folder is made at the start (only its owner may read it: it will hold credentials) and
    stays afterwards, so that the next start in it is a restart of the same leaf. Relative paths
    in the settings (``ca``, ``data``) are relative to it.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, object], *, program: Path | None = None
    ) -> None:
        self.folder = folder
        self._settings = settings
        self._program = program or firmware_folder() / "main.py"
        self._process: asyncio.subprocess.Process | None = None
        self._printed: asyncio.Queue[str | None] = asyncio.Queue(_KEPT_LINES)
        self._pump: asyncio.Task[None] | None = None
        self._spoke = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.stop()

    @property
    def running(self) -> bool:
        """Whether the leaf's process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The number of the leaf's process.

        Raises:
            RuntimeError: It was never started.
        """
        if self._process is None:
            raise RuntimeError(f"the leaf in {self.folder} was never started")
        return self._process.pid

    async def start(self) -> None:
        """Write ``leaf.json`` and start the firmware.

        Raises:
            BringError: There is no MicroPython for this computer.
            RuntimeError: This leaf runs already.
        """
        if self.running:
            raise RuntimeError(f"the leaf in {self.folder} runs already")
        interpreter = await asyncio.to_thread(micropython.interpreter)
        umqtt = await asyncio.to_thread(micropython.umqtt)
        self._write_settings()
        firmware = firmware_folder()
        self._process = await asyncio.create_subprocess_exec(
            interpreter,
            self._program,
            cwd=self.folder,
            env={
                **os.environ,
                "MICROPYPATH": f"{self.folder}:.frozen:{firmware}:{umqtt}",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the leaf
        )
        self._printed = asyncio.Queue(_KEPT_LINES)
        self._spoke = False
        self._pump = asyncio.create_task(
            self._pass_on(self._process), name=f"lines of {self.folder.name}"
        )

    async def lines(self) -> AsyncIterator[str]:
        """Yield what the leaf prints, line by line, until it ends. For one reader at a time."""
        if self._process is None:
            return
        while (line := await self._printed.get()) is not None:
            yield line
        _put(self._printed, None)  # whoever reads on finds the end again

    async def stop(self) -> None:
        """End the leaf: it may say goodbye to the hub, but not for long. Harmless if it ended.

        A leaf that has not said a word is still loading and has nobody to say goodbye to.
        """
        process, pump = self._process, self._pump
        if process is None or pump is None:
            return
        endings = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
        for ending in endings if self._spoke else endings[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, ending)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
                    break
        await pump  # ends at the end of the pipe

    def kill(self) -> None:
        """Cut the leaf's power: no goodbye, nothing finished."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        """Keep what ``process`` prints for ``lines``; None marks the end."""
        if process.stdout is not None:
            while line := await process.stdout.readline():
                self._spoke = True
                _put(self._printed, line.decode(errors="replace").rstrip())
        await process.wait()
        _put(self._printed, None)

    def _write_settings(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.folder / "leaf.json.tmp"
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(self._settings, indent=2) + "\n")
        shutil.move(temporary, self.folder / "leaf.json")


def _put(printed: asyncio.Queue[str | None], line: str | None) -> None:
    """Append ``line``; a full queue loses its oldest one."""
    if printed.full():
        printed.get_nowait()
    printed.put_nowait(line)
