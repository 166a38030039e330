"""Topic aliases towards the client: the least recently used one goes, and only what helps."""

from typing import Any

from engine_client import Client
from hypothesis import given
from hypothesis import strategies as st

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.outgoing_message import OutgoingMessage, SendResult
from leafhub.mqtt.packets import Puback, Publish
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import Properties


def aliased(topic_name: str, alias: int) -> Publish:
    return Publish(topic_name, b"x", properties=Properties(topic_alias=alias))


def to(topic_name: str, qos: int = 0) -> OutgoingMessage:
    return OutgoingMessage(topic_name=topic_name, payload=b"x", qos=qos)


def taker(maximum: int, **wishes: Any) -> Client:
    client = Client(5)
    client.open(properties=Properties(topic_alias_maximum=maximum, **wishes))
    return client


def test_a_topic_name_is_sent_once() -> None:
    client = taker(2)
    for name in ("long/a", "long/a", "long/b", "long/a"):
        client.connection.send(to(name), 0.0)
    assert client.take() == [
        aliased("long/a", 1),
        aliased("", 1),
        aliased("long/b", 2),
        aliased("", 1),
    ]


def test_the_least_recently_used_alias_is_given_away() -> None:
    client = taker(2)
    for name in ("long/a", "long/b", "long/a", "long/c", "long/b", "long/a"):
        client.connection.send(to(name), 0.0)
    assert client.take() == [
        aliased("long/a", 1),
        aliased("long/b", 2),
        aliased("", 1),
        aliased("long/c", 2),
        aliased("long/b", 1),
        aliased("long/a", 2),
    ]


def test_a_name_as_short_as_its_alias_stays() -> None:
    client = taker(2)
    client.connection.send(to("abc"), 0.0)
    assert client.take() == [Publish("abc", b"x")]


def test_a_client_that_takes_none_gets_none() -> None:
    for client in (taker(0), Client(5), Client(4)):
        if client.connection.state is None:
            client.open()
        client.connection.send(to("long/a"), 0.0)
        assert client.take() == [Publish("long/a", b"x")]


def test_a_policy_bounds_them() -> None:
    client = Client(5, Policy(outgoing_topic_aliases=1))
    client.open(properties=Properties(topic_alias_maximum=9))
    for name in ("long/a", "long/b"):
        client.connection.send(to(name), 0.0)
    assert client.take() == [aliased("long/a", 1), aliased("long/b", 1)]


def test_what_is_sent_again_on_another_connection_has_its_name() -> None:
    first = taker(2, session_expiry_interval_s=60)
    state = first.connection.state
    first.connection.send(to("long/a"), 0.0)
    first.connection.send(to("long/a", 1), 0.0)
    first.connection.lost("reset")
    second = Client(5)
    second.connect(clean_start=False, properties=Properties(topic_alias_maximum=2))
    second.accept(state, session_present=True)
    again = aliased("long/a", 1)
    assert second.take()[1:] == [
        Publish("long/a", b"x", 1, dup=True, packet_id=1, properties=again.properties)
    ]
    second.connection.resume(0.0)
    second.send(Puback(1))
    second.connection.send(to("long/a"), 0.0)
    assert second.take() == [aliased("", 1)]


def test_the_maximum_packet_size_counts_what_is_really_sent() -> None:
    bare = len(encode_packet(Publish("long/a", b"x"), 5))
    client = taker(2, maximum_packet_size=bare)
    assert client.connection.send(to("long/a"), 0.0) is SendResult.SENT  # no room for the alias
    assert client.take() == [Publish("long/a", b"x")]
    client = taker(2, maximum_packet_size=bare + 3)
    client.connection.send(to("long/a"), 0.0)
    assert client.take() == [aliased("long/a", 1)]
    for size, result in ((7, SendResult.SENT), (8, SendResult.DROPPED)):
        sent = OutgoingMessage(topic_name="long/a", payload=bytes(size))
        assert len(encode_packet(Publish("long/a", bytes(size)), 5)) > bare + 3
        assert client.connection.send(sent, 0.0) is result


@given(
    st.integers(1, 4),
    st.lists(st.sampled_from(["t", "one/topic", "two/topics", "three", "four", "ünf"])),
)
def test_a_client_that_follows_the_standard_finds_every_name(
    maximum: int, names: list[str]
) -> None:
    client = taker(maximum)
    known: dict[int, str] = {}
    found: list[str] = []
    for name in names:
        client.connection.send(to(name), 0.0)
    for publish in client.take():
        assert isinstance(publish, Publish)
        alias = publish.properties.topic_alias
        if alias is None:
            found.append(publish.topic_name)
            continue
        assert 1 <= alias <= maximum
        if publish.topic_name:
            known[alias] = publish.topic_name
        found.append(known[alias])
    assert found == names
