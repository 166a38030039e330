"""Whether a client certificate proves what stands in it (RFC 5280 §6.1, as far as clients need).

The transport has seen that the client holds the key, and nothing else. A dialect reads what was
shown once for each login, then either knows the certificate itself by its fingerprint, or follows
signatures to an authority that it trusts. Which name in the certificate means whom is the
dialect's own affair.

Policies, name constraints and revocation lists are not judged: a certificate that insists on one
of them proves nothing here, and one that is to be revoked is taken out by disabling whom it names.
"""

import datetime as dt
import functools
import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from leafhub.dialects.log_text import quoted
from leafhub.errors import HubError

LONGEST_CHAIN: Final = 5
"""Certificates of one client: its own, and more intermediates than anybody uses."""
LARGEST_CERTIFICATE_BYTES: Final = 16_384
"""DER of one certificate; with an RSA key of 4096 bits it is below 2 KiB."""
PEM_BEGINS: Final = b"-----BEGIN CERTIFICATE-----"
SHORTEST_RSA_BITS: Final = 2048
"""What an RSA key must have (NIST SP 800-131A)."""

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
_UNREADABLE = (ValueError, TypeError, x509.InvalidVersion)  # what the library says of bad bytes
_CLIENT_USES = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class CertificateError(HubError):
    """A certificate proves nothing; the text says why, for the log."""


class UnknownAuthorityError(CertificateError):
    """Nobody who is trusted here signed it."""


class Shown(msgspec.Struct, frozen=True):
    """What a client showed in its handshake.

    Attributes:
        certificate: Its own.
        intermediates: What it sent with it, in any order, perhaps of no use.
        fingerprint: SHA-256 of its own certificate, 64 lower-case hexadecimal digits.
    """

    certificate: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    fingerprint: str


def read(chain: Sequence[bytes]) -> Shown:
    """Read the certificates of ``Peer.certificates``.

    Raises:
        CertificateError: They are too many, too large, or none.
    """
    if not 1 <= len(chain) <= LONGEST_CHAIN:
        raise CertificateError(f"{len(chain)} certificates; 1 to {LONGEST_CHAIN} are read")
    if max(map(len, chain)) > LARGEST_CERTIFICATE_BYTES:
        raise CertificateError(f"a certificate over {LARGEST_CERTIFICATE_BYTES} bytes")
    try:
        own, *others = map(x509.load_der_x509_certificate, chain)
        _read_names(own, *others)
    except _UNREADABLE as exc:
        raise CertificateError("a certificate that cannot be read") from exc
    return Shown(own, tuple(others), hashlib.sha256(chain[0]).hexdigest())


def load(data: bytes) -> x509.Certificate:
    """Read one certificate: DER, or the first one in a PEM text.

    Raises:
        CertificateError: It cannot be read.
    """
    is_pem = PEM_BEGINS in data
    try:
        certificate = (
            x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
        )(data)
        _read_names(certificate)
    except _UNREADABLE as exc:
        raise CertificateError("a certificate that cannot be read") from exc
    return certificate


@functools.lru_cache(maxsize=256)  # spaces; each login asks for them, and they hardly change
def authorities(pems: tuple[str, ...]) -> tuple[x509.Certificate, ...]:
    """Read what people declared as authorities; a text may hold several certificates.

    Raises:
        CertificateError: One is no certificate, or none of an authority.
    """
    found: list[x509.Certificate] = []
    for pem in pems:
        try:
            certificates = x509.load_pem_x509_certificates(pem.encode())
            _read_names(*certificates)
        except _UNREADABLE as exc:
            raise CertificateError("no certificate in PEM form") from exc
        for certificate in certificates:
            check_authority(certificate)
        found += certificates
    return tuple(found)


def prove(shown: Shown, trusted: Sequence[x509.Certificate], time_us: int) -> x509.Certificate:
    """Follow signatures from a client's certificate to one of ``trusted``, and give that back.

    Args:
        shown: As read.
        trusted: Authorities.
        time_us: Now, microseconds since the epoch.

    Raises:
        UnknownAuthorityError: No signature leads to any of them.
        CertificateError: One does, and something on the way is not as it must be.
    """
    trouble: CertificateError = UnknownAuthorityError(
        f"signed by nobody known here, but by {_named(shown.certificate.issuer)}"
    )
    for path in _paths(shown.certificate, shown.intermediates, trusted):
        try:
            _check_path(path, time_us)
        except CertificateError as exc:
            trouble = exc
        else:
            return path[-1]
    raise trouble


def describe(chain: Sequence[bytes]) -> str:
    """Whose certificate it is, and who signed it, for the log."""
    try:
        certificate = read(chain).certificate
    except CertificateError as exc:
        return str(exc)
    return f"{_named(certificate.subject)}, signed by {_named(certificate.issuer)}"


