"""The candidates as processes on this machine, each with a folder of its own."""

import asyncio
import contextlib
import hashlib
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leafhub.contract import operator_login
from leafhub.contract.client import HubClient
from leafhub.errors import UnavailableError
from leafhub_tools.bench import mosquitto

START_TIME_S = 30.0
STOP_TIME_S = 10.0
LOOK_S: Final = 0.01
"""How often what a broker has said is looked at."""
USERNAME: Final = "bench"
PASSWORD: Final = "bench-password"  # noqa: S105 - opens only what this program starts
MOST_CONNECTIONS: Final = 20_000

_LEAFHUB = Path(sys.executable).with_name("leafhub")
_HUB_ADDRESS = re.compile(r"MQTT at mqtts?://127\.0\.0\.1:(\d+)")
_HUB_LISTENERS = '[{host = "127.0.0.1", port = 0}, {host = "127.0.0.1", port = 0, tls = true}]'
_HUB_DOCUMENT = f"""
[[application]]
name = "bench"
dialect = "broker"
[[application.device]]
id = "{USERNAME}"
credentials = [{{ kind = "sha256", secret = "{hashlib.sha256(PASSWORD.encode()).hexdigest()}" }}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker that runs.

    Attributes:
        name: As in the table.
        pid: Its process.
        port: Where it takes MQTT.
        tls_port: Where it takes MQTT over TLS.
        ca: The CA to trust there, PEM.
        ready_s: From its start until it said that it is ready.
    """

    name: str
    pid: int
    port: int
    tls_port: int
    ca: Path
    ready_s: float


Start = Callable[[Path], AbstractAsyncContextManager[Broker]]


@contextlib.asynccontextmanager
async def hub(folder: Path) -> AsyncIterator[Broker]:
    """``leafhub run`` with one user of the ``broker`` dialect; data and log in ``folder``."""
    data = folder / "data"
    others = {k: v for k, v in os.environ.items() if not k.startswith("LEAFHUB_")}
    environment = {
        **others,
        "LEAFHUB_MQTT__LISTENERS": _HUB_LISTENERS,
        "LEAFHUB_MQTT__MAXIMUM_CONNECTIONS": str(MOST_CONNECTIONS),
        "LEAFHUB_MQTT__MAXIMUM_CONNECTIONS_PER_ADDRESS": str(MOST_CONNECTIONS),
        "LEAFHUB_MQTT__PUBLISH_RATE": "0",
        "LEAFHUB_HTTP__LISTENERS": "[{port = 0}]",
    }
    command = (str(_LEAFHUB), "run", "--data", str(data))
    started_s = time.monotonic()
    async with _running(command, folder / "hub.log", environment) as process:
        said = await _said(process, folder / "hub.log", " ready")
        ready_s = time.monotonic() - started_s
        port, tls_port = (int(found) for found in _HUB_ADDRESS.findall(said))
        login = operator_login.load(data)
        with HubClient(login) as client:
            await asyncio.to_thread(client.apply, _HUB_DOCUMENT)
        yield Broker(
            name="leafhub",
            pid=process.pid,
            port=port,
            tls_port=tls_port,
            ca=data / "ca.pem",
            ready_s=ready_s,
        )


@contextlib.asynccontextmanager
async def reference(folder: Path) -> AsyncIterator[Broker]:
    """Mosquitto as it comes, with a certificate of the same kind as the hub's.

    It asks for no password: how fast passwords are checked is not what is compared.
    """
    program = await asyncio.to_thread(mosquitto.broker)
    data = folder / "data"
    made = await asyncio.create_subprocess_exec(
        *(str(_LEAFHUB), "init", "--data", str(data)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await made.wait():
        raise UnavailableError("`leafhub init` made no certificate for mosquitto")
    port, tls_port = _free_ports(2)
    lines = [
        "allow_anonymous true",
        f"listener {port} 127.0.0.1",
        f"listener {tls_port} 127.0.0.1",
        f"certfile {data}/server.pem",
        f"keyfile {data}/server-key.pem",
    ]
    if os.geteuid() == 0:  # else it would become a user who may not read these files
        lines.append("user root")
    configuration = folder / "mosquitto.conf"
    configuration.write_text("\n".join(lines) + "\n")
    log = folder / "mosquitto.log"
    command = (str(program), "-c", str(configuration))
    started_s = time.monotonic()
    async with _running(command, log, dict(os.environ)) as process:
        await _said(process, log, " running")
        ready_s = time.monotonic() - started_s
        yield Broker(
            name="mosquitto",
            pid=process.pid,
            port=port,
            tls_port=tls_port,
            ca=data / "ca.pem",
            ready_s=ready_s,
        )


@contextlib.asynccontextmanager
async def _running(
    command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process whose words go into ``log``; it has ended when this has."""
    with log.open("wb") as words:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=words,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIME_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _said(process: asyncio.subprocess.Process, log: Path, text: str) -> str:
    """All that a process has said, once ``text`` is in it.

    Raises:
        UnavailableError: It ended, or took too long; its last words are in the message.
    """
    ends_s = asyncio.get_running_loop().time() + START_TIME_S
    while text not in (said := await asyncio.to_thread(log.read_text, errors="replace")):
        if process.returncode is not None or asyncio.get_running_loop().time() > ends_s:
            last = "\n    ".join(said.splitlines()[-5:])
            raise UnavailableError(f"it did not start:\n    {last}")
        await asyncio.sleep(LOOK_S)
    return said


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
