"""A hub as a process: started, killed and started again in the same folder, its log kept."""

import asyncio
import contextlib
import os
import re
import ssl
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from operator_view import OperatorView

from leafhub.contract import operator_login

START_TIME_S = 30.0
STOP_TIME_S = 20.0
LINE_TIME_S = 20.0
DOMAIN = "hub.test"
LEAFHUB = Path(sys.executable).with_name("leafhub")

LISTENERS = (
    "",
    ", tls = true",
    ', tls = true, dialect = "smartworks"',
    ', dialect = "smartworks"',
    ", websocket = true",
    ", websocket = true, tls = true",
)
"""The hub's MQTT listeners; behind their ports comes the one for HTTP."""
PORTS = len(LISTENERS) + 1

_ADDRESS = re.compile(r"(?:MQTT at|HTTP on) \w+://127\.0\.0\.1:(\d+)")


def environment(ports: Sequence[int] = (0,) * PORTS) -> dict[str, str]:
    """Variables for a ``leafhub`` command that shall use these ports; 0 is any free one."""
    *mqtt, http = ports
    others = {k: v for k, v in os.environ.items() if k not in {"LEAFHUB_DATA", "LEAFHUB_HUB"}}
    listeners = (
        f'{{host = "127.0.0.1", port = {port}{kind}}}'
        for port, kind in zip(mqtt, LISTENERS, strict=True)
    )
    return {
        **others,
        "LEAFHUB_DOMAIN": DOMAIN,
        "LEAFHUB_MQTT__LISTENERS": f"[{', '.join(listeners)}]",
        "LEAFHUB_HTTP__LISTENERS": f"[{{port = {http}}}]",
    }


class HubProcess:
    """``leafhub run`` in ``folder``, on free ports that it keeps over a restart.

    Args:
        folder: Its data folder.
        variables: More of its environment.

    Attributes:
        lines: What the hub has said, over all its starts.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self._variables = variables
        self.lines: list[str] = []
        self._ports = [0] * PORTS
        self._operator: OperatorView | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._silent = True  # no more lines will come
        self._said = asyncio.Condition()

    @property
    def plain_port(self) -> int:
        """MQTT for everybody."""
        return self._ports[0]

    @property
    def tls_port(self) -> int:
        """MQTT over TLS for everybody."""
        return self._ports[1]

    def port(self, *, websocket: bool = False, tls: bool = False) -> int:
        """MQTT for everybody, by this transport."""
        return self._ports[(4 if websocket else 0) + (1 if tls else 0)]

    @property
    def operator(self) -> OperatorView:
        """An operator of the hub that runs now."""
        assert self._operator is not None, "it was never started"
        return self._operator

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process of the last start."""
        assert self._process is not None, "it was never started"
        return self._process

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        first = len(self.lines)
        self._process = await asyncio.create_subprocess_exec(
            LEAFHUB,
            "run",
            "--data",
            self.folder,
            env=environment(self._ports) | self._variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._silent = False
        self._pump = asyncio.create_task(self._collect(self._process), name="lines of the hub")
        await self.line(" ready", after=first, wait_s=START_TIME_S)
        found = [_ADDRESS.search(line) for line in self.lines[first:]]
        self._ports = [int(match[1]) for match in found if match]
        assert len(self._ports) == PORTS, self.lines[first:]
        login = operator_login.load(self.folder)
        self._operator = OperatorView(login.http, login.token)

    async def line(self, text: str, *, after: int = 0, wait_s: float = LINE_TIME_S) -> str:
        """The first line with ``text`` in it from number ``after`` on, once it is there."""

        def found() -> str | None:
            return next((line for line in self.lines[after:] if text in line), None)

        async with self._said:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._said.wait_for(lambda: found() is not None or self._silent), wait_s
                )
        line = found()
        assert line is not None, f"no line with {text!r} in:\n" + "\n".join(self.lines[after:])
        return line

    async def kill(self) -> None:
        """``kill -9``: nothing is finished."""
        self.process.kill()
        await self.ended()

    async def terminate(self) -> tuple[int, float]:
        """SIGTERM; gives the exit code, and how many seconds it took."""
        started_s = time.monotonic()
        self.process.terminate()
        code = await self.ended()
        return code, time.monotonic() - started_s

    async def restart(self) -> None:
        """End it cleanly and start it again in the same place."""
        code, _ = await self.terminate()
        assert code == 0, self.lines
        await self.start()

    async def close(self) -> None:
        """Leave no process behind."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self.ended()

    def tls(self) -> ssl.SSLContext:
        """For clients that trust the hub's CA."""
        return ssl.create_default_context(cafile=self.folder / "ca.pem")

    async def ended(self) -> int:
        """Wait for its end; gives the exit code."""
        async with asyncio.timeout(STOP_TIME_S):
            code = await self.process.wait()
        if self._pump is not None:
            await self._pump
        if self._operator is not None:
            await self._operator.http.aclose()
        return code

    async def _collect(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            async with self._said:
                self.lines.append(line.decode(errors="replace").rstrip())
                self._said.notify_all()
        async with self._said:
            self._silent = True
            self._said.notify_all()


@contextlib.asynccontextmanager
async def hub_process(folder: Path, **variables: str) -> AsyncIterator[HubProcess]:
    """A hub that runs, with its data in ``folder``; ``variables`` add to its environment."""
    process = HubProcess(folder, **variables)
    try:
        await process.start()
        yield process
    finally:
        await process.close()
