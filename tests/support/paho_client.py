"""A paho-mqtt client as a program uses it, of either generation (1.6, 2.x), over any transport."""

import queue
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE_S = 20.0
"""Something that takes longer is taken for lost."""
_PAUSE_S = 0.01
T = TypeVar("T")
_VERSIONS = {3: mqtt.MQTTv31, 4: mqtt.MQTTv311, 5: mqtt.MQTTv5}


@dataclass(frozen=True)
class Way:
    """How clients reach the hub.

    Attributes:
        port: Where on this machine.
        level: 3, 4 or 5.
        transport: As paho calls it: ``tcp`` or ``websockets``.
        ca: PEM file of the CA to trust; ``None``: no TLS.
        own_loop: The program calls ``loop`` itself while it waits, instead of ``loop_start``.
    """

    port: int
    level: int = 4
    transport: str = "tcp"
    ca: Path | None = None
    own_loop: bool = False


@dataclass(frozen=True)
class Got:
    """A message that came."""

    topic: str
    payload: str
    qos: int
    retain: bool
    properties: Mapping[str, Any]


class PahoClient:
    """One client; use it in a ``with`` statement, which connects it.

    Args:
        way: How it reaches the hub.
        name: Client id.
        login: User name and password.
        will: Topic and payload of its Will, QoS 1, retained.
        keeps_session: Whether the hub shall keep the session when it goes.

    Attributes:
        session_present: What the last CONNACK said.
        connects: How often it was connected; paho comes back by itself.
    """

    def __init__(
        self,
        way: Way,
        name: str,
        login: tuple[str, str],
        *,
        will: tuple[str, str] | None = None,
        keeps_session: bool = False,
    ) -> None:
        self._way = way
        self._name = name
        self._login = login
        self._will = will
        self._keeps_session = keeps_session
        self._messages: queue.Queue[Got] = queue.Queue()
        self._connected: queue.Queue[bool] = queue.Queue()
        self._subscribed: queue.Queue[int] = queue.Queue()
        self.paho = self._made()
        self._reasons: dict[int, str] = {}
        self.session_present = False
        self.connects = 0

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.leave()

    def connect(self) -> None:
        """Log in, as a program that was just started."""
        self.paho = self._made()
        options: dict[str, Any] = {}
        if self._way.level == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 3600 if self._keeps_session else 0
            options = {"clean_start": not self._keeps_session, "properties": properties}
        self.paho.connect("127.0.0.1", self._way.port, keepalive=30, **options)
        if not self._way.own_loop:
            self.paho.loop_start()
        self.wait_connected()

    def wait_connected(self) -> None:
        """Until CONNACK has come once more."""
        self.session_present = self._next_of(self._connected)

    def leave(self) -> None:
        """Say goodbye."""
        self.paho.disconnect()
        self._stop_loop()

    def vanish(self) -> None:
        """Stop without a goodbye, as if the power went."""
        self.cut()
        self._stop_loop()

    def cut(self) -> None:
        """Break the connection; paho's loop connects anew."""
        connection: Any = self.paho.socket()
        assert connection is not None, "there is no connection"
        connection = getattr(connection, "_socket", connection)  # below a WebSocket
        connection.shutdown(socket.SHUT_RDWR)

    def subscribe(
        self, topic_filter: str, qos: int = 1, *, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Subscribe, and wait for the answer."""
        options = _options(PacketTypes.SUBSCRIBE, properties)
        result, mid = self.paho.subscribe(topic_filter, qos, **options)
        assert result == mqtt.MQTT_ERR_SUCCESS, result
        assert self._next_of(self._subscribed) == mid

    def publish(
        self,
        topic: str,
        payload: str = "",
        qos: int = 1,
        *,
        retain: bool = False,
        properties: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish, and wait until it is acknowledged; gives with what, where paho tells it."""
        options = _options(PacketTypes.PUBLISH, properties)
        sent = self.paho.publish(topic, payload.encode(), qos, retain, **options)
        self.wait_published(sent)
        return self._reasons.get(sent.mid, "")

    def wait_published(self, sent: mqtt.MQTTMessageInfo) -> None:
        """Until that is acknowledged."""
        self._wait(sent.is_published)

    def message(self) -> Got:
        """The next message."""
        return self._next_of(self._messages)

    def expect(self, topic: str, payload: str) -> Got:
        """The next message, which must be this one."""
        got = self.message()
        assert (got.topic, got.payload) == (topic, payload), got
        return got

    def _stop_loop(self) -> None:
        if not self._way.own_loop:
            self.paho.loop_stop()

    def _made(self) -> mqtt.Client:
        options: dict[str, Any] = {
            "client_id": self._name,
            "protocol": _VERSIONS[self._way.level],
            "transport": self._way.transport,
        }
        if self._way.level < 5:
            options["clean_session"] = not self._keeps_session
        if hasattr(mqtt, "CallbackAPIVersion"):  # 2.x
            options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
        made = mqtt.Client(**options)
        made.username_pw_set(*self._login)
        made.reconnect_delay_set(1, 1)
        if self._way.ca is not None:
            made.tls_set(str(self._way.ca))
        if self._will is not None:
            made.will_set(*self._will, qos=1, retain=True)
        made.on_connect = self._on_connect
        made.on_message = self._on_message
        made.on_subscribe = self._on_subscribe
        made.on_publish = self._on_publish
        return made

    def _next_of(self, come: queue.Queue[T]) -> T:
        self._wait(lambda: not come.empty())
        return come.get_nowait()

    def _wait(self, is_there: Callable[[], bool]) -> None:
        """Wait, and do the network's work meanwhile if paho's thread does not."""
        ends_s = time.monotonic() + PATIENCE_S
        while not is_there():
            assert time.monotonic() < ends_s, "it did not come"
            if not self._way.own_loop:
                time.sleep(_PAUSE_S)
            elif self.paho.loop(_PAUSE_S) != mqtt.MQTT_ERR_SUCCESS:
                self.paho.reconnect()

    def _on_connect(self, *told: Any) -> None:
        flags, code = told[2], told[3]
        assert code == 0, f"refused: {code}"
        present = flags["session present"] if isinstance(flags, dict) else flags.session_present
        self.connects += 1
        self._connected.put(bool(present))

    def _on_subscribe(self, *told: Any) -> None:
        self._subscribed.put(told[2])

    def _on_publish(self, *told: Any) -> None:
        if len(told) > 3:  # 1.x says no more than that it is
            self._reasons[told[2]] = str(told[3])

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        given = getattr(message, "properties", None)
        self._messages.put(
            Got(
                message.topic,
                message.payload.decode(),
                message.qos,
                bool(message.retain),
                given.json() if given is not None else {},
            )
        )


def _options(packet: int, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """The argument that says the properties of a packet, if there are some."""
    if not values:
        return {}
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for key, value in values.items():
        setattr(properties, key, value)
    return {"properties": properties}
