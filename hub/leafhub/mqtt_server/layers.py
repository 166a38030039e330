"""Which layers the connections of one listener have."""

from collections.abc import Callable, Sequence

from leafhub.certificates import Certificates
from leafhub.mqtt_server.pipes import Pipe
from leafhub.mqtt_server.pre_shared_keys import PreSharedKeys
from leafhub.mqtt_server.proxy_header import ProxyPipe
from leafhub.mqtt_server.settings import MqttListener
from leafhub.mqtt_server.tls_context import TlsContext
from leafhub.mqtt_server.websocket import WebSocketPipe


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
        self._listener = listener
        self._tls: TlsContext | None = None
        if listener.tls:
            self._tls = TlsContext(
                client_certificates=listener.asks_for_certificates,
                keys=None if listener.websocket else keys,  # browsers have none
            )
            self._tls.adopt(certificates.read(listener.certificate, listener.key, self._tls.adopt))

    @property
    def hide_the_address(self) -> bool:
        """Whether the lowest layer must be through before a client's own address is known."""
        return self._listener.proxy_protocol

    def new(self, maximum_packet_bytes: Callable[[], int]) -> Sequence[Pipe]:
        """The layers between transport and MQTT, from the transport upwards.

        Args:
            maximum_packet_bytes: Tells the longest packet that the client may send now.
        """
        pipes: list[Pipe] = []
        if self._listener.proxy_protocol:
            pipes.append(ProxyPipe())
        if self._tls is not None:
            pipes.append(self._tls.new_pipe())
        if self._listener.websocket:
            pipes.append(WebSocketPipe(self._listener.path, maximum_packet_bytes))
        return tuple(pipes)
