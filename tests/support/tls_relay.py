"""A port behind which TLS begins: for clients that cannot do what ``OpenSslClient`` can."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from OpenSSL import SSL
from openssl_client import OpenSslClient

READ_BYTES = 65_536


@contextlib.asynccontextmanager
async def tls_relay(port: int, make: Callable[[], OpenSslClient]) -> AsyncIterator[int]:
    """Take plain connections on the port given back, and carry each on to ``port`` with TLS.

    Where a handshake fails, its connection is closed.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await _relay(make(), (reader, writer), (far_reader, far_writer))
        finally:
            for each in (writer, far_writer):
                each.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _relay(tls: OpenSslClient, near: _Streams, far: _Streams) -> None:
    with contextlib.suppress(SSL.Error, ConnectionError):  # one of the two ends it
        await _shake_hands(tls, *far)
        up = asyncio.ensure_future(_up(tls, near, far))
        try:
            await _down(tls, near, far)
        finally:
            up.cancel()


async def _shake_hands(
    tls: OpenSslClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        with contextlib.suppress(SSL.WantReadError):
            tls.tls.do_handshake()
            writer.write(tls.output())
            return
        writer.write(tls.output())
        data = await reader.read(READ_BYTES)
        if not data:
            raise ConnectionResetError
        tls.tls.bio_write(data)


async def _up(tls: OpenSslClient, near: _Streams, far: _Streams) -> None:
    with contextlib.suppress(SSL.Error, ConnectionError):
        while data := await near[0].read(READ_BYTES):
            far[1].write(tls.say(data))
            await far[1].drain()
    far[1].close()


async def _down(tls: OpenSslClient, near: _Streams, far: _Streams) -> None:
    while data := await far[0].read(READ_BYTES):
        while plain := tls.hear(data):
            near[1].write(plain)
            data = b""
        await near[1].drain()
