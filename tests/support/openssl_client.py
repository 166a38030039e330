"""A TLS client in memory that can what Python's own cannot: pre-shared keys, on every Python."""

import contextlib
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.bindings.openssl.binding import Binding
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from leafhub.mqtt_server.pipes import Pipe

_lib: Any = Binding().lib
_ffi: Any = Binding.ffi


class OpenSslClient:
    """One connection to a pipe.

    Args:
        version: ``SSL.TLS1_2_VERSION`` or ``SSL.TLS1_3_VERSION``.
        ca: Whom it trusts; ``None``: anybody.
        suites: The cipher suites it offers, where they are not OpenSSL's own choice.
        psk: Identity and key.
        certificate: What it shows: certificates, its own first, and its key.
        server_name: What it asks for.
    """

    def __init__(
        self,
        version: int,
        *,
        ca: Path | None = None,
        suites: str | None = None,
        psk: tuple[bytes, bytes] | None = None,
        certificate: tuple[list[x509.Certificate], ec.EllipticCurvePrivateKey] | None = None,
        server_name: str | None = None,
    ) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        if ca is not None:
            context.load_verify_locations(str(ca))
            context.set_verify(SSL.VERIFY_PEER)
        if suites is not None and version == SSL.TLS1_3_VERSION:
            context.set_tls13_ciphersuites(suites.encode())
        elif suites is not None:
            context.set_cipher_list(suites.encode())
        if certificate is not None:
            (own, *chain), key = certificate
            context.use_certificate(own)
            for each in chain:
                context.add_extra_chain_cert(each)
            context.use_privatekey(key)
        self._psk = psk
        self._callback = _ffi.callback(
            "unsigned int (*)(SSL *, const char *, char *, unsigned int,"
            " unsigned char *, unsigned int)",
            self._give_psk,
        )
        if psk is not None:
            _lib.SSL_CTX_set_psk_client_callback(context._context, self._callback)
        self.context = context
        self.tls = SSL.Connection(context, None)
        if server_name is not None:
            self.tls.set_tlsext_host_name(server_name.encode())
        self.tls.set_connect_state()

    def _give_psk(self, *arguments: Any) -> int:
        _, _, identity, _, key, _ = arguments
        assert self._psk is not None
        _ffi.memmove(identity, self._psk[0] + b"\0", len(self._psk[0]) + 1)
        _ffi.memmove(key, self._psk[1], len(self._psk[1]))
        return len(self._psk[1])

    @property
    def is_resumed(self) -> bool:
        """Whether a session, not a handshake in full, made this connection."""
        return bool(_lib.SSL_session_reused(self.tls._ssl))

    def output(self) -> bytes:
        """What is to be sent."""
        with contextlib.suppress(SSL.WantReadError):
            return self.tls.bio_read(1 << 20)
        return b""

    def shake_hands(self, server: Pipe) -> None:
        """Go through the handshake; errors of either side come through."""
        for _ in range(4):
            with contextlib.suppress(SSL.WantReadError):
                self.tls.do_handshake()
            data = self.output()
            if data:
                try:
                    server.receive(data)
                finally:
                    answer = server.take_output()
                    if answer:
                        self.tls.bio_write(answer)

    def say(self, data: bytes) -> bytes:
        """Encrypt."""
        self.tls.sendall(data)
        return self.output()

    def hear(self, data: bytes) -> bytes:
        """Decrypt; nothing where only the server's housekeeping came."""
        if data:
            self.tls.bio_write(data)
        with contextlib.suppress(SSL.WantReadError):
            return self.tls.recv(1 << 20)
        return b""
