"""A small HTTP server for what the hub asks of others: keeps requests, answers as it is told."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec


class Asked(NamedTuple):
    """A request that came; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        return msgspec.json.decode(self.body, type=dict[str, object])


class Says(NamedTuple):
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Endpoint:
    """Where it is, what it was asked, and what it answers.

    Attributes:
        url: Of its root.
        asked: All requests, the oldest first.
        answer: Gives the answer to each.
        is_open: While this is not set, requests wait for their answers.
        busiest: Most requests that waited at a time.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Says] = lambda _: Says()
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.busiest = 0
        self._waiting = 0
        self._came = asyncio.Condition()

    async def wait_for(self, count: int) -> None:
        """Return when so many requests have come."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.asked) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                says = await self._take(await _read(reader))
                writer.write(_written(says))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the hub has gone
        finally:
            writer.transport.abort()  # an idle client is in no hurry to say farewell

    async def _take(self, asked: Asked) -> Says:
        async with self._came:
            self.asked.append(asked)
            self._came.notify_all()
        self._waiting += 1
        self.busiest = max(self.busiest, self._waiting)
        try:
            await self.is_open.wait()
        finally:
            self._waiting -= 1
        return self.answer(asked)


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    """An endpoint at a free port of this computer."""
    endpoint = Endpoint()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(endpoint.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    endpoint.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield endpoint
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    pairs = (line.partition(": ") for line in head[1:-2])
    headers = {name.lower(): value for name, _, value in pairs}
    return Asked(
        method, target, headers, await reader.readexactly(int(headers.get("content-length", "0")))
    )


def _written(says: Says) -> bytes:
    length = () if says.status == 204 else (("Content-Length", str(len(says.body))),)
    lines = [f"{name}: {value}" for name, value in (*says.headers, *length)]
    head = "\r\n".join((f"HTTP/1.1 {says.status} Said", *lines, "", ""))
    return head.encode("latin-1") + says.body
