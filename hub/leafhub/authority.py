"""The hub's own certificate authority and the server certificate it gives the hub.

Boards set the terms: EC P-256 verifies fastest there, the CA is also kept in DER because
MicroPython wants that, and names and addresses stand in the certificate's subject alternative
name, the only place that clients look at.
"""

import datetime as dt
import ipaddress
import secrets
import socket
from pathlib import Path

import ifaddr
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from leafhub.data_folder import PUBLIC, SECRET, DataFolder, write
from leafhub.errors import ConfigurationError

CA_DAYS = 3650  # boards carry it: as long as they live
SERVER_DAYS = 397  # the longest that browsers and operating systems accept
RENEW_DAYS = 30  # looked at once a day: also a hub that is off for weeks shows no expired one
BEGIN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
"""Certificates hold from here on: a Pico W without a clock believes it is 2021, and checks."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Names(msgspec.Struct, frozen=True):
    """What the hub is called: DNS names, the first as common name, and IP addresses."""

    dns: tuple[str, ...]
    addresses: tuple[Address, ...]


class Prepared(msgspec.Struct, frozen=True):
    """What ``prepare`` had to make: a CA, a server certificate and, in words, why."""

    new_ca: bool
    new_certificate: bool
    reason: str


def names_of_this_machine(domain: str) -> Names:
    """Every name and address under which clients may reach this hub.

    Args:
        domain: The hub's own domain; the vendors' names stand below it.
    """
    host = socket.gethostname().lower().removesuffix(".local")
    own = (domain, f"*.m2.{domain}", f"api.{domain}")
    plain = (host.partition(".")[0], host, f"{host.partition('.')[0]}.local", "localhost", *own)
    found = {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text)
            if address.version == 4 or not address.is_link_local:  # those need a zone, too
                found.add(address)
    return Names(
        tuple(dict.fromkeys(name for name in plain if _is_host_name(name))),
        tuple(sorted(found, key=lambda a: (a.version, int(a)))),
    )


def prepare(folder: DataFolder, names: Names, now: dt.datetime) -> Prepared:
    """See to it that the folder holds a CA, and a certificate of that CA that fits the hub.

    Args:
        folder: Where the files are.
        names: What the hub is called now.
        now: With time zone.

    Raises:
        ConfigurationError: A file is there but cannot be used, or none can be written.
    """
    new_ca = not (folder.ca_key.exists() and folder.ca_certificate.exists())
    if new_ca:
        if folder.ca_key.exists() or folder.ca_certificate.exists():
            raise ConfigurationError(
                "one of ca.pem and ca-key.pem is missing; restore it from your backup, or remove "
                "both and give every board the new ca.der",
                path=str(folder.path),
            )
        _make_ca(folder, now)
    ca, ca_key = _read_ca(folder)
    if not folder.ca_certificate_der.exists():
        write(
            folder.ca_certificate_der,
            ca.public_bytes(serialization.Encoding.DER),
            mode=PUBLIC,
        )
    reason = _why_renew(folder, ca, names, now)
    if reason:
        _make_server_certificate(folder, ca, ca_key, names, now)
    return Prepared(new_ca, bool(reason), reason)


def _why_renew(folder: DataFolder, ca: x509.Certificate, names: Names, now: dt.datetime) -> str:
    if not (folder.server_certificate.exists() and folder.server_key.exists()):
        return "there was none"
    try:
        certificate = x509.load_pem_x509_certificate(folder.server_certificate.read_bytes())
        certificate.verify_directly_issued_by(ca)
        key = serialization.load_pem_private_key(folder.server_key.read_bytes(), None)
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception as exc:  # noqa: BLE001 - whatever is wrong with it, a new one puts it right
        return f"the old one is damaged ({type(exc).__name__})"
    missing = [str(a) for a in names.addresses if a not in san.get_values_for_type(x509.IPAddress)]
    missing += [name for name in names.dns if name not in san.get_values_for_type(x509.DNSName)]
    reasons = {
        "the old one's key is another's": key.public_key() != certificate.public_key(),
        f"the hub is now also {', '.join(missing)}": missing,
        f"the old one ends on {certificate.not_valid_after_utc:%Y-%m-%d}": (
            certificate.not_valid_after_utc - now < dt.timedelta(days=RENEW_DAYS)
        ),
    }
    return "; ".join(reason for reason, applies in reasons.items() if applies)


def _make_ca(folder: DataFolder, now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Leafhub"),
            # Two hubs' CAs must not have one name, or clients that trust both pick the wrong one.
            x509.NameAttribute(NameOID.COMMON_NAME, f"Leafhub CA {secrets.token_hex(4)}"),
        ]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder(name, name, key.public_key(), now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    write(folder.ca_key, _private(key), mode=SECRET)
    write(
        folder.ca_certificate_der,
        certificate.public_bytes(serialization.Encoding.DER),
        mode=PUBLIC,
    )
    write(
        folder.ca_certificate,
        certificate.public_bytes(serialization.Encoding.PEM),
        mode=PUBLIC,
    )


def _make_server_certificate(
    folder: DataFolder,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: Names,
    now: dt.datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names.dns[0][:64])])
    general: list[x509.GeneralName] = [x509.DNSName(name) for name in names.dns]
    general += [x509.IPAddress(address) for address in names.addresses]
    ca_identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(subject, ca.subject, key.public_key(), now, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName(general), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_identifier),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    chain = certificate.public_bytes(serialization.Encoding.PEM) + ca.public_bytes(
        serialization.Encoding.PEM
    )
    # Key first: a power cut between the two leaves a pair that does not fit, which is renewed.
    write(folder.server_key, _private(key), mode=SECRET)
    write(folder.server_certificate, chain, mode=PUBLIC)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read_ca(folder: DataFolder) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(_content(folder.ca_certificate))
        key = serialization.load_pem_private_key(_content(folder.ca_key), None)
    except (ValueError, TypeError) as exc:
        raise ConfigurationError(
            f"ca.pem or ca-key.pem is damaged ({exc}); restore both from one backup",
            path=str(folder.path),
        ) from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError("is not an EC key", path=str(folder.ca_key))
    if key.public_key() != certificate.public_key():
        raise ConfigurationError(
            "is not the key of ca.pem; restore both from one backup", path=str(folder.ca_key)
        )
    return certificate, key


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigurationError(
            f"cannot be read ({exc.strerror}); run the hub as the user that owns it",
            path=str(path),
        ) from exc


def _is_host_name(name: str) -> bool:
    labels = name.removeprefix("*.").split(".")
    return len(name) <= 253 and all(
        0 < len(label) <= 63 and label.isascii() and label.replace("-", "").isalnum()
        for label in labels
    )
