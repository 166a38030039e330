"""Pre-shared keys: who has one is known by it, and nobody else is."""

import asyncio
import contextlib
import datetime as dt
import logging
import subprocess
from pathlib import Path

import mosquitto
import pytest
from both_loops import LOOPS, Run, runner
from OpenSSL import SSL
from openssl_client import OpenSslClient
from whole_hub import RunningHub
from worlds import BROKER

from leafhub import authority
from leafhub.certificate_files import Certificate, CertificateFiles
from leafhub.data_folder import DataFolder
from leafhub.dialects.base import Peer
from leafhub.mqtt_server.pipes import PipeFailedError
from leafhub.mqtt_server.pre_shared_keys import PreSharedKeys
from leafhub.mqtt_server.tls import TlsPipe
from leafhub.mqtt_server.tls_context import TlsContext

KEY = bytes(range(16))
KEYS = {"plug": KEY, "lamp": KEY[::-1], "long": b"k" * 64}
VERSIONS = {"TLS 1.2": SSL.TLS1_2_VERSION, "TLS 1.3": SSL.TLS1_3_VERSION}
NOBODY = Peer(address="192.0.2.1", tls=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    data = DataFolder(tmp_path_factory.mktemp("data"))
    authority.prepare(data, authority.Names(("localhost",), ()), dt.datetime.now(dt.UTC))
    return CertificateFiles(data.server_certificate, data.server_key).read()


@pytest.fixture
def context(certificate: Certificate) -> TlsContext:
    context = TlsContext(client_certificates=True, keys=PreSharedKeys(KEYS.get))
    context.adopt(certificate)
    return context


@pytest.fixture
def server(context: TlsContext) -> TlsPipe:
    return context.new_pipe()


@pytest.fixture(params=list(VERSIONS.values()), ids=list(VERSIONS))
def version(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


def test_a_client_that_offers_every_suite_gets_to_use_its_key(
    server: TlsPipe, version: int
) -> None:
    OpenSslClient(version, psk=(b"plug", KEY)).shake_hands(server)
    assert server.describe(NOBODY).psk_identity == "plug"


@pytest.mark.parametrize("identity", KEYS)
def test_who_has_the_key_is_known_by_its_identity(
    server: TlsPipe, version: int, identity: str
) -> None:
    psk = identity.encode(), KEYS[identity]
    client = OpenSslClient(version, psk=psk, suites=suites(version))
    client.shake_hands(server)
    assert server.receive(client.say(b"CONNECT")) == b"CONNECT"
    assert server.describe(NOBODY).psk_identity == identity
    server.send(b"CONNACK")
    assert client.hear(server.take_output()) == b"CONNACK"


def suites(version: int) -> str:
    return "PSK" if version == SSL.TLS1_2_VERSION else "TLS_AES_128_GCM_SHA256"


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-PSK-CHACHA20-POLY1305",
        "ECDHE-PSK-AES128-CBC-SHA256",
        "PSK-AES128-GCM-SHA256",
        "PSK-AES256-GCM-SHA384",
        "PSK-CHACHA20-POLY1305",
        "PSK-AES128-CCM",
        "PSK-AES128-CBC-SHA256",
    ],
)
def test_suites_of_boards(server: TlsPipe, suite: str) -> None:
    client = OpenSslClient(SSL.TLS1_2_VERSION, psk=(b"plug", KEY), suites=suite)
    client.shake_hands(server)
    assert (client.tls.get_cipher_name(), server.established) == (suite, True)
    assert server.describe(NOBODY).psk_identity == "plug"


def test_a_wrong_key_ends_it(server: TlsPipe, version: int) -> None:
    client = OpenSslClient(version, psk=(b"plug", b"guess"), suites=suites(version))
    with pytest.raises(
        PipeFailedError, match=r"no TLS with the pre-shared key of 'plug': .*wrong"
    ):
        client.shake_hands(server)
    assert not server.established


def test_an_unknown_identity_ends_it(server: TlsPipe) -> None:
    client = OpenSslClient(SSL.TLS1_2_VERSION, psk=(b"nobody", KEY), suites="PSK")
    with pytest.raises(
        PipeFailedError, match=r"no TLS with the pre-shared key of 'nobody': .*nobody has"
    ):
        client.shake_hands(server)


@pytest.mark.parametrize("identity", [b"nobody", b"\xff\xfe", b"x" * 127])
def test_an_unknown_identity_is_nobody_where_the_certificate_is_enough(
    server: TlsPipe, identity: bytes
) -> None:
    client = OpenSslClient(SSL.TLS1_3_VERSION, psk=(identity, KEY))
    client.shake_hands(server)
    assert server.established
    assert server.describe(NOBODY).psk_identity is None


