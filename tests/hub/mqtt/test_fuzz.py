"""Hostile bytes: a connection asks for more or closes, and raises nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.limits import Limits, QueueBudget
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
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Request
from leafhub.mqtt.session import Closed, Connection, OutgoingMessage, SessionState

PACKETS: list[Packet] = [
    Publish("a/b", b"payload"),
    Publish("a", b"x", 1, packet_id=1),
    Publish("a", b"x", 2, dup=True, packet_id=2),
    Publish("", b"x", properties=Properties(topic_alias=1)),
    Pubrel(2),
    Puback(1),
    Pubrec(1),
    Subscribe(3, (SubscriptionRequest("$share/n/t"), SubscriptionRequest("$share//t"))),
    Subscribe(3, (SubscriptionRequest("a/#", 1), SubscriptionRequest("+", 2))),
    Unsubscribe(4, ("a", "b")),
    Pingreq(),
    Auth(),
    Disconnect(),
    Connect(protocol_level=5, will=Will("w", b""), username="u", password=b"p"),
]
POLICY = Policy(maximum_packet_bytes=4_096, topic_alias_maximum=2, announce_limits=True)
LIMITS = Limits(receive_maximum=2, outgoing_queue=3, outgoing_queue_bytes=500)


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


MESSAGES = [
    OutgoingMessage(topic_name="some/topic", payload=bytes(size), qos=qos)
    for size, qos in ((0, 0), (10, 1), (10, 2), (400, 1))
]


def answer(connection: Connection, request: Request, budget: QueueBudget, now_s: float) -> None:
    match request:
        case Connect():
            state = SessionState("key", budget=budget)
            connection.accept(POLICY, state, session_present=False, now_s=now_s)
        case Publish():
            connection.acknowledge(request)
            for message in MESSAGES:
                connection.send(message, now_s)
        case Subscribe():
            codes = [ReasonCode(one.qos) for one in request.requests]
            connection.grant(request, codes, "granted")
            connection.add_backlog(request.requests[0].topic_filter, iter(MESSAGES * 9), now_s)
        case Unsubscribe():
            connection.unsubscribed(request, [ReasonCode.SUCCESS] * len(request.topic_filters))


def feed(connection: Connection, budget: QueueBudget, pieces: list[bytes]) -> None:
    ends = 0
    for now_s, piece in enumerate(pieces):
        requests = connection.receive(piece, float(now_s))
        while requests:
            ends += sum(isinstance(request, Closed) for request in requests)
            for request in requests:
                answer(connection, request, budget, float(now_s))
            requests = connection.resume(float(now_s))
        connection.take_output()
        connection.fill(float(now_s))
    ends += connection.lost("end of the test") is not None
    assert connection.closing
    assert ends == 1
    state = connection.state
    if state is not None:
        assert budget.used_bytes == state.held_bytes < 500 + MESSAGES[-1].held_bytes
        state.release()
    assert budget.used_bytes == 0


@given(chunks)
def test_nothing_raises_before_connect(pieces: list[bytes]) -> None:
    feed(Connection(POLICY, limits=LIMITS), QueueBudget(), pieces)


@settings(max_examples=300)
@given(st.sampled_from([3, 4, 5]), chunks)
def test_nothing_raises_after_connect(level: int, pieces: list[bytes]) -> None:
    connection, budget = Connection(POLICY, limits=LIMITS), QueueBudget(3_000)
    name = "MQIsdp" if level == 3 else "MQTT"
    wishes = Properties(topic_alias_maximum=1, maximum_packet_size=300, receive_maximum=3)
    connect = Connect(
        protocol_name=name,
        protocol_level=level,
        will=Will("w", b""),
        properties=wishes if level == 5 else EMPTY,
    )
    for request in connection.receive(encode_packet(connect, level), 0.0):
        answer(connection, request, budget, 0.0)
    connection.resume(0.0)
    for message in MESSAGES:
        connection.send(message, 0.0)
    feed(connection, budget, pieces)
