"""Certificates for tests: authorities, those below them, and what goes wrong with them."""

import datetime as dt
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
SINCE = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
UNTIL = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)


class Issued:
    """A certificate and its key."""

    def __init__(self, certificate: x509.Certificate, key: Key) -> None:
        self.certificate = certificate
        self.key = key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        form = PrivateFormat.PKCS8
        return self.key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def key_usage(**uses: bool) -> x509.KeyUsage:
    """A usage of the named bits and no other."""
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: uses.get(name, False) for name in names})


_KEYS = {
    "CN": NameOID.COMMON_NAME,
    "C": NameOID.COUNTRY_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "Email": NameOID.EMAIL_ADDRESS,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}


def subject(text: str) -> x509.Name:
    """A name like ``CN=plug, O=Drogue IoT``, in that order; no value has a comma in it."""
    parts = (part.split("=", 1) for part in text.split(", "))
    return x509.Name([x509.NameAttribute(_KEYS[key], value) for key, value in parts])


def issue(
    *names: str,
    by: Issued | None = None,
    key: Key | None = None,
    since: dt.datetime = SINCE,
    until: dt.datetime = UNTIL,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    subject: x509.Name | None = None,
) -> Issued:
    """A certificate with those Common Names, signed ``by`` another or by itself.

    ``subject`` is its whole name, in place of Common Names.
    """
    own = ec.generate_private_key(ec.SECP256R1()) if key is None else key
    if subject is None:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signer = own if by is None else by.key
    bare = isinstance(signer, ed25519.Ed25519PrivateKey)  # its signature hashes by itself
    return Issued(builder.sign(signer, None if bare else hashes.SHA256()), own)


def authority(
    name: str,
    by: Issued | None = None,
    path_length: int | None = None,
    *,
    until: dt.datetime = UNTIL,
    subject: x509.Name | None = None,
) -> Issued:
    """One that may sign others."""
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return issue(name, by=by, until=until, extensions=((constraints, True),), subject=subject)


SIGNS = (x509.BasicConstraints(ca=True, path_length=None), True)
SIGNS_NONE = (x509.BasicConstraints(ca=False, path_length=None), True)
FOR_CLIENTS = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
FOR_SERVERS = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)


def _read(pem: str) -> Issued:
    data = pem.encode()
    key = load_pem_private_key(data, password=None)
    assert isinstance(key, Key)
    return Issued(x509.load_pem_x509_certificate(data), key)


OLD_ROOT = _read("""
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIOqA0sdvi5qpKNwT5NetIh4jxNOUqBoryg5y+HoVNCkKoAoGCCqGSM49
AwEHoUQDQgAE2ciiGWncJrZKUmpqeQRV5HfQ7N28SHvukCkYsx2yRpMA/oooJsQA
fO7LMMI+hP5V9MLoYEz33cU/ydsfyZrwCA==
-----END EC PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBOjCB4AIBATAKBggqhkjOPQQDAjAoMRMwEQYDVQQKDApEcm9ndWUgSW9UMREw
DwYDVQQDDAhvbGQgcm9vdDAgFw0yNjExMjExODM2MjVaGA8yMTI2MTAyODE4MzYy
NVowKDETMBEGA1UECgwKRHJvZ3VlIElvVDERMA8GA1UEAwwIb2xkIHJvb3QwWTAT
BgcqhkjOPQIBBggqhkjOPQMBBwNCAATZyKIZadwmtkpSamp5BFXkd9Ds3bxIe+6Q
KRizHbJGkwD+iigmxAB87sswwj6E/lX0wuhgTPfdxT/J2x/JmvAIMAoGCCqGSM49
BAMCA0kAMEYCIQD82PyWA1AyU3IJWK8G9pb3oD1wsDIIuIp8vgvK0YMyKAIhAMU1
ZkM17658EaHKT66pIWI+ud4rLpwauvhrDUN8Dc2G
-----END CERTIFICATE-----
""")
"""``O=Drogue IoT, CN=old root``, of version 1, which no library makes any more; until 2126."""
