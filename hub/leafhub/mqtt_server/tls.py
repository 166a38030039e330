"""TLS between a transport and a connection, as bytes in and bytes out.

The event loop's own TLS tells nothing of a handshake that fails; here each failure is an answer to
the bytes that caused it, in the connection's hands, and in its log line.
"""

import contextlib
import ssl

_READ_BYTES = 65_536


class TlsFailedError(Exception):
    """The peer does not speak TLS as it should, or refused the hub's certificate."""


class TlsPipe:
    """The server's end of one TLS connection (TLS 1.2, 1.3).

    Args:
        context: Certificate, versions, SNI callback.

    Attributes:
        object: The connection as the ``ssl`` module knows it.
        established: Whether the handshake is over.
        ended: Whether the peer said that nothing more comes.
    """

    __slots__ = ("_failed", "_incoming", "_outgoing", "ended", "established", "object")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.established = False
        self.ended = False
        self._failed = False

    def receive(self, data: bytes) -> bytes:
        """Take what the transport read; gives what the peer meant by it.

        Raises:
            TlsFailedError: Why it cannot go on; ``take_output`` may hold an alert for the peer.
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
            raise TlsFailedError(reason) from exc
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
