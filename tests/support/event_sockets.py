"""WebSocket clients of the hub's events, and what they see."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection, connect

PATIENCE_S = 20.0


@contextlib.asynccontextmanager
async def open_socket(
    address: str, path: str, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[ClientConnection]:
    """A client of the hub at ``http://...`` or ``https://...``; its own pings are off."""
    url = address.replace("http", "ws", 1) + path
    async with connect(
        url, ssl=tls, proxy=None, ping_interval=None, open_timeout=PATIENCE_S, **options
    ) as socket:
        yield socket


async def refusal(address: str, path: str, **options: Any) -> tuple[int, Any]:
    """Status and body of the answer to a client that is not let in."""
    try:
        async with open_socket(address, path, **options):
            raise AssertionError(f"{path} let it in")
    except websockets.InvalidStatus as exc:
        return exc.response.status_code, msgspec.json.decode(exc.response.body or b"null")


async def next_event(socket: ClientConnection) -> dict[str, Any]:
    """What a client is told next."""
    async with asyncio.timeout(PATIENCE_S):
        message = await socket.recv()
    assert isinstance(message, str)
    return msgspec.json.decode(message, type=dict[str, Any])


async def end_of(socket: ClientConnection) -> tuple[int, str]:
    """Code and reason with which the hub ends a connection; events before it are passed over."""
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code or 0, socket.close_reason or ""


def query(**values: str) -> str:
    """The query of an address."""
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
