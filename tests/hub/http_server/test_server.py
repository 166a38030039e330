import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from http_hub import HttpHub

from leafhub.errors import ConfigurationError
from leafhub.http_server.app import create_app
from leafhub.http_server.information import HubInformation
from leafhub.http_server.server import HttpServer
from leafhub.http_server.settings import HttpListener, HttpSettings


def server_at(hub: HttpHub, *ports: int) -> HttpServer:
    settings = HttpSettings(listeners=tuple(HttpListener(port=port) for port in ports))
    app = create_app(hub.exchange, HubInformation(version="0"), settings)
    return HttpServer(app, settings, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


async def test_a_port_that_is_taken_is_told_with_the_cure(hub: HttpHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"http\.listeners.*{taken}.*another port"):
            await server_at(hub, 0, taken).start()


async def test_a_stopped_server_lets_its_ports_go(hub: HttpHub) -> None:
    server = server_at(hub, 0)
    await server.start()
    port = int(server.addresses[0].rpartition(":")[2])
    await server.stop()
    socket.create_server(("127.0.0.1", port)).close()


async def test_a_request_that_waits_is_cut_at_the_end(hub: HttpHub) -> None:
    server = server_at(hub, 0)
    await server.start()
    host, _, port = server.addresses[0].removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"GET /healthz HTTP/1.1\r\n")
        await server.stop()
        half.settimeout(5)
        assert half.recv(1) == b""


async def test_tls_listeners_speak_nothing_else(hub: HttpHub) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(hub.tls.replace("https", "http") + "/healthz")


@contextlib.asynccontextmanager
async def hurried(hub: HttpHub, **settings: float) -> AsyncIterator[tuple[int, int]]:
    """The ports, plain and TLS, of a server with little patience."""
    listeners = (HttpListener(port=0), HttpListener(port=0, tls=True))
    limits = msgspec.convert(settings, HttpSettings)
    limits = msgspec.structs.replace(limits, listeners=listeners)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(hub.folder.server_certificate, hub.folder.server_key)
    app = create_app(hub.exchange, HubInformation(version="0"), limits)
    server = HttpServer(app, limits, tls)
    await server.start()
    plain, secure = (int(at.rpartition(":")[2]) for at in server.addresses)
    try:
        yield plain, secure
    finally:
        await server.stop()


async def ends(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /healthz HT",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
        b"PUT /api/v1/registry HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
    ],
    ids=["nothing", "half-a-line", "half-a-head", "half-a-body"],
)
async def test_half_a_request_ends_in_time(hub: HttpHub, said: bytes) -> None:
    async with hurried(hub, head_time_s=0.2, body_time_s=0.2) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        await ends(reader)
        writer.close()


async def test_a_second_request_that_is_half_ends_in_time(hub: HttpHub) -> None:
    async with hurried(hub, head_time_s=0.2) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHo")
        assert (await ends(reader)).count(b"200 OK") == 1
        writer.close()


async def test_a_tls_handshake_that_hangs_ends_in_time(hub: HttpHub) -> None:
    async with hurried(hub, head_time_s=0.2) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await ends(reader)
        writer.close()


async def ask_on(deaf: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        while True:
            await loop.sock_sendall(deaf, b"GET /schema HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_a_client_that_does_not_read_ends_in_time(hub: HttpHub) -> None:
    async with hurried(hub, body_time_s=0.3) as (port, _):
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", port))
            deaf.settimeout(0)
            with pytest.raises(ConnectionError):
                await ask_on(deaf)


async def test_those_who_ask_find_a_place_among_those_who_do_not(hub: HttpHub) -> None:
    async with hurried(hub, maximum_requests=6) as (port, _), contextlib.AsyncExitStack() as stack:
        crowd = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost:")
            crowd.append(reader)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/healthz")
        assert answer.status_code == 200
        for reader in crowd[:16]:
            await ends(reader)
