"""Keys that client and hub share beforehand, in place of certificates (RFC 4279; RFC 8446 §2.2).

pyOpenSSL has no call for the server's side; the OpenSSL binding under it does, on every Python.
The callback registered here serves TLS 1.2, and OpenSSL asks it for TLS 1.3 too, where such a key
goes with SHA-256.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

KeyOf = Callable[[str], bytes | None]
"""Gives the key of an identity, at once; ``None``: nobody has this identity."""

_lib: Any = Binding().lib
_ffi: Any = Binding.ffi

log = logging.getLogger(__name__)


class Asked(NamedTuple):
    """What OpenSSL asked for.

    Attributes:
        identity: As the client named it.
        is_known: Whether it has a key; that the client has it too is not said by that.
    """

    identity: str
    is_known: bool


class PreSharedKeys:
    """Answers OpenSSL when it asks for a key during a handshake.

    OpenSSL asks within the call that carries a handshake on, and all calls come from the event
    loop's thread: so what was asked last belongs to the handshake that was carried on last.

    Args:
        key_of: Where the keys are.
    """

    def __init__(self, key_of: KeyOf) -> None:
        self._key_of = key_of
        self._asked: Asked | None = None
        self._callback = _ffi.callback(
            "unsigned int (*)(SSL *, const char *, unsigned char *, unsigned int)", self._answer
        )  # lives as long as this object, which every context that uses it holds on to

    @staticmethod
    def available() -> bool:
        """Whether the OpenSSL at hand was built with pre-shared keys; that of PyPI is."""
        return bool(_lib.Cryptography_HAS_PSK)

    def serve(self, context: SSL.Context) -> None:
        """Answer for the connections of ``context``, which must not outlive this object."""
        _lib.SSL_CTX_set_psk_server_callback(context._context, self._callback)  # noqa: SLF001 - the only handle on it

    def take(self) -> Asked | None:
        """Take what was asked last, if anything was since the last call."""
        asked, self._asked = self._asked, None
        return asked

    def _answer(self, _ssl: object, identity: object, key: object, maximum_bytes: int) -> int:
        """Write the key and give its length in bytes; 0: there is none."""
        try:
            name = _ffi.string(identity).decode()
            found = self._key_of(name)
        except UnicodeDecodeError:  # TLS 1.3 offers session tickets of other servers here, too
            return 0
        except Exception:  # OpenSSL called, and cannot be told otherwise
            log.exception("a mistake of the hub with a pre-shared key")
            return 0
        if not found or len(found) > maximum_bytes:
            self._asked = Asked(name, is_known=False)
            return 0
        _ffi.memmove(key, found, len(found))
        self._asked = Asked(name, is_known=True)
        return len(found)


def is_proved(connection: SSL.Connection) -> bool:
    """Whether an established connection rests on a pre-shared key, not on the certificate.

    That a key was asked for says little: in TLS 1.3 a client may name an identity and then go on
    without its key. Where no session is ever resumed, what looks like a resumption is the key.
    """
    if connection.get_protocol_version() >= SSL.TLS1_3_VERSION:
        return bool(_lib.SSL_session_reused(connection._ssl))  # noqa: SLF001 - the only handle on it
    return "PSK" in (connection.get_cipher_name() or "")
