import contextlib
import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from leafhub import authority
from leafhub.certificate_files import CertificateFiles
from leafhub.data_folder import DataFolder
from leafhub.errors import ConfigurationError
from leafhub.mqtt_server.pipes import PipeFailedError
from leafhub.mqtt_server.tls import TlsPipe
from leafhub.mqtt_server.tls_context import TlsContext


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    data = DataFolder(tmp_path_factory.mktemp("data"))
    names = authority.Names(("localhost",), ())
    authority.prepare(data, names, dt.datetime.now(dt.UTC))
    return data


@pytest.fixture
def server(folder: DataFolder) -> TlsPipe:
    context = TlsContext()
    context.adopt(CertificateFiles(folder.server_certificate, folder.server_key).read())
    return context.new_pipe()


class Client:
    """The other end, over memory."""

    def __init__(self, ca: Path | None, version: ssl.TLSVersion) -> None:
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def shake_hands(self, server: TlsPipe, *, cut: int = 65_536) -> None:
        for _ in range(4):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.object.do_handshake()
            data = self.outgoing.read()
            for start in range(0, len(data), cut):
                assert server.receive(data[start : start + cut]) == b""
            self.incoming.write(server.take_output())


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cut", [1, 65_536])
def test_what_one_end_says_the_other_end_hears(
    server: TlsPipe, folder: DataFolder, version: ssl.TLSVersion, cut: int
) -> None:
    client = Client(folder.ca_certificate, version)
    client.shake_hands(server, cut=cut)
    assert server.established
    client.object.write(b"x" * 100_000)
    assert server.receive(client.outgoing.read()) == b"x" * 100_000
    server.send(b"y" * 100_000)
    client.incoming.write(server.take_output())
    heard = b""
    while len(heard) < 100_000:
        heard += client.object.read(65_536)
    assert heard == b"y" * 100_000


def test_what_comes_with_the_last_of_the_handshake_is_not_lost(
    server: TlsPipe, folder: DataFolder
) -> None:
    client = Client(folder.ca_certificate, ssl.TLSVersion.TLSv1_3)
    with pytest.raises(ssl.SSLWantReadError):
        client.object.do_handshake()
    server.receive(client.outgoing.read())
    client.incoming.write(server.take_output())
    client.object.do_handshake()
    client.object.write(b"CONNECT")
    assert server.receive(client.outgoing.read()) == b"CONNECT"


def test_nothing_is_no_failure(server: TlsPipe, folder: DataFolder) -> None:
    """The layer below may have taken all of it for itself."""
    assert server.receive(b"") == b""
    client = Client(folder.ca_certificate, ssl.TLSVersion.TLSv1_3)
    client.shake_hands(server)
    assert server.receive(b"") == b""


@pytest.mark.parametrize(
    "data",
    [
        b"\x10\x10\x00\x04MQTT",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x02\x00\x00\x05",
        b"hello",
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x03\x01\x40\x01",
    ],
)
def test_what_is_no_tls_is_told(server: TlsPipe, data: bytes) -> None:
    with pytest.raises(PipeFailedError):
        server.receive(data)
    assert not server.established


def test_a_client_that_does_not_trust_the_hub_says_so(server: TlsPipe) -> None:
    client = Client(None, ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLWantReadError):
        client.object.do_handshake()
    server.receive(client.outgoing.read())
    client.incoming.write(server.take_output())
    with pytest.raises(ssl.SSLCertVerificationError):
        client.object.do_handshake()
    with pytest.raises(PipeFailedError, match="unknown ca"):
        server.receive(client.outgoing.read())


@pytest.mark.parametrize(
    "data", [b"", b"\x16", b"\x16\x03\x01\x02", b"\x16\x03\x01\x02\x00" + bytes(511)]
)
def test_less_than_a_record_costs_no_handshake(
    server: TlsPipe, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.delattr(SSL, "Connection")
    assert (server.receive(data), server.take_output(), server.close()) == (b"", b"", b"")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_hub_takes_its_leave(
    server: TlsPipe, folder: DataFolder, version: ssl.TLSVersion
) -> None:
    client = Client(folder.ca_certificate, version)
    client.shake_hands(server)
    server.send(b"last words")
    client.incoming.write(server.take_output() + server.close())
    client.incoming.write_eof()
    assert client.object.read(100) == b"last words"
    assert client.object.read(100) == b""  # an end, not a cut: that would be SSLEOFError


def test_an_end_before_or_after_a_failure_is_quiet(server: TlsPipe, folder: DataFolder) -> None:
    assert server.close() == b""
    client = Client(folder.ca_certificate, ssl.TLSVersion.TLSv1_3)
    client.shake_hands(server)
    with pytest.raises(PipeFailedError):
        server.receive(b"\x17\x03\x03\x00\x20" + bytes(32))
    server.take_output()
    server.send(b"what was to be said")
    assert server.take_output() + server.close() == b""


def test_a_client_that_takes_its_leave_is_noticed(server: TlsPipe, folder: DataFolder) -> None:
    client = Client(folder.ca_certificate, ssl.TLSVersion.TLSv1_3)
    client.shake_hands(server)
    with pytest.raises(ssl.SSLWantReadError):
        client.object.unwrap()
    assert server.receive(client.outgoing.read()) == b""
    assert server.ended
    server.send(b"too late")
    assert server.take_output() == b""


def rsa_pair(folder: Path, bits: int) -> CertificateFiles:
    key = rsa.generate_private_key(65_537, bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = CertificateFiles(folder / "rsa.pem", folder / "rsa-key.pem")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.mark.parametrize("version", VERSIONS)
def test_an_rsa_certificate_serves_too(tmp_path: Path, version: ssl.TLSVersion) -> None:
    files = rsa_pair(tmp_path, 2048)
    context = TlsContext()
    context.adopt(files.read())
    server = context.new_pipe()
    Client(files.certificate, version).shake_hands(server)
    assert server.established


def test_a_certificate_that_openssl_finds_weak_is_refused_and_the_old_one_stays(
    tmp_path: Path, folder: DataFolder
) -> None:
    context = TlsContext()
    context.adopt(CertificateFiles(folder.server_certificate, folder.server_key).read())
    with pytest.raises(ConfigurationError, match="2048 bits"):
        context.adopt(rsa_pair(tmp_path, 1024).read())
    server = context.new_pipe()
    Client(folder.ca_certificate, ssl.TLSVersion.TLSv1_3).shake_hands(server)
    assert server.established
