"""What all TLS connections of one listener have in common: certificate, versions, suites, keys."""

from OpenSSL import SSL

from leafhub.certificate_files import Certificate
from leafhub.errors import ConfigurationError
from leafhub.mqtt_server.pre_shared_keys import PreSharedKeys
from leafhub.mqtt_server.tls import TlsPipe

_SUITES = (
    # Mozilla's "intermediate" but for DHE, which only clients without elliptic curves need; the
    # short ones first, boards have no AES-256 to spare.
    *("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    *("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    *("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
    # Boards whose TLS library was built small (RFC 7925 §4.2), or is old.
    *("ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256"),
)
_TLS_1_3_SUITES = (
    # SHA-256 first: it is the one that goes with pre-shared keys (RFC 8446 §4.2.11).
    *("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"),
)
_PSK_SUITES = (
    # With forward secrecy first; plain PSK is all that many boards have.
    *("ECDHE-PSK-CHACHA20-POLY1305", "ECDHE-PSK-AES128-CBC-SHA256"),
    *("PSK-AES128-GCM-SHA256", "PSK-AES256-GCM-SHA384", "PSK-CHACHA20-POLY1305"),
    *("PSK-AES128-CCM", "PSK-AES128-CBC-SHA256"),
)
_CHAIN_DEPTH = 8
"""How far OpenSSL follows a client's chain: each step costs a signature, and none is longer."""


class TlsContext:
    """TLS 1.2 and 1.3 as one listener serves them; TLS 1.2 stays because boards have no newer.

    A new certificate holds for new connections, those there are keep theirs. No session is ever
    resumed: who a client is was shown in a handshake, and neither a certificate nor a pre-shared
    key that is revoked meanwhile may live on in a ticket.

    Args:
        client_certificates: Ask clients for theirs; whatever they show, or nothing, is taken.
        keys: Of clients with pre-shared ones; ``None``: such clients are not served.
    """

    def __init__(
        self,
        *,
        client_certificates: bool = False,
        keys: PreSharedKeys | None = None,
    ) -> None:
        self._client_certificates = client_certificates
        self._keys = keys
        self._context: SSL.Context | None = None

    def adopt(self, certificate: Certificate) -> None:
        """Show this certificate from now on.

        Raises:
            ConfigurationError: OpenSSL does not take it; the one before stays.
        """
        try:
            self._context = self._made(certificate)
        except SSL.Error as exc:
            raise ConfigurationError(
                f"OpenSSL does not take it ({exc}); it takes EC keys, and RSA ones of 2048 bits "
                "and more",
                path=str(certificate.files.certificate),
            ) from exc

    def new_pipe(self) -> TlsPipe:
        """A new connection's TLS; ``adopt`` comes first."""
        if self._context is None:
            raise RuntimeError("no certificate was adopted")
        return TlsPipe(self._context, self._keys)

    def _made(self, certificate: Certificate) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(
            SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET | SSL.OP_CIPHER_SERVER_PREFERENCE
        )
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # some 30 KiB for each connection at rest
        context.set_session_id(b"leafhub")  # a pre-shared key of TLS 1.3 counts as a session
        # Who offers suites with pre-shared keys has a key, and maybe nothing else.
        suites = _SUITES if self._keys is None else _PSK_SUITES + _SUITES
        context.set_tls13_ciphersuites(":".join(_TLS_1_3_SUITES).encode())
        context.set_cipher_list(":".join(suites).encode())
        context.use_certificate(certificate.chain[0])
        for issuer in certificate.chain[1:]:
            context.add_extra_chain_cert(issuer)
        context.use_privatekey(certificate.key)
        if self._client_certificates:
            context.set_verify(SSL.VERIFY_PEER, _take_any)
            context.set_verify_depth(_CHAIN_DEPTH)
        if self._keys is not None:
            self._keys.serve(context)
        return context


def _take_any(*_: object) -> bool:
    """A client's certificate is judged at CONNECT, by its dialect, which knows whose it is."""
    return True
