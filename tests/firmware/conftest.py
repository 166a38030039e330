"""A scripted MQTT peer over real sockets, and leaves that talk to it."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import json
import os
import re
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from leafhub_tools.virtual_leaf import VirtualLeaf, firmware_folder

WAIT_S = 10  # for anything that must happen; generous, because the machine may be busy

SECTIONS: dict[str, dict[str, str]] = {
    "drogue": {"application": "app1", "device": "dev1", "password": "drogue-secret"},
    "cloudplugs": {
        "model": "mod-5a0000000000000000000001",
        "hwid": "HW1",
        "name": "Boiler",
        "enroll_password": "enroll/HW+1",
    },
    "murano": {"connector": "acme", "identity": "12345"},
    "smartworks": {
        "thing": "01G1GX3TJ1NHAAMDNQJP9CX9D5",
        "username": "user@ecp",
        "password": "thing-secret",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    client_id: str
    user: str | None
    password: str | None
    clean_session: bool
    keep_alive_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    topic: str
    payload: bytes
    qos: int
    packet_id: int

    @property
    def json(self) -> object:
        return json.loads(self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    topic_filter: str
    qos: int
    packet_id: int


def _text(body: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("!H", body, at)
    return body[at + 2 : at + 2 + size].decode(), at + 2 + size


def _varint(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def publish_bytes(topic: str, payload: bytes, *, packet_id: int = 0) -> bytes:
    """PUBLISH as the hub would send it: QoS 1 with a packet id, else QoS 0."""
    body = struct.pack("!H", len(topic.encode())) + topic.encode()
    if packet_id:
        body += struct.pack("!H", packet_id)
    body += payload
    return bytes([0x32 if packet_id else 0x30]) + _varint(len(body)) + body


class Connection:
    """One connection of a leaf, as the peer sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def server_name(self) -> str | None:
        """The name that the leaf asked for by SNI."""
        name = getattr(self._writer.get_extra_info("ssl_object"), "asked_for", None)
        return None if name is None else str(name)

    async def packet(self) -> tuple[int, bytes]:
        """Return the next packet as (first byte, body). EOFError: the leaf has closed."""
        async with asyncio.timeout(WAIT_S):
            first = (await self._reader.readexactly(1))[0]
            size = shift = 0
            while True:
                byte = (await self._reader.readexactly(1))[0]
                size |= (byte & 127) << shift
                shift += 7
                if not byte & 128:
                    return first, await self._reader.readexactly(size)

    async def packet_of(self, kind: int) -> tuple[int, bytes]:
        first, body = await self.packet()
        assert first >> 4 == kind, f"packet 0x{first:02x} {body!r} instead of type {kind}"
        return first, body

    async def connect(self, code: int = 0) -> Connect:
        """Take CONNECT and answer it with ``code``."""
        _, body = await self.packet_of(1)
        assert body[:7] == b"\x00\x04MQTT\x04"
        flags = body[7]
        (keep_alive_s,) = struct.unpack_from("!H", body, 8)
        client_id, at = _text(body, 10)
        user = password = None
        if flags & 0x80:
            user, at = _text(body, at)
        if flags & 0x40:
            password, at = _text(body, at)
        assert at == len(body)
        self.send(bytes([0x20, 2, 0, code]))
        return Connect(
            client_id=client_id,
            user=user,
            password=password,
            clean_session=bool(flags & 2),
            keep_alive_s=keep_alive_s,
        )

    async def subscribe(self, *, code: int | None = None) -> Subscription:
        """Take SUBSCRIBE and grant it, or answer it with ``code``."""
        first, body = await self.packet_of(8)
        assert first == 0x82
        (packet_id,) = struct.unpack_from("!H", body)
        topic_filter, at = _text(body, 2)
        qos = body[at]
        assert at + 1 == len(body)
        self.send(b"\x90\x03" + body[:2] + bytes([qos if code is None else code]))
        return Subscription(topic_filter=topic_filter, qos=qos, packet_id=packet_id)

    async def message(self, *, acknowledge: bool = True) -> Message:
        """Take PUBLISH and acknowledge it, if it wants to be."""
        first, body = await self.packet_of(3)
        topic, at = _text(body, 0)
        qos = first >> 1 & 3
        packet_id = 0
        if qos:
            (packet_id,) = struct.unpack_from("!H", body, at)
            at += 2
            if acknowledge:
                self.acknowledge(packet_id)
        return Message(topic=topic, payload=body[at:], qos=qos, packet_id=packet_id)

    def acknowledge(self, packet_id: int) -> None:
        self.send(b"\x40\x02" + struct.pack("!H", packet_id))

    def publish(self, topic: str, payload: bytes | str, *, packet_id: int = 0) -> None:
        payload = payload.encode() if isinstance(payload, str) else payload
        self.send(publish_bytes(topic, payload, packet_id=packet_id))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def ended(self) -> bytes:
        """Return what the leaf still sends until it closes; a goodbye closes our side first."""
        rest = b""
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionError):
                while data := await self._reader.read(4096):
                    rest += data
                    if rest.endswith(b"\xe0\0"):  # DISCONNECT
                        await self.close()
                        break
        return rest

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # the leaf may be gone already
            await self._writer.wait_closed()


