"""mosquitto_pub and mosquitto_sub at work: one version of MQTT, one way to the hub."""

import asyncio
import contextlib
import os
import pty
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import mosquitto
from hub_process import HubProcess

PATIENCE_S = 15.0


@dataclass
class Subscriber:
    """mosquitto_sub while it runs.

    Attributes:
        process: Itself.
        lines: What it prints.
        said: What of that was read.
    """

    process: asyncio.subprocess.Process
    lines: asyncio.StreamReader
    said: list[str] = field(default_factory=list)

    async def until(self, text: str) -> str:
        """Read on to a line with ``text`` in it."""
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.lines.readline():
                self.said.append(line.decode().rstrip())
                if text in self.said[-1]:
                    return self.said[-1]
        raise AssertionError(f"it ended before {text!r}:\n" + "\n".join(self.said))

    async def messages(self, count: int) -> list[str]:
        """The next so many messages, as ``-F 'message ...'`` prints them, without that word."""
        return [(await self.until("message ")).partition("message ")[2] for _ in range(count)]


class Programs:
    """The programs, set to one version of MQTT and to one of the hub's ports.

    Args:
        hub: Where it runs.
        version: As they call it: ``mqttv31``, ``311`` or ``5``.
        tls: By TLS, the hub's CA trusted.
        options: More options for both programs, instead of ``tls`` a way of their own.
    """

    def __init__(
        self, hub: HubProcess, *, version: str, tls: bool = False, options: tuple[str, ...] = ()
    ) -> None:
        self.hub = hub
        self.pub, self.sub = mosquitto.programs()
        self._options = ["-h", "127.0.0.1", "-V", version]
        self._options += ["-p", str(hub.port(tls=tls or bool(options))), *options]
        if tls:
            self._options += ["--cafile", str(hub.folder / "ca.pem")]

    async def publish(self, *arguments: str) -> tuple[int | None, str]:
        """Run mosquitto_pub to its end; gives exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            self.pub,
            *self._options,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_S):
            output, _ = await process.communicate()
        return process.returncode, output.decode()

    @contextlib.asynccontextmanager
    async def subscribed(self, *arguments: str) -> AsyncIterator[Subscriber]:
        """mosquitto_sub while it runs and is subscribed; gives what it prints from then on.

        It prints to a terminal: into a pipe it would tell that it is subscribed only at its end.
        """
        ours, its = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            self.sub,
            "-d",
            *self._options,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=its,
            stderr=its,
        )
        os.close(its)
        lines = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(ours, "rb", buffering=0)
        )
        subscriber = Subscriber(process, lines)
        try:
            await subscriber.until("Subscribed (mid: 1): ")
            yield subscriber
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            transport.close()
