"""Hostile bytes: a connection asks for more or closes, and raises nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import (
    Auth,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Puback,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    SubscriptionRequest,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.session import Closed, Connection, OutgoingMessage, SessionState

PACKETS: list[Packet] = [
    Publish("a/b", b"payload"),
    Publish("a", b"x", 1, packet_id=1),
    Publish("a", b"x", 2, dup=True, packet_id=2),
    Publish("", b"x", properties=Properties(topic_alias=1)),
    Pubrel(2),
    Puback(1),
    Pubrec(1),
    Subscribe(3, (SubscriptionRequest("a/#", 1), SubscriptionRequest("+", 2))),
    Unsubscribe(4, ("a", "b")),
    Pingreq(),
    Auth(),
    Disconnect(),
    Connect(protocol_level=5, will=Will("w", b""), username="u", password=b"p"),
]
POLICY = Policy(maximum_packet_bytes=4_096, topic_alias_maximum=2)


def encoded(packet: Packet) -> st.SearchStrategy[bytes]:
    return st.sampled_from([4, 5]).map(
        lambda level: encode_packet(packet, level if not isinstance(packet, Auth) else 5)
    )


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(PACKETS).flatmap(encoded)))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


chunks = st.lists(mutated() | st.binary(max_size=20), max_size=8)


def feed(connection: Connection, pieces: list[bytes]) -> None:
    ends = 0
    for now_s, piece in enumerate(pieces):
        requests = connection.receive(piece, float(now_s))
        while requests:
            ends += sum(isinstance(request, Closed) for request in requests)
            for request in requests:
                if isinstance(request, Connect):
                    state = SessionState("key")
                    connection.accept(POLICY, state, session_present=False, now_s=float(now_s))
                elif isinstance(request, Publish):
                    connection.acknowledge(request)
            requests = connection.resume(float(now_s))
        connection.take_output()
    ends += connection.lost("end of the test") is not None
    assert connection.closing
    assert ends == 1


@given(chunks)
def test_nothing_raises_before_connect(pieces: list[bytes]) -> None:
    feed(Connection(POLICY), pieces)


@settings(max_examples=300)
@given(st.sampled_from([3, 4, 5]), chunks)
def test_nothing_raises_after_connect(level: int, pieces: list[bytes]) -> None:
    connection = Connection(POLICY)
    name = "MQIsdp" if level == 3 else "MQTT"
    connect = Connect(protocol_name=name, protocol_level=level, will=Will("w", b""))
    connection.receive(encode_packet(connect, level), 0.0)
    connection.accept(POLICY, SessionState("key"), session_present=False, now_s=0.0)
    connection.resume(0.0)
    for qos in (1, 2):
        connection.send(OutgoingMessage(topic_name="t", payload=b"", qos=qos), 0.0)
    feed(connection, pieces)
