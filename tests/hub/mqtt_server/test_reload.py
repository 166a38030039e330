"""Certificates that change while the hub runs."""

import asyncio
import contextlib
import datetime as dt
import logging
import os
import shutil
import signal
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from both_loops import Run
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from raw_mqtt import eventually, raw_client
from whole_hub import RunningHub, listeners, running_hub

from leafhub import authority, certificates
from leafhub.certificate_files import Certificate, CertificateFiles, CertificateWatch
from leafhub.data_folder import DataFolder
from leafhub.errors import ConfigurationError, StoreUnavailableError
from leafhub.mqtt.reason_codes import ReasonCode

NOW = dt.datetime.now(dt.UTC)
GIVEN = listeners(', tls = true, certificate = "given.pem", key = "given-key.pem"')


class Pairs:
    """Certificates and keys for ``localhost``, each with a CA of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def new(self, *, now: dt.datetime = NOW) -> CertificateFiles:
        self._count += 1
        data = DataFolder(self._folder / str(self._count))
        data.make()
        authority.prepare(data, authority.Names(("localhost",), ()), now)
        return CertificateFiles(data.server_certificate, data.server_key)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return Pairs(tmp_path_factory.mktemp("pairs"))


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return CertificateFiles(tmp_path / "given.pem", tmp_path / "given-key.pem")


def give(pair: CertificateFiles, to: CertificateFiles) -> bytes:
    """Put a pair in place, and give its certificate in DER."""
    for source, target in ((pair.key, to.key), (pair.certificate, to.certificate)):
        shutil.copy(source, target.with_suffix(".new"))
        target.with_suffix(".new").replace(target)
    return der(to.read())


def der(certificate: Certificate) -> bytes:
    return certificate.chain[0].public_bytes(serialization.Encoding.DER)


async def shown(port: int) -> bytes:
    """The certificate that a server shows, DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()
    assert isinstance(found, bytes)
    return found


async def eventually_shown(port: int, wanted: bytes) -> None:
    async def is_shown() -> bool:
        return await shown(port) == wanted

    await eventually(is_shown)