class Peer:
    """The far end: listens on a free port and hands out the connections as they come."""

    def __init__(self) -> None:
        self.port = 0
        self._connections: asyncio.Queue[Connection] = asyncio.Queue()
        self._all: list[Connection] = []
        self._server: asyncio.Server | None = None

    async def listen(self, context: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(
            self._accepted, "127.0.0.1", self.port, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self._all.append(connection)
        await self._connections.put(connection)

    async def accept(self) -> Connection:
        async with asyncio.timeout(WAIT_S):
            return await self._connections.get()

    @property
    def unseen(self) -> int:
        """Connections that came and that nobody has taken yet."""
        return self._connections.qsize()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self._all:
            await connection.close()
        self._all.clear()


class Leaf:
    """A running leaf and what it prints."""

    def __init__(self, virtual: VirtualLeaf) -> None:
        self.virtual = virtual
        self.folder = virtual.folder
        self.printed: list[str] = []
        self._lines = virtual.lines()

    async def line(self, pattern: str) -> str:
        """Return the next line that ``pattern`` fits."""
        try:
            async with asyncio.timeout(WAIT_S):
                async for line in self._lines:
                    self.printed.append(line)
                    if re.search(pattern, line):
                        return line
        except TimeoutError:
            pytest.fail(f"the leaf does not say {pattern!r}; it said {self.printed}")
        pytest.fail(f"the leaf ended without {pattern!r}; it said {self.printed}")

    async def stop(self) -> list[str]:
        """Stop it, and return all that it printed."""
        await self.virtual.stop()
        self.printed += [line async for line in self._lines]
        return self.printed


StartLeaf = Callable[..., Awaitable[Leaf]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """A hub's own CA and certificate, EC P-256 as the hub makes them."""

    ca_der: Path
    context: ssl.SSLContext


def make_certificates(folder: Path, *names: str) -> Certificates:
    folder.mkdir(parents=True, exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)

    def certificate(
        subject: str, public_key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")]))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
        )

    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = (
        certificate("Test CA", ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    server = (
        certificate("hub", key.public_key())
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "server.pem").write_bytes(
        server.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    ca_der = folder / "ca.der"
    ca_der.write_bytes(ca.public_bytes(serialization.Encoding.DER))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    def asked(ssl_object: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        ssl_object.asked_for = name  # type: ignore[attr-defined] # shown by Connection.server_name

    context.sni_callback = asked
    return Certificates(ca_der=ca_der, context=context)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"), "localhost", "acme.m2.hub.test")


@pytest.fixture(scope="session")
def other_ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA like the hub's, that has signed nothing here."""
    return make_certificates(tmp_path_factory.mktemp("other")).ca_der


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """A peer that listens without TLS."""
    one = Peer()
    await one.listen()
    yield one
    await one.close()


@pytest.fixture
async def tls_peer(certificates: Certificates) -> AsyncIterator[Peer]:
    """A peer that listens with TLS."""
    one = Peer()
    await one.listen(certificates.context)
    yield one
    await one.close()


@pytest.fixture
async def start_leaf(
    tmp_path: Path, micropython_interpreter: Path, umqtt_folder: Path
) -> AsyncIterator[StartLeaf]:
    """Start leaves: ``await start_leaf(peer, "drogue", name="hall")``; all end with the test."""
    assert micropython_interpreter.name  # made once, before the first leaf
    assert umqtt_folder.name
    started: list[Leaf] = []

    async def start(peer: Peer, dialect: str, **changes: object) -> Leaf:
        settings: dict[str, object] = {
            "host": "127.0.0.1",
            "port": peer.port,
            "tls": False,
            "dialect": dialect,
            "interval_s": 3600,  # one reading, right after the login
            dialect: SECTIONS[dialect],
        }
        settings |= changes
        virtual = VirtualLeaf(tmp_path / "leaf", settings)
        await virtual.start()
        leaf = Leaf(virtual)
        started.append(leaf)
        return leaf

    yield start
    for leaf in started:
        leaf.virtual.kill()
        await leaf.stop()


RunScript = Callable[[str], Coroutine[None, None, str]]


@pytest.fixture
def run_script(tmp_path: Path, micropython_interpreter: Path, umqtt_folder: Path) -> RunScript:
    """Run a piece of MicroPython with the firmware on its path; returns what it prints."""

    async def run(source: str) -> str:
        script = tmp_path / "script.py"
        script.write_text(source)
        process = await asyncio.create_subprocess_exec(
            micropython_interpreter,
            script,
            cwd=tmp_path,
            env={
                **os.environ,
                "MICROPYPATH": f"{tmp_path}:.frozen:{firmware_folder()}:{umqtt_folder}",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(WAIT_S):
            printed, _ = await process.communicate()
        return printed.decode()

    return run
