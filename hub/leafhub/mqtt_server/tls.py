"""TLS between a transport and a connection, as bytes in and bytes out.

The event loop's own TLS tells nothing of a handshake that fails; here each failure is an answer to
the bytes that caused it, in the connection's hands, and in its log line.
"""

import contextlib
import ssl
import weakref

import msgspec

from leafhub.dialects.base import Peer
from leafhub.mqtt_server.pipes import PipeFailedError

_READ_BYTES = 65_536


class ServerNames:
    """Remembers the name each TLS client asked for (SNI, RFC 6066 §3)."""

    def __init__(self) -> None:
        self._names: weakref.WeakKeyDictionary[ssl.SSLObject, str] = weakref.WeakKeyDictionary()

    def note(
        self, ssl_object: ssl.SSLObject, server_name: str | None, _context: ssl.SSLContext
    ) -> None:
        """Take the name during the handshake."""
        if server_name is not None:
            self._names[ssl_object] = server_name.lower()

    def of(self, ssl_object: ssl.SSLObject) -> str | None:
        """The name a client asked for."""
        return self._names.get(ssl_object)


class TlsPipe:
    """The server's end of one TLS connection (TLS 1.2, 1.3).

    Args:
        context: Certificate, versions, SNI callback.
        names: What that callback noted.

    Attributes:
        object: The connection as the ``ssl`` module knows it.
        established: Whether the handshake is over.
        ended: Whether the peer said that nothing more comes.
    """

    __slots__ = ("_failed", "_incoming", "_names", "_outgoing", "ended", "established", "object")

    def __init__(self, context: ssl.SSLContext, names: ServerNames) -> None:
        self._names = names
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.established = False
        self.ended = False
        self._failed = False

    def receive(self, data: bytes) -> bytes:
        """Take what the transport read; gives what the peer meant by it.

        Raises:
            PipeFailedError: Why it cannot go on; ``take_output`` may hold an alert for the peer.
        """
        self._incoming.write(data)
        plain: list[bytes] = []
        try:
            if not self.established:
                self.object.do_handshake()
                self.established = True
            while chunk := self.object.read(_READ_BYTES):
                plain.append(chunk)
            self.ended = True  # the loop ends only at the peer's closure alert
        except ssl.SSLWantReadError:
            pass  # the rest is still under way
        except ssl.SSLError as exc:
            self._failed = True
            reason = (exc.reason or str(exc)).lower().replace("_", " ")
            raise PipeFailedError(f"no TLS: {reason}") from exc
        return b"".join(plain)

    def send(self, data: bytes) -> None:
        """Encrypt; the result is in ``take_output``. After an end or a failure nothing is said."""
        if data and self.established and not self.ended and not self._failed:
            self.object.write(data)

    def close(self) -> bytes:
        """Take leave, so that the peer knows the end from a cut (RFC 8446 §6.1)."""
        if self.established and not self._failed:
            with contextlib.suppress(ssl.SSLError):  # it would like to see the peer's alert too
                self.object.unwrap()
        return self.take_output()

    def take_output(self) -> bytes:
        """Take the bytes that the transport is to write now."""
        return self._outgoing.read()

    def describe(self, peer: Peer) -> Peer:
        """Add that it is TLS, and the name the client asked for."""
        return msgspec.structs.replace(peer, tls=True, server_name=self._names.of(self.object))
