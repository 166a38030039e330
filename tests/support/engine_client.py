"""A client in front of the engine: packets in, packets and requests out, no network."""

from collections.abc import Sequence
from typing import Any

import pytest

from leafhub.mqtt.codec import decode_packets, encode_packet
from leafhub.mqtt.limits import DEFAULTS, Limits
from leafhub.mqtt.packets import Connack, Connect, Packet, Will
from leafhub.mqtt.policy import STANDARD, Policy
from leafhub.mqtt.session import Closed, Connection, OutgoingMessage, Request, SessionState

BOTH = pytest.mark.parametrize("level", [4, 5])
WILL = Will("gone", b"x")


class Client:
    """A client in front of a connection, with a clock in hand."""

    def __init__(
        self, level: int = 4, policy: Policy = STANDARD, limits: Limits = DEFAULTS
    ) -> None:
        self.level = level
        self.policy = policy
        self.connection = Connection(policy, connect_deadline_s=10.0, limits=limits)
        self.now_s = 0.0

    def send(self, *packets: Packet) -> list[Request]:
        data = b"".join(encode_packet(packet, self.level) for packet in packets)
        return self.connection.receive(data, self.now_s)

    def connect(self, **fields: Any) -> list[Request]:
        name = "MQIsdp" if self.level == 3 else "MQTT"
        return self.send(Connect(protocol_name=name, protocol_level=self.level, **fields))

    def accept(self, state: SessionState | None = None, **options: Any) -> SessionState:
        state = state or SessionState("key")
        self.connection.accept(
            self.policy,
            state,
            session_present=options.pop("session_present", False),
            now_s=self.now_s,
            **options,
        )
        return state

    def open(self, state: SessionState | None = None, **fields: Any) -> SessionState:
        self.connect(**fields)
        state = self.accept(state)
        assert self.connection.resume(self.now_s) == []
        assert isinstance(self.take()[0], Connack)
        return state

    def take(self) -> list[Packet]:
        data = self.connection.take_output()
        found = decode_packets(data, protocol_level=self.level, maximum_packet_bytes=1 << 20)
        return [packet for packet, _ in found]


def opened(level: int = 4, policy: Policy = STANDARD, **fields: Any) -> Client:
    client = Client(level, policy)
    client.open(**fields)
    return client


def message(qos: int = 1, token: object | None = None, **fields: Any) -> OutgoingMessage:
    return OutgoingMessage(topic_name="t", payload=b"x", qos=qos, token=token, **fields)


def closed_by(requests: Sequence[Request]) -> Closed:
    last = requests[-1]
    assert isinstance(last, Closed)
    return last
