"""Whether a shown secret fits a kept one."""

import hashlib
import hmac

import argon2
import bcrypt
from passlib.hash import sha512_crypt

from leafhub.model.device import Credential, SecretKind

SLOW_KINDS = frozenset({SecretKind.ARGON2ID, SecretKind.BCRYPT, SecretKind.SHA512_CRYPT})
"""Kinds whose check takes tens of milliseconds: never done in the event loop's thread."""
BCRYPT_LONGEST = 72  # bytes; bcrypt never looked at more, and the library refuses more

_hasher = argon2.PasswordHasher()  # the library's defaults: RFC 9106, low memory


def sha256(secret: str) -> str:
    """The form in which secrets that the hub made are kept: 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_secret(secret: str) -> str:
    """Hash what a person chose, as argon2id in PHC form; takes tens of milliseconds."""
    return _hasher.hash(secret)


def verify(credential: Credential, secret: bytes) -> bool:
    """Whether ``secret`` is what ``credential`` stands for; what is no hash fits nothing."""
    return _CHECKS[credential.kind](credential.secret, secret)


def _fits_plain(kept: str, secret: bytes) -> bool:
    return hmac.compare_digest(kept.encode(), secret)


def _fits_sha256(kept: str, secret: bytes) -> bool:
    return hmac.compare_digest(kept.encode(), hashlib.sha256(secret).hexdigest().encode())


def _fits_argon2id(kept: str, secret: bytes) -> bool:
    try:
        return _hasher.verify(kept, secret)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    except UnicodeEncodeError:  # the library takes for granted that a hash is ASCII
        return False


def _fits_bcrypt(kept: str, secret: bytes) -> bool:
    try:
        return bcrypt.checkpw(secret[:BCRYPT_LONGEST], kept.encode())
    except ValueError:
        return False


def _fits_sha512_crypt(kept: str, secret: bytes) -> bool:
    try:
        return bool(sha512_crypt.verify(secret, kept))
    except (ValueError, TypeError):  # no such hash; a secret with NUL, which crypt(3) cannot take
        return False


def _fits_nothing(_kept: str, _secret: bytes) -> bool:
    return False  # a pre-shared key proves itself in the handshake; it is never a password


_CHECKS = {
    SecretKind.PLAIN: _fits_plain,
    SecretKind.SHA256: _fits_sha256,
    SecretKind.ARGON2ID: _fits_argon2id,
    SecretKind.BCRYPT: _fits_bcrypt,
    SecretKind.SHA512_CRYPT: _fits_sha512_crypt,
    SecretKind.PSK: _fits_nothing,
}
