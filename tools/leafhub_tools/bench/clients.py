"""Raw clients for the load: one socket each, packets prebuilt, as little Python as can be."""

import asyncio
import ssl
from collections.abc import Awaitable, Iterable
from typing import Final, TypeVar

from leafhub.errors import UnavailableError
from leafhub_tools.bench import wire
from leafhub_tools.bench.brokers import PASSWORD, USERNAME, Broker

ANSWER_TIME_S: Final = 60.0
"""A broker that answers later than this has failed the scenario."""
CONNECTING_AT_ONCE: Final = 100
"""A crowd on its way in; a storm of connections is a scenario of its own."""
CLIENTS_OF_ONE_ADDRESS: Final = 100
"""Then the next of 127.0.0.0/8 comes: limits by address are not what is measured."""

_T = TypeVar("_T")


class Client(asyncio.Protocol):
    """A connection that counts what comes.

    Attributes:
        transport: The socket.
        received_bytes: All that came.
    """

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received_bytes = 0
        self._wanted_bytes = 0
        self._kept = bytearray()
        self._keeping = True
        self._arrived: asyncio.Future[None] | None = None
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is TCP or TLS
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Count."""
        self.received_bytes += len(data)
        if self._keeping:
            self._kept += data
        if self._arrived is not None and self.received_bytes >= self._wanted_bytes:
            self._arrived.set_result(None)
            self._arrived = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits shall know."""
        self._lost = True
        if self._arrived is not None:
            self._arrived.set_exception(UnavailableError(f"the broker closed: {exc}"))
            self._arrived = None

    def write(self, data: bytes) -> None:
        """Send."""
        assert self.transport is not None  # noqa: S101 - clients are handed out connected
        self.transport.write(data)

    async def received(self, count_bytes: int) -> None:
        """Until so many bytes have come since the beginning.

        Raises:
            UnavailableError: The broker closed the connection instead.
        """
        if self.received_bytes >= count_bytes:
            return
        if self._lost:
            raise UnavailableError("the broker closed a connection")
        self._wanted_bytes = count_bytes
        self._arrived = asyncio.get_running_loop().create_future()
        await self._arrived

    async def ask(self, packet: bytes, answer: bytes) -> None:
        """Send a packet; exactly ``answer`` must come.

        Raises:
            UnavailableError: Another answer came, or the end.
        """
        self._kept.clear()
        self._keeping = True
        self.write(packet)
        await self.received(self.received_bytes + len(answer))
        self._keeping = False
        if self._kept != answer:
            raise UnavailableError(f"{self._kept.hex(' ')} came for {answer.hex(' ')}")
        self._kept.clear()


async def connected(
    broker: Broker, client_ids: Iterable[str], *, tls: bool = False, keep_alive_s: int = 60
) -> list[Client]:
    """Clients that are logged in.

    Raises:
        UnavailableError: The broker does not take one of them.
    """
    context = ssl.create_default_context(cafile=broker.ca) if tls else None
    turns = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect(number: int, client_id: str) -> Client:
        async with turns, asyncio.timeout(ANSWER_TIME_S):
            _, client = await asyncio.get_running_loop().create_connection(
                Client,
                "127.0.0.1",
                broker.tls_port if tls else broker.port,
                ssl=context,
                local_addr=(f"127.0.1.{1 + number // CLIENTS_OF_ONE_ADDRESS}", 0),
            )
            await client.ask(
                wire.connect(client_id, USERNAME, PASSWORD, keep_alive_s), wire.CONNACK
            )
            return client

    try:
        return await all_of(connect(number, name) for number, name in enumerate(client_ids))
    except (OSError, TimeoutError) as exc:
        raise UnavailableError(f"{broker.name} does not take a client: {exc}") from exc


async def all_of(waits: Iterable[Awaitable[_T]]) -> list[_T]:
    """Wait for all; the first failure ends them all.

    Raises:
        UnavailableError: One failed.
        TimeoutError: One took too long.
    """
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def close(clients: Iterable[Client]) -> None:
    """Cut all connections."""
    for client in clients:
        if client.transport is not None:
            client.transport.abort()
    await asyncio.sleep(0)