def check_dates(certificate: x509.Certificate, time_us: int) -> None:
    """Refuse a certificate outside its time (RFC 5280 §4.1.2.5).

    Raises:
        CertificateError: It is not valid yet, or not any more.
    """
    now = _EPOCH + dt.timedelta(microseconds=time_us)
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < since:
        raise CertificateError(f"{_named(certificate.subject)} is not valid before {since}")
    if now > until:
        raise CertificateError(f"{_named(certificate.subject)} is expired since {until}")


def check_authority(
    certificate: x509.Certificate, below: int = 0, *, trusted: bool = True
) -> None:
    """Refuse what may not sign certificates (RFC 5280 §4.2.1.9, §6.1.4 k).

    Args:
        certificate: Of an authority.
        below: Other authorities under it.
        trusted: Whether somebody declared it, who then speaks for it where it cannot say what it
            is: a certificate of version 1, as old tutorials make them, has no extensions.

    Raises:
        CertificateError: It may not.
    """
    name = _named(certificate.subject)
    may_sign = trusted and certificate.version is x509.Version.v1
    for extension in _extensions(certificate):
        value = extension.value
        if isinstance(value, x509.BasicConstraints):
            may_sign = value.ca
            if value.path_length is not None and below > value.path_length:
                raise CertificateError(f"too many authorities below {name}")
        if isinstance(value, x509.KeyUsage) and not value.key_cert_sign:
            raise CertificateError(f"{name} may not sign certificates")
    if not may_sign:
        raise CertificateError(f"{name} is no authority")


def common_name(certificate: x509.Certificate) -> str:
    """The subject's Common Name.

    Raises:
        CertificateError: It has none, or several.
    """
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise CertificateError(f"{len(names)} Common Names in {_named(certificate.subject)}")
    name = names[0].value
    return name if isinstance(name, str) else name.decode("latin-1")


def _paths(
    certificate: x509.Certificate,
    between: Sequence[x509.Certificate],
    trusted: Sequence[x509.Certificate],
) -> Iterator[tuple[x509.Certificate, ...]]:
    """Every chain of signatures to a trusted one; ``LONGEST_CHAIN`` bounds how deep it goes."""
    for authority in trusted:
        if _signed(certificate, authority):
            yield certificate, authority
    for place, one in enumerate(between):
        if _signed(certificate, one):
            others = (*between[:place], *between[place + 1 :])
            yield from ((certificate, *rest) for rest in _paths(one, others, trusted))


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether that one signed it, and not over a hash like SHA-1, which the library refuses."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _check_path(path: tuple[x509.Certificate, ...], time_us: int) -> None:
    for certificate in path:
        check_dates(certificate, time_us)
        _check_strength(certificate)
    _check_client(path[0])
    for below, issuer in enumerate(path[1:]):
        check_authority(issuer, below, trusted=issuer is path[-1])


def _check_client(certificate: x509.Certificate) -> None:
    """Refuse a certificate that is not for the client of a TLS connection (§4.2.1.12)."""
    extensions = _extensions(certificate)
    for extension in extensions:
        use = extension.value
        if isinstance(use, x509.ExtendedKeyUsage) and not any(one in use for one in _CLIENT_USES):
            raise CertificateError(f"{_named(certificate.subject)} is not for clients")
        if isinstance(use, x509.KeyUsage) and not (use.digital_signature or use.key_agreement):
            raise CertificateError(f"the key of {_named(certificate.subject)} is not for logins")


def _check_strength(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, *_UNREADABLE) as exc:
        raise CertificateError(f"the key of {_named(certificate.subject)} is unknown") from exc
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < SHORTEST_RSA_BITS:
        raise CertificateError(f"the key of {_named(certificate.subject)} is too short")


def _extensions(certificate: x509.Certificate) -> x509.Extensions:
    """Its extensions, of which everyone that is critical is understood here (§4.2)."""
    try:
        extensions = certificate.extensions
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, *_UNREADABLE) as exc:
        raise CertificateError(
            f"{_named(certificate.subject)} has extensions that cannot be read"
        ) from exc
    for extension in extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise CertificateError(
                f"{_named(certificate.subject)} insists on {extension.oid.dotted_string}"
            )
    return extensions


def _read_names(*certificates: x509.Certificate) -> None:
    """Have names read now: the library does it when they are asked for, and raises only then.

    Raises:
        ValueError, TypeError: One cannot be read.
    """
    for certificate in certificates:
        _named(certificate.issuer)
        _named(certificate.subject)


def _named(name: x509.Name) -> str:
    return quoted(name.rfc4514_string())
