"""Which layers the connections of one listener have."""

from collections.abc import Sequence

from leafhub.certificates import Certificates
from leafhub.mqtt_server.pipes import Pipe
from leafhub.mqtt_server.pre_shared_keys import PreSharedKeys
from leafhub.mqtt_server.settings import MqttListener
from leafhub.mqtt_server.tls_context import TlsContext


class Layers:
    """Makes the layers of each new connection.

    Args:
        listener: What it was told to speak.
        certificates: What TLS shows.
        keys: Of clients that share one with the hub; ``None``: there are none.

    Raises:
        ConfigurationError: The certificate cannot be used.
    """

    def __init__(
        self, listener: MqttListener, certificates: Certificates, keys: PreSharedKeys | None
    ) -> None:
        self._tls: TlsContext | None = None
        if listener.tls:
            self._tls = TlsContext(
                client_certificates=listener.asks_for_certificates,
                keys=None if listener.websocket else keys,  # browsers have none
            )
            self._tls.adopt(certificates.read(listener.certificate, listener.key, self._tls.adopt))

    def new(self) -> Sequence[Pipe]:
        """The layers between transport and MQTT, from the transport upwards."""
        return () if self._tls is None else (self._tls.new_pipe(),)
