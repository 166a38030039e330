"""Clients by the hundred that mean no good, and a watch over the hub meanwhile.

Everything goes to 127.0.0.1 and nowhere else. ``ATTACK_SCALE`` multiplies the numbers: 1 is for
every day, 20 is the full size.
"""

import asyncio
import contextlib
import http.client
import os
import re
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Packet

SCALE = int(os.environ.get("ATTACK_SCALE", "1"))
PROBE_PAUSE_S = 0.1
SLOWEST_ANSWER_S = 2.0
AT_ONCE = 1_000
"""Attackers at a time from one address; it has no more connections."""
HELD_ANYWAY_MIB = 96.0
"""What the hub may hold in any attack: the 32 MiB that may wait for the store, as much that is
being written, and 32 MiB for SQLite and for freed memory between what lives."""

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
_RSS = re.compile(r"VmRSS:\s+(\d+) kB")


class Watch:
    """Asks a hub again and again whether it is well, from a thread, as a load balancer would.

    Attributes:
        answers_s: How long each answer took.
        failures: What was none.
        most_mib: The most memory that the hub held.
    """

    def __init__(self, pid: int, port: int) -> None:
        self._pid = pid
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")
        self.answers_s: list[float] = []
        self.failures: list[str] = []
        self.most_mib = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Stop, once the probe under way is answered."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not (self.answers_s and self._over.wait(PROBE_PAUSE_S)):
            started_s = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            try:
                connection.request("GET", "/healthz")
                answer = connection.getresponse()
                if answer.status != 200 or answer.read() != b"ok\n":
                    self.failures.append(f"{answer.status} {answer.reason}")
            except OSError as exc:
                self.failures.append(repr(exc))
            finally:
                connection.close()
            self.answers_s.append(time.monotonic() - started_s)
            self.most_mib = max(self.most_mib, rss_mib(self._pid))


def rss_mib(pid: int) -> float:
    """What a process holds of the memory."""
    found = _RSS.search(Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


@contextlib.asynccontextmanager
async def watched(pid: int, http_port: int, *, attackers_mib: float) -> AsyncIterator[None]:
    """Throughout the context the hub answers in time and holds little more than before.

    Args:
        pid: The hub.
        http_port: Where its health is asked for.
        attackers_mib: What all that attack at the same time may cost together.
    """
    before_mib = rss_mib(pid)
    watch = Watch(pid, http_port)
    watch.start()
    try:
        yield
    finally:
        await asyncio.to_thread(watch.end)
    assert watch.failures == []
    slowest_s = max(watch.answers_s)
    assert slowest_s < SLOWEST_ANSWER_S
    held_mib = watch.most_mib - before_mib
    assert held_mib < attackers_mib + HELD_ANYWAY_MIB


class Stream:
    """A connection of an attacker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *packets: Packet | bytes, protocol_level: int = 4) -> None:
        """Send, as far as the hub takes it."""
        for one in packets:
            data = one if isinstance(one, bytes) else encode_packet(one, protocol_level)
            self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def trickle(self, data: Iterable[int], pause_s: float) -> None:
        """Send byte after byte, each in a packet of its own, until the hub has enough."""
        with contextlib.suppress(ConnectionError):
            for byte in data:
                self.writer.write(bytes((byte,)))
                await self.writer.drain()
                if self.reader.at_eof():
                    return
                await asyncio.sleep(pause_s)

    async def rest(self) -> bytes:
        """All that comes until the hub closes."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read()
        return b""


@contextlib.asynccontextmanager
async def stream(port: int, number: int = 0) -> AsyncIterator[Stream]:
    """A connection, cut without a word when the context ends.

    Args:
        port: Of the hub.
        number: Of the attacker; no ``AT_ONCE`` of them have the same address.
    """
    own = f"127.0.0.{1 + number // AT_ONCE}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(own, 0))
    try:
        yield Stream(reader, writer)
    finally:
        writer.transport.abort()


async def crowd(
    count: int, act: Callable[[int], Awaitable[None]], *, at_once: int = AT_ONCE
) -> None:
    """Let ``count`` attackers act, ``at_once`` of them at a time; it is no matter who is cut."""
    places = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with places:
            with contextlib.suppress(ConnectionError):
                await act(number)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number))


def connect_and_reset(port: int) -> None:
    """Connect, and be gone before the hub can say anything."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        one.connect(("127.0.0.1", port))
