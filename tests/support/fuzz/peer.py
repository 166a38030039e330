"""A blocking MQTT client that knows what it must get, and takes nothing else."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from leafhub.mqtt.codec import decode_packet, encode_packet
from leafhub.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    SubscriptionRequest,
    Unsuback,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.properties import EMPTY, Properties

PATIENCE_S: Final = 20.0
EXPIRY_S: Final = 3600
"""Of kept sessions: longer than any run."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A message that must come."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Peer:
    """A client over all its connections.

    It reads only where a method says so; what the hub sends meanwhile waits in the socket.

    Args:
        port: The hub's, without TLS.
        client_id: Its name.

    Attributes:
        subscriptions: What its session has, by filter: the granted QoS.
        expected: What must come, oldest first.
        keeps_session: Whether its session outlives the connection.
        has_session: Whether the hub has one now.
        will: What it leaves behind.
    """

    def __init__(self, port: int, client_id: str) -> None:
        self._port = port
        self.client_id = client_id
        self.subscriptions: dict[str, int] = {}
        self.expected: list[Expected] = []
        self.keeps_session = False
        self.has_session = False
        self.will: Will | None = None
        self._socket: socket.socket | None = None
        self._level = 4
        self._buffer = b""

    @property
    def connected(self) -> bool:
        """Whether it has a connection."""
        return self._socket is not None

    def connect(self, *, level: int, keeps: bool, fresh: bool, will: Will | None) -> None:
        """Log in; what an earlier connection had not taken at QoS 0 is lost."""
        earlier = self._socket
        if earlier is not None:
            self._let_go()
        if level < 5:
            fresh = not keeps
        self._level, self._buffer, self.will = level, b"", will
        self._socket = socket.create_connection(("127.0.0.1", self._port), PATIENCE_S)
        expiry = Properties(session_expiry_interval_s=EXPIRY_S if keeps else 0)
        self._send(
            Connect(
                protocol_name="MQIsdp" if level == 3 else "MQTT",
                protocol_level=level,
                client_id=self.client_id,
                clean_start=fresh,
                username="hass",
                password=b"hass-pw",
                will=will,
                properties=expiry if level == 5 else EMPTY,
            )
        )
        connack = self._receive()
        assert isinstance(connack, Connack), connack
        assert connack.reason_code == 0, connack
        present = self.has_session and not fresh and level != 3  # 3.1 has no such flag
        assert connack.session_present is present, connack
        if earlier is not None:
            earlier.close()  # the hub has done so, too
        if fresh:
            self.subscriptions.clear()
            self.expected.clear()
        self.keeps_session, self.has_session = keeps, True

    def leave(self) -> None:
        """Say goodbye after all was read; no Will follows."""
        self.settle()
        self._send(Disconnect())
        self._end()

    def vanish(self) -> None:
        """Cut the connection with whatever lies in it; its Will follows."""
        self._end()

    def subscribe(self, topic_filter: str, qos: int) -> None:
        """Subscribe; the granted QoS is what was asked for."""
        self._send(Subscribe(1, (SubscriptionRequest(topic_filter, qos),)))
        suback = self._answer(lambda packet: isinstance(packet, Suback))
        assert isinstance(suback, Suback)
        assert suback.reason_codes == (qos,), suback
        self.subscriptions[topic_filter] = qos

    def unsubscribe(self, topic_filter: str) -> None:
        """Unsubscribe."""
        self._send(Unsubscribe(1, (topic_filter,)))
        self._answer(lambda packet: isinstance(packet, Unsuback))
        self.subscriptions.pop(topic_filter, None)

    def publish(self, topic: str, payload: bytes, qos: int, *, retain: bool) -> None:
        """Publish, and see it through; at QoS 0 by a message behind it that nobody gets."""
        self._send(Publish(topic, payload, qos, retain, packet_id=7 if qos else None))
        if qos == 0:
            self._send(Publish("nobody", b"", 1, packet_id=7))
        if qos == 2:
            self._answer(lambda packet: isinstance(packet, Pubrec))
            self._send(Pubrel(7))
            self._answer(lambda packet: isinstance(packet, Pubcomp))
        else:
            self._answer(lambda packet: isinstance(packet, Puback))

    def settle(self) -> None:
        """Take and acknowledge all there is; then nothing more may be expected."""
        busy = True
        while busy:  # what is sent for an acknowledgement comes before the next PINGRESP
            self._send(Pingreq())
            busy = False
            while not isinstance(packet := self._receive(), Pingresp):
                self._take(packet)
                busy = True
        assert not self.expected, f"{self.client_id} did not get {self.expected}"

    def wait(self) -> None:
        """Take messages until all that was expected has come."""
        while self.expected:
            self._take(self._receive())

    def close(self) -> None:
        """Leave nothing behind."""
        if self._socket is not None:
            self._socket.close()

    def _let_go(self) -> None:
        """The connection is over: so is what it had not taken at QoS 0, and a passing session."""
        self.expected = [one for one in self.expected if one.qos]
        if not self.keeps_session:
            self.has_session = False
            self.subscriptions.clear()
            self.expected.clear()

    def _end(self) -> None:
        assert self._socket is not None
        self._socket.close()
        self._socket = None
        self._let_go()

    def _answer(self, is_it: Callable[[Packet], bool]) -> Packet:
        """The answer to what was sent; messages may come before it."""
        while not is_it(packet := self._receive()):
            self._take(packet)
        return packet

    def _take(self, packet: Packet) -> None:
        match packet:
            case Publish(qos=0):
                self._tick_off(packet)
            case Publish(qos=1, packet_id=int() as packet_id):
                self._tick_off(packet)
                self._send(Puback(packet_id))
            case Publish(qos=2, packet_id=int() as packet_id):
                self._tick_off(packet)
                self._send(Pubrec(packet_id))
            case Pubrel(packet_id=packet_id):
                self._send(Pubcomp(packet_id))
            case _:
                raise AssertionError(f"{self.client_id} got {packet}")

    def _tick_off(self, packet: Publish) -> None:
        """It must be expected, and the oldest of its topic and QoS."""
        came = Expected(packet.topic_name, packet.payload, packet.qos, packet.retain)
        of_its_kind = [
            one for one in self.expected if (one.topic, one.qos) == (came.topic, came.qos)
        ]
        assert of_its_kind[:1] == [came], f"{self.client_id} got {came}, expected {self.expected}"
        self.expected.remove(came)

    def _send(self, packet: Packet) -> None:
        assert self._socket is not None
        self._socket.sendall(encode_packet(packet, self._level))

    def _receive(self) -> Packet:
        assert self._socket is not None
        while True:
            found = decode_packet(
                memoryview(self._buffer),
                0,
                protocol_level=self._level,
                maximum_packet_bytes=1 << 24,
            )
            if found is not None:
                self._buffer = self._buffer[found[1] :]
                return found[0]
            data = self._socket.recv(65_536)
            assert data, f"the hub closed the connection of {self.client_id}"
            self._buffer += data
