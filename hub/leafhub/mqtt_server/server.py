"""Where MQTT is served: TCP and TLS listeners, and the connections they took."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from leafhub.certificates import Certificates
from leafhub.dialects.base import Peer
from leafhub.errors import ConfigurationError
from leafhub.exchange.exchange import Exchange
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt_server.admission import Admission
from leafhub.mqtt_server.connection import MqttConnection
from leafhub.mqtt_server.layers import Layers
from leafhub.mqtt_server.pipes import Pipe
from leafhub.mqtt_server.pre_shared_keys import KeyOf, PreSharedKeys
from leafhub.mqtt_server.settings import MqttListener, MqttSettings
from leafhub.taken_port import why_not_listening

BACKLOG = 1_000
"""Connections the kernel holds until they are accepted; a fleet comes all at once."""

SETTLE_TIME_S = 1.5
"""How long a stopping hub waits for the store, so that clients need not send again."""
PARTING_TIME_S = 1.0
"""How long a stopping hub waits until clients have read its last words and closed."""
PARTING_AT_ONCE = 500
"""Ended connections whose transports are still open; past that the one that ended first is cut."""

log = logging.getLogger(__name__)


class OpenListener:
    """One listener at work, see ``leafhub.mqtt_server.listener.Listener``."""

    def __init__(self, server: "MqttServer", listener: MqttListener) -> None:
        self.settings = server.settings
        self.limits = server.limits
        self.admission = server.admission
        self.peer = Peer(address="", tls=False, dialect=listener.dialect, hub_domain=server.domain)
        self._server = server
        self._layers = Layers(listener, server.certificates, server.keys)

    @property
    def addresses_are_hidden(self) -> bool:
        """Whether the lowest layer tells a client's own address."""
        return self._layers.hide_the_address

    def new_pipes(self, maximum_packet_bytes: Callable[[], int]) -> Sequence[Pipe]:
        """The layers between transport and MQTT, from the transport upwards."""
        return self._layers.new(maximum_packet_bytes)

    def opened(self, connection: MqttConnection) -> None:
        """A connection is there."""
        self._server.connections.add(connection)

    def settled(self, connection: MqttConnection) -> None:
        """All that it took is answered, and it takes no more."""
        self._server.settled(connection)

    def gone(self, connection: MqttConnection) -> None:
        """It ended."""
        self._server.gone(connection)

    def parted(self, connection: MqttConnection) -> None:
        """Its transport is gone."""
        self._server.parted(connection)


class MqttServer:
    """All MQTT listeners.

    Args:
        exchange: Where packets go.
        settings: Listeners and limits.
        certificates: What the TLS listeners show.
        domain: The hub's own domain.
        key_of: Where the keys are that clients share with the hub; ``None``: there are none.

    Attributes:
        settings: Listeners and limits.
        limits: What they permit each session.
        admission: Who may connect.
        certificates: What the TLS listeners show.
        keys: Of clients that share one with the hub; ``None``: there are none.
        domain: The hub's own domain.
        connections: All that are open, those in a TLS handshake or turned away too.
        addresses: Where MQTT is served, like ``mqtts://0.0.0.0:8883``, after ``start``.
    """

    def __init__(
        self,
        exchange: Exchange,
        settings: MqttSettings,
        certificates: Certificates,
        *,
        domain: str,
        key_of: KeyOf | None = None,
    ) -> None:
        self.settings = settings
        self.limits = settings.of_session()
        self.admission = Admission(settings)
        self.certificates = certificates
        self.keys = None
        if key_of is not None and PreSharedKeys.available():
            self.keys = PreSharedKeys(key_of)
        self.domain = domain
        self.connections: set[MqttConnection] = set()
        self.addresses: list[str] = []
        self._exchange = exchange
        self._servers: list[asyncio.Server] = []
        self._unsettled: set[MqttConnection] = set()
        self._parting: dict[MqttConnection, None] = {}  # in the order of their ends
        self._progress = asyncio.Event()

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
                why_not_listening(listener.host, listener.port, exc, key="[mqtt] listeners"),
                path="mqtt.listeners",
            ) from exc
        self._servers.append(server)
        port = server.sockets[0].getsockname()[1]
        pinned = f" ({listener.dialect})" if listener.dialect else ""
        host = f"[{listener.host}]" if ":" in listener.host else listener.host
        path = listener.path or ""
        self.addresses.append(f"{listener.scheme}://{host}:{port}{path}{pinned}")
        log.info("MQTT at %s", self.addresses[-1])

    def stop(self) -> None:
        """Accept no more."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def leave(self) -> None:
        """Answer what clients said, tell them that the hub stops, and see them off; 3 s at most.

        ``stop`` comes first. What is not answered in time was not stored: they will send it again.
        """
        present = tuple(self.connections)
        self._unsettled = {one for one in present if not one.take_no_more()}
        await self._wait_until(lambda: not self._unsettled, SETTLE_TIME_S)
        for connection in present:
            connection.end(ReasonCode.SERVER_SHUTTING_DOWN, "the hub is stopping")
        await self._wait_until(lambda: not self._parting, PARTING_TIME_S)
        for connection in tuple(self._parting):
            connection.path.abort()
        self.admission.close()

    def settled(self, connection: MqttConnection) -> None:
        """All that it took is answered, and it takes no more."""
        self._unsettled.discard(connection)
        self._progress.set()

    def gone(self, connection: MqttConnection) -> None:
        """It ended; its last bytes may still be on their way."""
        self.connections.discard(connection)
        self.settled(connection)
        self._parting[connection] = None
        if len(self._parting) > PARTING_AT_ONCE:
            next(iter(self._parting)).path.abort()

    def parted(self, connection: MqttConnection) -> None:
        """Its transport is gone."""
        self._parting.pop(connection, None)
        self._progress.set()

    async def _wait_until(self, is_so: Callable[[], bool], time_s: float) -> None:
        """Wait for the progress of connections, for so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(time_s):
                while not is_so():
                    self._progress.clear()
                    await self._progress.wait()
