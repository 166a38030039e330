"""Whatever certificate a client shows, the handshake takes it, and hands it up unjudged."""

import contextlib
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from openssl_client import OpenSslClient

from leafhub import authority
from leafhub.certificate_files import Certificate, CertificateFiles
from leafhub.data_folder import DataFolder
from leafhub.dialects.base import Peer
from leafhub.mqtt_server.pipes import PipeFailedError
from leafhub.mqtt_server.settings import MqttListener
from leafhub.mqtt_server.tls import MAXIMUM_CERTIFICATES, TlsPipe
from leafhub.mqtt_server.tls_context import TlsContext

VERSIONS = {"TLS 1.2": SSL.TLS1_2_VERSION, "TLS 1.3": SSL.TLS1_3_VERSION}
NOBODY = Peer(address="192.0.2.1", tls=False)
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    data = DataFolder(tmp_path_factory.mktemp("data"))
    authority.prepare(data, authority.Names(("localhost",), ()), NOW)
    return CertificateFiles(data.server_certificate, data.server_key).read()


@pytest.fixture
def server(certificate: Certificate) -> TlsPipe:
    context = TlsContext(client_certificates=True)
    context.adopt(certificate)
    return context.new_pipe()


@pytest.fixture(params=list(VERSIONS.values()), ids=list(VERSIONS))
def version(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def signed(
    name: str,
    by: Signed | None = None,
    *,
    begin: dt.datetime = NOW - DAY,
    end: dt.datetime = NOW + DAY,
) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (subject, key) if by is None else (by[0].subject, by[1])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .sign(issuer_key, hashes.SHA256())
    )
    return certificate, key


def der(*certificates: x509.Certificate) -> tuple[bytes, ...]:
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)


AUTHORITY = signed("somebody's own")
SHOWN = {
    "self-signed": signed("plug"),
    "unknown authority": signed("plug", AUTHORITY),
    "expired": signed("plug", AUTHORITY, begin=NOW - 3 * DAY, end=NOW - DAY),
    "not yet": signed("plug", AUTHORITY, begin=NOW + DAY, end=NOW + 2 * DAY),
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_any_certificate_is_taken_and_handed_up(
    server: TlsPipe, version: int, shown: Signed
) -> None:
    client = OpenSslClient(version, certificate=([shown[0]], shown[1]))
    client.shake_hands(server)
    assert server.receive(client.say(b"CONNECT")) == b"CONNECT"
    peer = server.describe(NOBODY)
    assert (peer.tls, peer.certificates, peer.psk_identity) == (True, der(shown[0]), None)


def test_the_chain_comes_in_its_order_and_has_an_end(server: TlsPipe, version: int) -> None:
    chain = [AUTHORITY]
    for number in range(MAXIMUM_CERTIFICATES + 2):
        chain.append(signed(f"issuer {number}", chain[-1]))
    own = signed("plug", chain[-1])
    shown = [own[0], *(each for each, _ in reversed(chain))]
    OpenSslClient(version, certificate=(shown, own[1])).shake_hands(server)
    assert server.describe(NOBODY).certificates == der(*shown[:MAXIMUM_CERTIFICATES])


def test_a_client_without_one_comes_in_too(server: TlsPipe, version: int) -> None:
    client = OpenSslClient(version, server_name="Hub.Example")
    client.shake_hands(server)
    assert server.receive(client.say(b"CONNECT")) == b"CONNECT"
    peer = server.describe(NOBODY)
    assert (peer.tls, peer.certificates, peer.server_name) == (True, (), "hub.example")


def test_somebody_elses_certificate_is_not_enough(server: TlsPipe) -> None:
    """OpenSSL's client does not try that; so the certificate is exchanged on its way."""
    own, key = signed("plug")
    (mine,), (theirs,) = der(own), der(signed("plug")[0])
    while len(theirs) != len(mine):  # a signature may be a byte shorter
        (theirs,) = der(signed("plug")[0])
    client = OpenSslClient(SSL.TLS1_2_VERSION, certificate=([own], key))
    with contextlib.suppress(SSL.WantReadError):
        client.tls.do_handshake()
    server.receive(client.output())
    client.tls.bio_write(server.take_output())
    with contextlib.suppress(SSL.WantReadError):
        client.tls.do_handshake()
    answer = client.output()
    assert mine in answer
    with pytest.raises(PipeFailedError, match="signature"):
        server.receive(answer.replace(mine, theirs))
    assert not server.established
    assert server.describe(NOBODY).certificates == ()


def test_nobody_comes_back_by_a_session_in_place_of_a_certificate(
    certificate: Certificate, version: int
) -> None:
    context = TlsContext(client_certificates=True)
    context.adopt(certificate)
    own, key = SHOWN["self-signed"]
    first, server = OpenSslClient(version, certificate=([own], key)), context.new_pipe()
    first.shake_hands(server)
    server.send(b"hello")
    assert first.hear(server.take_output()) == b"hello"  # tickets would have come before
    session = first.tls.get_session()
    assert session is not None
    with_session = SSL.Connection(first.context, None)
    with_session.set_session(session)
    with_session.set_connect_state()
    again, server = OpenSslClient(version), context.new_pipe()
    again.tls = with_session
    again.shake_hands(server)
    assert (server.established, again.is_resumed) == (True, False)


def test_nobody_is_asked_where_the_listener_is_not_to(
    certificate: Certificate, version: int
) -> None:
    context = TlsContext()
    context.adopt(certificate)
    server = context.new_pipe()
    own, key = SHOWN["self-signed"]
    OpenSslClient(version, certificate=([own], key)).shake_hands(server)
    assert server.established
    assert server.describe(NOBODY).certificates == ()


@pytest.mark.parametrize(
    ("listener", "asks"),
    [
        (MqttListener(port=0), False),
        (MqttListener(port=0, tls=True), True),
        (MqttListener(port=0, tls=True, websocket=True), False),
        (MqttListener(port=0, tls=True, websocket=True, client_certificates=True), True),
        (MqttListener(port=0, tls=True, client_certificates=False), False),
    ],
)
def test_who_is_asked(listener: MqttListener, *, asks: bool) -> None:
    assert listener.asks_for_certificates is asks


def test_a_client_that_wants_to_negotiate_anew_is_not_followed(server: TlsPipe) -> None:
    client = OpenSslClient(SSL.TLS1_2_VERSION)
    client.shake_hands(server)
    client.tls.renegotiate()
    with pytest.raises(SSL.WantReadError):
        client.tls.do_handshake()
    assert server.receive(client.output()) == b""
    client.tls.bio_write(server.take_output())
    with pytest.raises(SSL.Error, match="no renegotiation"):
        client.tls.do_handshake()
