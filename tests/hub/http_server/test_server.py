import socket
import ssl

import httpx
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
        with pytest.raises(ConfigurationError, match=f"{taken}.*http.listeners"):
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