def test_a_new_certificate_is_shown_and_connections_stay(
    run: Run, pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataFolder(tmp_path)
    own = CertificateFiles(data.server_certificate, data.server_key)

    async def scenario(hub: RunningHub) -> None:
        first = der(own.read())
        async with raw_client(hub.tls_port, tls=hub.tls(), server_name="localhost") as client:
            connack = await client.connect("c", "dev1@plant-a", "pw1")
            assert connack.reason_code is ReasonCode.SUCCESS
            assert [await shown(hub.port(at)) for at in ("mqtts", "wss")] == [first, first]
            second = give(pairs.new(), own)
            for at in ("mqtts", "wss"):
                await eventually_shown(hub.port(at), second)
            await client.publish("temp", "1")

    monkeypatch.setattr(certificates, "LOOK_S", 0.05)
    run(scenario)


def test_https_shows_the_new_one_too(
    run: Run, pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataFolder(tmp_path)
    own = CertificateFiles(data.server_certificate, data.server_key)

    async def scenario(hub: RunningHub) -> None:
        port = hub.port("https")
        assert await shown(port) == der(own.read())
        await eventually_shown(port, give(pairs.new(), own))

    monkeypatch.setattr(certificates, "LOOK_S", 0.05)
    run(scenario, LEAFHUB_HTTP__LISTENERS="[{port = 0}, {port = 0, tls = true}]")


def test_sighup_takes_in_a_given_pair_at_once(
    run: Run, pairs: Pairs, files: CertificateFiles
) -> None:
    first = give(pairs.new(), files)

    async def scenario(hub: RunningHub) -> None:
        assert await shown(hub.tls_port) == first
        second = give(pairs.new(), files)
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually_shown(hub.tls_port, second)

    run(scenario, LEAFHUB_MQTT__LISTENERS=GIVEN)


def test_the_whole_chain_is_sent(run: Run, pairs: Pairs, files: CertificateFiles) -> None:
    """A client that trusts the CA alone, without knowing who is between."""
    pair = pairs.new()
    give(pair, files)
    trusting = ssl.create_default_context(cafile=pair.certificate.with_name("ca.pem"))

    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.tls_port, tls=trusting, server_name="localhost") as client:
            await client.connect("c", "dev1@plant-a", "pw1")

    run(scenario, LEAFHUB_MQTT__LISTENERS=GIVEN)
    assert len(files.read().chain) == 2


def test_the_hubs_own_certificate_is_renewed_at_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataFolder(tmp_path)
    own = CertificateFiles(data.server_certificate, data.server_key)

    async def scenario(hub: RunningHub) -> None:
        first = der(own.read())
        names = authority.names_of_this_machine("moved.test")
        monkeypatch.setattr(authority, "names_of_this_machine", lambda _: names)

        async def another_is_shown() -> bool:
            return await shown(hub.tls_port) not in {first, b""}

        await eventually(another_is_shown)
        certificate = x509.load_der_x509_certificate(await shown(hub.tls_port))
        names_shown = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert "moved.test" in names_shown.value.get_values_for_type(x509.DNSName)

    monkeypatch.setattr(certificates, "LOOK_S", 0.02)
    monkeypatch.setattr(certificates, "RENEW_S", 0.2)
    run(scenario)


def test_a_second_hub_leaves_the_firsts_certificate_alone(run: Run, tmp_path: Path) -> None:
    async def scenario(_: RunningHub) -> None:
        before = (tmp_path / "server.pem").read_bytes()
        with pytest.raises(StoreUnavailableError):
            async with running_hub(tmp_path, LEAFHUB_DOMAIN="elsewhere.test"):
                pass
        assert (tmp_path / "server.pem").read_bytes() == before

    run(scenario)


# ---- the files themselves


class Adopted(list[bytes]):
    """The certificates that were taken."""

    def adopt(self, certificate: Certificate) -> None:
        self.append(der(certificate))


def test_a_change_is_taken_when_two_looks_saw_the_same(
    pairs: Pairs, files: CertificateFiles
) -> None:
    first, second = pairs.new(), pairs.new()
    adopted, watch = Adopted(), CertificateWatch()
    give(first, files)
    adopted.adopt(watch.certificate(files, adopted.adopt))
    watch.look()
    shutil.copy(second.key, files.key)
    watch.look()
    shutil.copy(second.certificate, files.certificate)
    watch.look()
    assert len(adopted) == 1
    watch.look()
    assert adopted[1:] == [der(second.read())]
    watch.look()
    assert len(adopted) == 2


@pytest.mark.parametrize("at_once", [False, True])
def test_a_pair_that_does_not_fit_is_refused_with_one_line_and_the_old_one_stays(
    pairs: Pairs, files: CertificateFiles, caplog: pytest.LogCaptureFixture, *, at_once: bool
) -> None:
    adopted, watch = Adopted(), CertificateWatch()
    give(pairs.new(), files)
    watch.certificate(files, adopted.adopt)
    other = pairs.new()
    shutil.copy(other.certificate, files.certificate)
    for _ in range(4):
        watch.look(at_once=at_once)
    assert adopted == []
    assert caplog.text.count("the old one stays") == 1
    assert "is not the key of" in caplog.text
    shutil.copy(other.key, files.key)
    for _ in range(2):
        watch.look(at_once=at_once)
    assert adopted == [der(other.read())]


def test_a_pair_that_goes_away_is_told_and_the_old_one_stays(
    pairs: Pairs, files: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    adopted, watch = Adopted(), CertificateWatch()
    give(pairs.new(), files)
    watch.certificate(files, adopted.adopt)
    files.key.unlink()
    for _ in range(3):
        watch.look()
    assert (adopted, caplog.text.count("the old one stays")) == ([], 1)


def encrypted(content: bytes) -> bytes:
    key = serialization.load_pem_private_key(content, None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def of_another_kind(_: bytes) -> bytes:
    return ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (encrypted, "is encrypted; write it without.*openssl pkey"),
        (of_another_kind, "neither an EC nor an RSA key"),
        (lambda _: b"", "no private key in PEM.*name the file"),
        (lambda content: content[:100], "no private key in PEM.*name the file"),
    ],
    ids=["encrypted", "another kind", "empty", "cut off"],
)
def test_what_is_wrong_with_a_key_is_told_with_its_cure(
    pairs: Pairs, files: CertificateFiles, spoil: Callable[[bytes], bytes], words: str
) -> None:
    give(pairs.new(), files)
    files.key.write_bytes(spoil(files.key.read_bytes()))
    with pytest.raises(ConfigurationError, match=words) as caught:
        files.read()
    assert caught.value.path == str(files.key)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_wrong_with_a_certificate_is_told(
    pairs: Pairs, files: CertificateFiles, content: bytes
) -> None:
    give(pairs.new(), files)
    files.certificate.write_bytes(content)
    with pytest.raises(
        ConfigurationError, match=r"no certificate in PEM.*name the file"
    ) as caught:
        files.read()
    assert caught.value.path == str(files.certificate)


def test_a_file_that_is_not_there_is_told(pairs: Pairs, files: CertificateFiles) -> None:
    give(pairs.new(), files)
    files.certificate.unlink()
    with pytest.raises(ConfigurationError, match=r"cannot be read.*see that it is there"):
        files.read()


def test_a_certificate_that_ended_is_shown_all_the_same_and_told(
    pairs: Pairs, files: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    give(pairs.new(now=NOW - dt.timedelta(days=500)), files)
    caplog.set_level(logging.WARNING)
    CertificateWatch().certificate(files, Adopted().adopt)
    assert "ended on" in caplog.text
