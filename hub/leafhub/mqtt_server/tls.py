"""TLS between a transport and a connection, as bytes in and bytes out.

The event loop's own TLS tells nothing of a handshake that fails, asks OpenSSL to judge a client's
certificate before anybody knows whose it should be, and has no pre-shared keys. Here each failure
is an answer to the bytes that caused it, and what a client showed is handed up unjudged.
"""

import contextlib

import msgspec
from OpenSSL import SSL, crypto

from leafhub.dialects.base import Peer
from leafhub.dialects.log_text import quoted
from leafhub.mqtt_server.pipes import PipeFailedError
from leafhub.mqtt_server.pre_shared_keys import Asked, PreSharedKeys, is_proved

MAXIMUM_CERTIFICATES = 8
"""Certificates of one client that are handed up, its own first; OpenSSL takes 100 KiB of them."""
_RECORD_BYTES = 16_384
"""The longest record (RFC 8446 §5.1), and what goes through OpenSSL at a time, in and out: the
buffers on both sides of it grow with what is in them at once, and never shrink."""
_HEAD_BYTES = 5
_HANDSHAKE = b"\x16\x03"

_HINTS = {
    "http request": "the client speaks HTTP",
    "wrong version number": "the client does not speak TLS",
    "unknown ca": "the client does not trust the hub's certificate; give it the hub's ca.pem",
    "bad certificate": "the client refused the hub's certificate",
    "certificate unknown": "the client refused the hub's certificate",
    "certificate expired": "the client finds the hub's certificate expired; see its clock",
    "unsupported protocol": "the client speaks neither TLS 1.2 nor 1.3",
    "no shared cipher": "the client speaks none of the hub's cipher suites",
    "psk identity not found": "nobody has the client's pre-shared key identity",
    "binder does not verify": "wrong pre-shared key",
    "record layer failure": "what came is damaged, or the pre-shared key is wrong",
    "bad record mac": "what came is damaged, or the pre-shared key is wrong",
}
"""What OpenSSL's reasons mean here."""


class TlsPipe:
    """The server's end of one TLS connection (TLS 1.2, 1.3); see ``Pipe``.

    OpenSSL takes 16 KiB to begin with, and 50 KiB until a handshake is over. So it is asked only
    once the client's first record is whole: who sends less costs the hub no more than that.

    Args:
        context: Certificate, versions, suites.
        keys: What answers for ``context`` where there are pre-shared keys.

    Attributes:
        established: Whether the handshake is over.
        ended: Whether the peer said that nothing more comes.
    """

    __slots__ = (
        "_asked",
        "_certificates",
        "_connection",
        "_context",
        "_failed",
        "_first",
        "_identity",
        "_keys",
        "_output",
        "_server_name",
        "ended",
        "established",
    )

    def __init__(self, context: SSL.Context, keys: PreSharedKeys | None = None) -> None:
        self._context = context
        self._keys = keys
        self._first = b""  # what came, until it is a record
        self._output: list[bytes] = []
        self._connection: SSL.Connection | None = None
        self._asked: Asked | None = None
        self._identity: str | None = None
        self._server_name: str | None = None
        self._certificates: tuple[bytes, ...] = ()
        self.established = False
        self.ended = False
        self._failed = False

    def receive(self, data: bytes) -> bytes:
        """See ``Pipe``."""
        if self._connection is None:
            self._first += data
            if not _is_enough(self._first):
                return b""
            data, self._first = self._first, b""
            self._connection = SSL.Connection(self._context, None)
            self._connection.set_accept_state()
        plain: list[bytes] = []
        try:
            for start in range(0, len(data), _RECORD_BYTES):
                self._decipher(self._connection, data[start : start + _RECORD_BYTES], plain)
        except SSL.ZeroReturnError:
            self.ended = True
        except SSL.Error as exc:
            self._failed = True
            who = (
                ""
                if self._asked is None
                else f" with the pre-shared key of {quoted(self._asked.identity)}"
            )
            raise PipeFailedError(f"no TLS{who}: {_reason(exc)}") from exc
        finally:
            self._collect(self._connection)  # the handshake's answers, or an alert
        return b"".join(plain)

    def _decipher(self, connection: SSL.Connection, data: bytes, plain: list[bytes]) -> None:
        connection.bio_write(data)
        with contextlib.suppress(SSL.WantReadError):  # the rest is still under way
            if not self.established:
                self._shake_hands(connection)
            while True:
                plain.append(connection.recv(_RECORD_BYTES))

    def _shake_hands(self, connection: SSL.Connection) -> None:
        try:
            connection.do_handshake()
        finally:
            if self._keys is not None:  # whose handshake it was is known only now
                self._asked = self._keys.take() or self._asked
        self.established = True
        if self._asked is not None and self._asked.is_known and is_proved(connection):
            self._identity = self._asked.identity
        name = connection.get_servername()
        if name is not None:
            self._server_name = name.decode("ascii", "replace").lower()
        own = connection.get_peer_certificate()
        if own is not None:
            chain = connection.get_peer_cert_chain() or []
            shown = [own, *chain][:MAXIMUM_CERTIFICATES]
            self._certificates = tuple(
                crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in shown
            )

    def send(self, data: bytes) -> None:
        """See ``Pipe``."""
        if self._connection is None or not self.established or self.ended or self._failed:
            return
        for start in range(0, len(data), _RECORD_BYTES):
            self._connection.sendall(data[start : start + _RECORD_BYTES])
            self._collect(self._connection)

    def take_output(self) -> bytes:
        """See ``Pipe``."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def _collect(self, connection: SSL.Connection) -> None:
        with contextlib.suppress(SSL.WantReadError):  # there is no more
            while True:
                self._output.append(connection.bio_read(_RECORD_BYTES))
                if len(self._output[-1]) < _RECORD_BYTES:
                    break

    def close(self) -> bytes:
        """Take leave, so that the peer knows the end from a cut (RFC 8446 §6.1)."""
        if self._connection is not None and self.established and not self._failed:
            with contextlib.suppress(SSL.Error):  # it would like to see the peer's alert too
                self._connection.shutdown()
            self._collect(self._connection)
        return self.take_output()

    def describe(self, peer: Peer) -> Peer:
        """Add that it is TLS, the name that was asked for, and what the client showed."""
        return msgspec.structs.replace(
            peer,
            tls=True,
            server_name=self._server_name,
            certificates=self._certificates,
            psk_identity=self._identity,
        )


def _is_enough(data: bytes) -> bool:
    """Whether OpenSSL can say something to that: a whole record, or what never becomes one."""
    if len(data) < _HEAD_BYTES:
        return False
    bytes_to_come = int.from_bytes(data[3:_HEAD_BYTES])
    is_record = data.startswith(_HANDSHAKE) and bytes_to_come <= _RECORD_BYTES
    return not is_record or len(data) >= _HEAD_BYTES + bytes_to_come


def _reason(exc: SSL.Error) -> str:
    """What went wrong, in OpenSSL's words and, where they need it, in plain ones."""
    queue = exc.args[0] if exc.args and isinstance(exc.args[0], list) else []
    reason = str(queue[-1][-1]).lower() if queue and queue[-1] else str(exc) or "cut off"
    for part, hint in _HINTS.items():
        if part in reason:
            return f"{reason}: {hint}"
    return reason
