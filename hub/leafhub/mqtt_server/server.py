"""Where MQTT is served: TCP and TLS listeners, and the connections they took."""

import asyncio
import logging
import ssl
from collections.abc import Sequence

from leafhub.dialects.base import Peer
from leafhub.errors import ConfigurationError
from leafhub.exchange.exchange import Exchange
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt_server.admission import Admission
from leafhub.mqtt_server.connection import MqttConnection
from leafhub.mqtt_server.pipes import Pipe
from leafhub.mqtt_server.settings import MqttListener, MqttSettings
from leafhub.mqtt_server.tls import ServerNames, TlsPipe

BACKLOG = 1_000
"""Connections the kernel holds until they are accepted; a fleet comes all at once."""

log = logging.getLogger(__name__)


class OpenListener:
    """One listener at work, see ``leafhub.mqtt_server.connection.Listener``."""

    def __init__(self, server: "MqttServer", listener: MqttListener) -> None:
        self.settings = server.settings
        self.admission = server.admission
        self.peer = Peer(address="", tls=False, dialect=listener.dialect, hub_domain=server.domain)
        self._server = server
        self._listener = listener

    def new_pipes(self) -> Sequence[Pipe]:
        """The layers between transport and MQTT, from the transport upwards."""
        if not self._listener.tls:
            return ()
        return (TlsPipe(self._server.tls, self._server.server_names),)

    def opened(self, connection: MqttConnection) -> None:
        """A connection is there."""
        self._server.connections.add(connection)

    def gone(self, connection: MqttConnection) -> None:
        """It ended."""
        self._server.connections.discard(connection)


class MqttServer:
    """All MQTT listeners.

    Args:
        exchange: Where packets go.
        settings: Listeners and limits.
        tls: For the TLS listeners; its SNI callback is taken.
        domain: The hub's own domain.

    Attributes:
        settings: Listeners and limits.
        admission: Who may connect.
        tls: For the TLS listeners.
        domain: The hub's own domain.
        server_names: What TLS clients asked for.
        connections: All that are open, those in a TLS handshake or turned away too.
        addresses: Where MQTT is served, like ``mqtts://0.0.0.0:8883``, after ``start``.
    """

    def __init__(
        self, exchange: Exchange, settings: MqttSettings, tls: ssl.SSLContext, domain: str
    ) -> None:
        self.settings = settings
        self.admission = Admission(settings)
        self.domain = domain
        self.server_names = ServerNames()
        self.connections: set[MqttConnection] = set()
        self.addresses: list[str] = []
        self._exchange = exchange
        self.tls = tls
        self.tls.sni_callback = self.server_names.note
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: An address cannot be listened on; nothing is.
        """
        try:
            for listener in self.settings.listeners:
                await self._listen(listener)
        except ConfigurationError:
            self.stop()
            raise

    async def _listen(self, listener: MqttListener) -> None:
        place = OpenListener(self, listener)
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: MqttConnection(self._exchange, place).path,
                listener.host,
                listener.port,
                backlog=BACKLOG,
            )
        except OSError as exc:
            raise ConfigurationError(
                f"cannot listen on {listener.host}:{listener.port} ({exc.strerror}); "
                "stop the program that does, or name another port under [mqtt] listeners",
                path="mqtt.listeners",
            ) from exc
        self._servers.append(server)
        scheme = "mqtts" if listener.tls else "mqtt"
        port = server.sockets[0].getsockname()[1]
        pinned = f" ({listener.dialect})" if listener.dialect else ""
        self.addresses.append(f"{scheme}://{listener.host}:{port}{pinned}")
        log.info("MQTT at %s", self.addresses[-1])

    def stop(self) -> None:
        """Accept no more."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    def cut(self) -> None:
        """End the connections there are."""
        for connection in tuple(self.connections):
            connection.end(ReasonCode.SERVER_SHUTTING_DOWN, "the hub is stopping")