def test_to_name_somebody_without_the_key_proves_nothing(server: TlsPipe) -> None:
    """A suite that does not go with the key lets TLS 1.3 go on with the certificate."""
    client = OpenSslClient(
        SSL.TLS1_3_VERSION, psk=(b"plug", b"guess"), suites="TLS_AES_256_GCM_SHA384"
    )
    client.shake_hands(server)
    assert server.established
    assert server.describe(NOBODY).psk_identity is None


def test_handshakes_that_run_side_by_side_are_kept_apart(
    context: TlsContext, version: int
) -> None:
    pairs = []
    for identity in ("plug", "lamp"):
        client = OpenSslClient(
            version, psk=(identity.encode(), KEYS[identity]), suites=suites(version)
        )
        pairs.append((identity, client, context.new_pipe()))
    other = OpenSslClient(version)
    pairs.insert(1, ("", other, context.new_pipe()))
    for _ in range(3):  # each message of one, then of the next
        for _, client, pipe in pairs:
            with contextlib.suppress(SSL.WantReadError):
                client.tls.do_handshake()
            data = client.output()
            if data:
                pipe.receive(data)
                answer = pipe.take_output()
                if answer:
                    client.tls.bio_write(answer)
    assert [pipe.established for _, _, pipe in pairs] == [True, True, True]
    found = [pipe.describe(NOBODY).psk_identity or "" for _, _, pipe in pairs]
    assert found == [identity for identity, _, _ in pairs]


def test_no_session_is_resumed_so_nobody_comes_back_as_who_they_were(
    context: TlsContext, version: int
) -> None:
    first = OpenSslClient(version, psk=(b"plug", KEY), suites=suites(version))
    server = context.new_pipe()
    first.shake_hands(server)
    server.send(b"hello")
    assert first.hear(server.take_output()) == b"hello"
    session = first.tls.get_session()
    assert session is not None
    first._psk = (b"nobody", b"guess")
    again = SSL.Connection(first.context, None)
    again.set_session(session)
    again.set_connect_state()
    first.tls, server = again, context.new_pipe()
    try:
        first.shake_hands(server)
    except (PipeFailedError, SSL.Error):
        assert version == SSL.TLS1_2_VERSION  # "PSK" is all it offers, and it has none
    assert server.describe(NOBODY).psk_identity is None


def test_a_mistake_of_the_hub_is_told_and_lets_nobody_in(
    certificate: Certificate, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(_: str) -> bytes | None:
        raise LookupError

    context = TlsContext(keys=PreSharedKeys(mistaken))
    context.adopt(certificate)
    server = context.new_pipe()
    client = OpenSslClient(version, psk=(b"plug", KEY), suites=suites(version))
    try:
        client.shake_hands(server)
    except PipeFailedError:
        assert version == SSL.TLS1_2_VERSION
    assert server.describe(NOBODY).psk_identity is None
    assert "a mistake of the hub" in caplog.text


WITH_PSK = (
    BROKER
    + f"""
[[application.device]]
id = "plug"
credentials = [{{ kind = "psk", secret = "{KEY.hex()}", username = "plug-1" }}]
"""
)


@pytest.fixture(params=LOOPS)
def run_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(tmp_path, request.param, WITH_PSK)


def publish(hub: RunningHub, *arguments: str) -> subprocess.CompletedProcess[str]:
    program, _ = mosquitto.programs()
    where = ("-h", "127.0.0.1", "-p", str(hub.tls_port), "-t", "tele/plug/state", "-m", "1")
    return subprocess.run(  # noqa: S603 - a program that the tests brought
        [program, *where, *arguments], capture_output=True, text=True, timeout=20, check=False
    )


def test_mosquitto_comes_in_with_a_key_alone(
    run_broker: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(hub: RunningHub) -> None:
        with_key = ("--psk-identity", "plug-1", "-q", "1")
        good = await asyncio.to_thread(publish, hub, "--psk", KEY.hex(), *with_key)
        assert (good.returncode, good.stderr) == (0, "")
        page = await hub.events(application="workshop", channel="tele/plug/state")
        assert [(each.device, bytes(each.data)) for each in page.events] == [("plug", b"1")]
        bad = await asyncio.to_thread(publish, hub, "--psk", "00" * 16, *with_key)
        assert bad.returncode != 0

    run_broker(scenario)
    assert caplog.text.count(" connected from ") == 1
    assert caplog.text.count("no TLS with the pre-shared key of 'plug-1': ") == 1
