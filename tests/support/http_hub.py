"""A hub without MQTT: the real exchange on a real SQLite file, behind the real HTTP server."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import msgspec

from leafhub import authority
from leafhub.contract.operator_login import OperatorLogin
from leafhub.data_folder import DataFolder, write
from leafhub.dialects.base import Arrival, Login, Peer, Refusal
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.exchange import proofs
from leafhub.exchange.exchange import Exchange
from leafhub.exchange.settings import LoginLimits
from leafhub.http_server.app import create_app
from leafhub.http_server.information import HubInformation
from leafhub.http_server.server import HttpServer
from leafhub.http_server.settings import HttpListener, HttpSettings
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import PutOperator, Registry, RegistryView
from leafhub.mqtt.packets import Connect
from leafhub.stores.settings import StoreSettings
from leafhub.stores.sqlite import SqliteStore

WRITER = "writer-token"
READER = "reader-token"
NAMES = authority.Names(("localhost",), (ipaddress.ip_address("127.0.0.1"),))


class NoDetection:
    """Nobody comes by MQTT."""

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal:
        raise NotImplementedError

    def pre_shared_key(self, identity: str, registry: RegistryView, time_us: int) -> bytes | None:
        raise NotImplementedError


class HttpHub:
    """What a test gets: the exchange behind the server, and where that is."""

    def __init__(self, exchange: Exchange, addresses: Iterable[str], folder: DataFolder) -> None:
        self.exchange = exchange
        self.plain, self.tls = (a.replace("localhost", "127.0.0.1") for a in addresses)
        self.folder = folder


@contextlib.asynccontextmanager
async def http_hub(
    path: Path,
    *,
    maximum_body_bytes: int = 100_000,
    login_limits: LoginLimits | None = None,
    **limits: int,
) -> AsyncIterator[HttpHub]:
    """Run such a hub in the test's own event loop; ``limits`` are those of ``HttpSettings``."""
    folder = DataFolder(path / "data")
    folder.make()
    authority.prepare(folder, NAMES, dt.datetime.now(dt.UTC))
    dialect = DrogueDialect()

    def keys_of(application: Application, device: Device) -> Iterable[str]:
        return dialect.keys(application, device)

    exchange = Exchange(
        store=SqliteStore(folder.database, StoreSettings()),
        registry=Registry(keys_of),
        detection=NoDetection(),
        faces={dialect.name: dialect},
        dialects={dialect.name: dialect},
        settings_types=lambda _: (dialect.application_type, dialect.device_type),
    )
    await exchange.start()
    await exchange.apply([_operator("writer", WRITER), _operator("reader", READER)])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder.server_certificate, folder.server_key)
    settings = HttpSettings(
        listeners=(HttpListener(port=0), HttpListener(port=0, tls=True)),
        maximum_body_bytes=maximum_body_bytes,
        **limits,
    )
    information = HubInformation(version="0.0.1", listeners=("mqtt://127.0.0.1:1",))
    app = create_app(exchange, information, settings, login_limits)
    server = HttpServer(app, settings, tls)
    await server.start()
    try:
        yield HttpHub(exchange, server.addresses, folder)
    finally:
        await server.stop()
        await exchange.stop()


@contextlib.contextmanager
def http_hub_in_thread(path: Path) -> Iterator[HttpHub]:
    """Run such a hub in a thread, for programs that wait; leaves an ``operator.json``."""
    ready = threading.Event()
    hubs: list[HttpHub] = []
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        async with http_hub(path) as hub:
            stop = asyncio.Event()
            hubs.append(hub)
            stops.append((asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="http hub")
    thread.start()
    assert ready.wait(20), "the hub did not start"
    try:
        login = OperatorLogin(name="writer", token=WRITER, http=hubs[0].tls, ca="ca.pem")
        write(hubs[0].folder.operator_login, msgspec.json.encode(login), mode=0o600)
        yield hubs[0]
    finally:
        loop, stop = stops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


def _operator(name: str, token: str) -> PutOperator:
    credential = Credential(kind=SecretKind.SHA256, secret=proofs.sha256(token))
    role = Role.ADMIN if name == "writer" else Role.READER
    return PutOperator(Operator(name=name, credentials=(credential,), role=role))
