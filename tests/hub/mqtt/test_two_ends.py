"""A client and the server over a network that cuts bytes anywhere and breaks at any moment.

QoS 1 arrives at least once, QoS 2 exactly once, either way, whatever is lost on the way.
"""

from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from leafhub.mqtt.codec import decode_packets, encode_packet
from leafhub.mqtt.limits import Limits, QueueBudget
from leafhub.mqtt.outgoing_message import OutgoingMessage, SendResult
from leafhub.mqtt.packets import (
    Connack,
    Connect,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
)
from leafhub.mqtt.policy import STANDARD
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Request
from leafhub.mqtt.session import Connection
from leafhub.mqtt.session_state import SessionState

LIMITS = Limits(outgoing_window=3)
WISHES = Properties(session_expiry_interval_s=600, topic_alias_maximum=2, receive_maximum=2)


class Device:
    """A client as the standard wants it; its memory outlives its connections.

    Attributes:
        got: Payloads taken, QoS 1 as often as they came.
    """

    def __init__(self, level: int) -> None:
        self.level = level
        self.got: dict[int, list[bytes]] = {1: [], 2: []}
        self._unread = b""
        self._output: list[bytes] = []
        self._under_way: dict[int, Packet] = {}
        self._held: set[int] = set()  # QoS 2 ids of the server
        self._aliases: dict[int, str] = {}
        self._next_id = 0

    @property
    def is_idle(self) -> bool:
        return not self._under_way and not self._held

    def connect(self) -> None:
        self._unread, self._aliases = b"", {}
        self._output.clear()
        wishes = WISHES if self.level == 5 else Properties()
        self._write(Connect(protocol_level=self.level, clean_start=False, properties=wishes))

    def publish(self, qos: int, payload: bytes) -> None:
        self._next_id += 1
        packet = Publish("up", payload, qos, packet_id=self._next_id)
        self._under_way[self._next_id] = packet
        self._write(packet)

    def take_output(self) -> bytes:
        data = b"".join(self._output)
        self._output.clear()
        return data

    def receive(self, data: bytes) -> None:
        self._unread += data
        found = list(
            decode_packets(self._unread, protocol_level=self.level, maximum_packet_bytes=1 << 20)
        )
        if found:
            self._unread = self._unread[found[-1][1] :]
        for packet, _ in found:
            self._take(packet)

    def _take(self, packet: Packet) -> None:
        match packet:
            case Connack():
                assert packet.reason_code is ReasonCode.SUCCESS
                for packet_id, sent in self._under_way.items():
                    self._write(again(packet_id, sent))
            case Publish():
                self._take_publish(packet)
            case Puback() | Pubcomp():
                self._under_way.pop(packet.packet_id, None)
            case Pubrec():
                self._under_way[packet.packet_id] = Pubrel(packet.packet_id)
                self._write(Pubrel(packet.packet_id))
            case Pubrel():
                self._held.discard(packet.packet_id)
                self._write(Pubcomp(packet.packet_id))
            case _:
                raise AssertionError(packet)

    def _take_publish(self, packet: Publish) -> None:
        alias, packet_id = packet.properties.topic_alias, packet.packet_id
        assert packet_id is not None
        if alias is not None and packet.topic_name:
            self._aliases[alias] = packet.topic_name
        assert packet.topic_name or self._aliases[alias or 0] == "down"
        if packet.qos == 1:
            self.got[1].append(packet.payload)
            self._write(Puback(packet_id))
            return
        if packet_id not in self._held:
            self._held.add(packet_id)
            self.got[2].append(packet.payload)
        self._write(Pubrec(packet_id))

    def _write(self, packet: Packet) -> None:
        self._output.append(encode_packet(packet, self.level))


def again(packet_id: int, sent: Packet) -> Packet:
    if isinstance(sent, Publish):
        return Publish("up", sent.payload, sent.qos, dup=True, packet_id=packet_id)
    return sent


