"""Certificate files that change while the hub runs: read whole, checked, and only then used."""

import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from leafhub.errors import ConfigurationError

log = logging.getLogger(__name__)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class CertificateFiles(msgspec.Struct, frozen=True):
    """Where a server's certificate and its key are, in PEM.

    Attributes:
        certificate: The certificate, then the chain up to, without need, the CA.
        key: Its private key, not encrypted.
    """

    certificate: Path
    key: Path

    def read(self) -> "Certificate":
        """Read and check both.

        Raises:
            ConfigurationError: A file cannot be read or used, or they do not belong together.
        """
        chain = _read_chain(self.certificate)
        key = _read_key(self.key)
        if key.public_key() != chain[0].public_key():
            raise ConfigurationError(
                f"is not the key of {self.certificate}; name files that belong together",
                path=str(self.key),
            )
        return Certificate(self, chain, key)

    def stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes when a file does: time of change in ns, inode, bytes."""
        return tuple(_stamp(path) for path in (self.certificate, self.key))


class Certificate(msgspec.Struct, frozen=True):
    """A server's certificate.

    Attributes:
        files: Where it is from.
        chain: The certificate, then its issuers, as far as they are there.
        key: Its private key.
    """

    files: CertificateFiles
    chain: tuple[x509.Certificate, ...]
    key: Key


Adopt = Callable[[Certificate], None]
"""Uses a certificate from now on.

Raises:
    ConfigurationError: It cannot be used; nothing has changed.
"""


class CertificateWatch:
    """Reads certificates for those who use them, and again when their files change.

    A change is taken in once two looks saw the same, since two files are seldom replaced at one
    moment. A pair that cannot be used is refused with a line in the log: the one in use stays.
    """

    def __init__(self) -> None:
        self._users: dict[CertificateFiles, list[Adopt]] = {}
        self._used: dict[CertificateFiles, object] = {}  # stamps
        self._seen: dict[CertificateFiles, object] = {}

    def certificate(self, files: CertificateFiles, adopt: Adopt) -> Certificate:
        """Read a certificate; ``adopt`` gets those that follow.

        Raises:
            ConfigurationError: It cannot be used.
        """
        stamp = files.stamp()
        certificate = files.read()
        self._used[files] = self._seen[files] = stamp
        self._users.setdefault(files, []).append(adopt)
        _tell_if_over(certificate)
        return certificate

    def look(self, *, at_once: bool = False) -> None:
        """Take in what has changed; ``at_once``: somebody says that it is complete."""
        for files in self._users:
            stamp = files.stamp()
            settled = at_once or stamp == self._seen[files]
            self._seen[files] = stamp
            if settled and stamp != self._used[files]:
                self._used[files] = stamp  # a pair that is refused is not read again and again
                self._take_in(files)

    def _take_in(self, files: CertificateFiles) -> None:
        try:
            certificate = files.read()
            for adopt in self._users[files]:
                adopt(certificate)
        except ConfigurationError as exc:
            log.error("the new certificate is not used, the old one stays: %s", exc)  # noqa: TRY400 - its text says all
        else:
            log.info(
                "new certificate from %s, good until %s",
                files.certificate,
                f"{certificate.chain[0].not_valid_after_utc:%Y-%m-%d}",
            )
            _tell_if_over(certificate)


def _tell_if_over(certificate: Certificate) -> None:
    """Show it all the same: a client without a clock takes it, and none is no better."""
    ended = certificate.chain[0].not_valid_after_utc
    if ended < dt.datetime.now(dt.UTC):
        log.warning(
            "the certificate in %s ended on %s; clients refuse it until you renew it",
            *(certificate.files.certificate, f"{ended:%Y-%m-%d}"),
        )


def _read_chain(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(_content(path)))
    except ValueError as exc:
        raise ConfigurationError(
            f"holds no certificate in PEM ({exc}); name the file that starts with "
            "-----BEGIN CERTIFICATE-----",
            path=str(path),
        ) from exc


def _read_key(path: Path) -> Key:
    try:
        key = serialization.load_pem_private_key(_content(path), None)
    except TypeError as exc:
        raise ConfigurationError(
            "is encrypted; write it without, for the hub's user alone: "
            "openssl pkey -in <this file> -out <new file>",
            path=str(path),
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ConfigurationError(
            f"holds no private key in PEM ({exc}); name the file with the certificate's key",
            path=str(path),
        ) from exc
    if not isinstance(key, Key):
        raise ConfigurationError(
            "is neither an EC nor an RSA key; boards know no others", path=str(path)
        )
    return key


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigurationError(
            f"cannot be read ({exc.strerror}); see that it is there and that the hub's user may "
            "read it",
            path=str(path),
        ) from exc


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
