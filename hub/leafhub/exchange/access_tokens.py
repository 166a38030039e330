"""Access tokens in the form of Drogue Cloud, so that its programs take them for what they are.

``drg_`` with 6 characters, the prefix by which people tell them apart; ``_`` with 30 characters,
178 random bits; and the CRC-32 of all before it in base 62, by which a program sees a slip of the
pen.
"""

import secrets
import string
import zlib
from typing import Final

from leafhub.exchange.proofs import sha256
from leafhub.model.operator import AccessToken

_ALPHANUMERIC: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PREFIX_CHARACTERS: Final = 6
_KEY_CHARACTERS: Final = 30


def make(time_us: int, description: str = "") -> tuple[AccessToken, str]:
    """A new token: how it is kept, and the secret, which is shown once and then forgotten."""
    prefix = f"drg_{_random(_PREFIX_CHARACTERS)}"
    secret = with_check(f"{prefix}_{_random(_KEY_CHARACTERS)}")
    token = AccessToken(
        prefix=prefix, sha256=sha256(secret), created_us=time_us, description=description
    )
    return token, secret


def with_check(text: str) -> str:
    """A token's text with its CRC-32 (IEEE 802.3 §3.2.9) behind, in base 62."""
    return text + _base62(zlib.crc32(text.encode()))


def _random(count: int) -> str:
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(count))


def _base62(number: int) -> str:
    """Digits, capitals, small letters, in that order; no leading zeros."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, len(_ALPHANUMERIC))
        digits = _ALPHANUMERIC[digit] + digits
    return digits