class Hub:
    """The server's end with a store that may fail; its session outlives its connections.

    Attributes:
        got: Payloads committed.
    """

    def __init__(self) -> None:
        self.got: dict[int, list[bytes]] = {1: [], 2: []}
        self.budget = QueueBudget()
        self.state = SessionState("key", budget=self.budget)
        self.connection = Connection(limits=LIMITS)
        self._undecided: list[tuple[Connection, Publish]] = []

    def connect(self) -> None:
        self.connection.lost("the network broke")
        self.connection = Connection(limits=LIMITS)

    def receive(self, data: bytes) -> None:
        self._handle(self.connection.receive(data, 0.0))

    def commit(self) -> None:
        """Let the store go through, in order, for connections that are gone too."""
        undecided, self._undecided = self._undecided, []
        for connection, publish in undecided:
            self.got[publish.qos].append(publish.payload)
            connection.acknowledge(publish)

    def _handle(self, requests: list[Request]) -> None:
        for request in requests:
            if isinstance(request, Connect):
                present = self.state.expiry_interval_s > 0
                self.connection.accept(STANDARD, self.state, session_present=present, now_s=0.0)
                self._handle(self.connection.resume(0.0))
            else:
                assert isinstance(request, Publish)  # nothing here may end a connection
                self._undecided.append((self.connection, request))


Step: TypeAlias = tuple[str, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["up", "down", "carry up", "carry down", "commit", "break"]),
        st.integers(1, 40),
    ),
    max_size=60,
)


class Network:
    """Two ends, bytes under way between them."""

    def __init__(self, level: int) -> None:
        self.device, self.hub = Device(level), Hub()
        self.sent: dict[str, dict[int, list[bytes]]] = {
            "up": {1: [], 2: []},
            "down": {1: [], 2: []},
        }
        self._up = self._down = b""
        self.reconnect()

    def reconnect(self) -> None:
        """Lose what is under way, and come again."""
        self._up = self._down = b""
        self.hub.connect()
        self.device.connect()

    def play(self, step: Step) -> None:
        what, number = step
        qos = 1 + number % 2
        if what == "up":
            payload = b"%d" % sum(map(len, self.sent["up"].values()))
            self.sent["up"][qos].append(payload)
            self.device.publish(qos, payload)
        elif what == "down":
            payload = b"%d" % sum(map(len, self.sent["down"].values()))
            message = OutgoingMessage(topic_name="down", payload=payload, qos=qos)
            if self.hub.connection.state is None:  # CONNECT is under way
                taken = self.hub.state.enqueue(message, 0.0)
            else:
                taken = self.hub.connection.send(message, 0.0)
            if taken is not SendResult.DROPPED:
                self.sent["down"][qos].append(payload)
        elif what == "commit":
            self.hub.commit()
        elif what == "break":
            self.reconnect()
        else:
            self.carry(what, number)

    def carry(self, what: str, count: int) -> None:
        """Bring some bytes a step further."""
        if what == "carry up":
            self._up += self.device.take_output()
            piece, self._up = self._up[:count], self._up[count:]
            self.hub.receive(piece)
        else:
            self._down += self.hub.connection.take_output()
            piece, self._down = self._down[:count], self._down[count:]
            self.device.receive(piece)

    def settle(self) -> None:
        """Let everything come through."""
        for _ in range(500):
            self.carry("carry up", 1 << 20)
            self.hub.commit()
            self.carry("carry down", 1 << 20)
            if self.device.is_idle and not self.hub.state.held_bytes:
                return
        raise AssertionError("it never comes to rest")


@settings(max_examples=200)
@given(st.sampled_from([4, 5]), steps)
def test_nothing_is_lost_and_qos_2_comes_once(level: int, script: list[Step]) -> None:
    network = Network(level)
    for step in script:
        network.play(step)
    network.reconnect()
    network.settle()
    for way, got in (("up", network.hub.got), ("down", network.device.got)):
        sent = network.sent[way]
        assert sorted(set(got[1])) == sorted(sent[1])
        assert sorted(got[2]) == sorted(sent[2])
    state = network.hub.state
    assert not state.in_flight
    assert not state.queue
    assert not state.incoming
    assert network.hub.budget.used_bytes == 0
