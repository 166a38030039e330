import datetime as dt
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from leafhub import authority
from leafhub.data_folder import DataFolder
from leafhub.errors import ConfigurationError

NOW = dt.datetime.now(dt.UTC)
NAMES = authority.Names(
    ("pi.local", "localhost", "*.m2.hub.example"), (ipaddress.ip_address("127.0.0.1"),)
)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def handshake(folder: DataFolder, name: str, ca: Path) -> None:
    """A TLS handshake over a real socket between the hub's certificate and a client's trust."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(folder.server_certificate, folder.server_key)
    trust = ssl.create_default_context(cafile=ca)
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            served.wrap_socket(there, server_side=True).close()
        except OSError:
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with trust.wrap_socket(here, server_hostname=name):
            pass
    finally:
        here.close()
        thread.join()


@pytest.mark.parametrize("name", ["pi.local", "127.0.0.1", "tenant.m2.hub.example"])
def test_clients_that_trust_the_ca_reach_the_hub_by_every_name(
    folder: DataFolder, name: str
) -> None:
    authority.prepare(folder, NAMES, NOW)
    handshake(folder, name, folder.ca_certificate)


def test_a_client_that_asks_for_another_name_is_warned(folder: DataFolder) -> None:
    authority.prepare(folder, NAMES, NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(folder, "other.example", folder.ca_certificate)


def test_keys_are_for_the_owner_only_and_the_ca_for_all(folder: DataFolder) -> None:
    authority.prepare(folder, NAMES, NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.path.iterdir()}
    assert modes == {
        "ca.pem": 0o644,
        "ca.der": 0o644,
        "server.pem": 0o644,
        "ca-key.pem": 0o600,
        "server-key.pem": 0o600,
    }


def test_the_ca_is_ec_and_alike_in_pem_and_der(folder: DataFolder) -> None:
    authority.prepare(folder, NAMES, NOW)
    pem = x509.load_pem_x509_certificate(folder.ca_certificate.read_bytes())
    assert pem == x509.load_der_x509_certificate(folder.ca_certificate_der.read_bytes())
    key = pem.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert pem.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_second_start_makes_nothing_new(folder: DataFolder) -> None:
    first = authority.prepare(folder, NAMES, NOW)
    assert (first.new_ca, first.new_certificate) == (True, True)
    before = folder.server_certificate.read_bytes()
    second = authority.prepare(folder, NAMES, NOW + dt.timedelta(days=300))
    assert (second.new_ca, second.new_certificate) == (False, False)
    assert folder.server_certificate.read_bytes() == before


def test_fewer_names_than_before_make_nothing_new(folder: DataFolder) -> None:
    authority.prepare(folder, NAMES, NOW)
    fewer = authority.Names(("localhost",), ())
    assert not authority.prepare(folder, fewer, NOW).new_certificate


@pytest.mark.parametrize(
    ("names", "days", "words"),
    [
        (authority.Names((*NAMES.dns, "new.local"), NAMES.addresses), 0, "also new.local"),
        (
            authority.Names(NAMES.dns, (ipaddress.ip_address("192.0.2.9"),)),
            0,
            "also 192.0.2.9",
        ),
        (NAMES, authority.SERVER_DAYS - authority.RENEW_DAYS, "the old one ends on"),
    ],
)
def test_the_certificate_is_renewed_under_the_same_ca(
    folder: DataFolder, names: authority.Names, days: int, words: str
) -> None:
    authority.prepare(folder, NAMES, NOW)
    ca = folder.ca_certificate.read_bytes()
    renewed = authority.prepare(folder, names, NOW + dt.timedelta(days=days))
    assert renewed.new_certificate
    assert words in renewed.reason
    assert folder.ca_certificate.read_bytes() == ca


def test_a_damaged_certificate_is_made_anew(folder: DataFolder) -> None:
    authority.prepare(folder, NAMES, NOW)
    folder.server_certificate.write_bytes(b"half a")
    assert "damaged" in authority.prepare(folder, NAMES, NOW).reason
    handshake(folder, "localhost", folder.ca_certificate)


@pytest.mark.parametrize("lost", ["ca.pem", "ca-key.pem"])
def test_half_a_ca_is_never_replaced_in_silence(folder: DataFolder, lost: str) -> None:
    authority.prepare(folder, NAMES, NOW)
    (folder.path / lost).unlink()
    with pytest.raises(ConfigurationError, match="backup"):
        authority.prepare(folder, NAMES, NOW)


def test_this_machine_is_known_by_loopback_and_the_hubs_domain() -> None:
    names = authority.names_of_this_machine("hub.example")
    assert {"localhost", "hub.example", "*.m2.hub.example", "api.hub.example"} <= set(names.dns)
    assert {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")} <= set(names.addresses)


def test_a_board_that_believes_it_is_2021_accepts_both_certificates(folder: DataFolder) -> None:
    authority.prepare(folder, NAMES, NOW)
    for path in (folder.ca_certificate, folder.server_certificate):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        assert certificate.not_valid_before_utc < dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
