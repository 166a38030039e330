"""Clients by chance against a hub that runs, and a model that knows who must get what.

What must be delivered is delivered, in order, at the right QoS, and nothing else is: over
sessions that are kept or not, take-overs, retained messages, Wills and overlapping subscriptions.
"""

import itertools
from typing import Final

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fuzz.peer import Expected, Peer
from leafhub.mqtt.packets import Will
from leafhub.mqtt.topics import topic_matches

TOPICS: Final = ("a", "a/b", "a/b/c", "d")
FILTERS: Final = (*TOPICS, "a/#", "+/b", "a/+/c", "#")
STEPS: Final = 20
"""Of one story."""
_PEERS: Final = 3

_numbers = itertools.count(1)  # each machine has topics and clients of its own

peers = st.integers(0, _PEERS - 1)
levels = st.sampled_from([3, 4, 5])
topics = st.sampled_from(TOPICS)
filters = st.sampled_from(FILTERS)
payloads = st.sampled_from([b"", b"1", b"2", b"x" * 500])
qualities = st.integers(0, 2)


def _somebody_is_there(machine: "SessionsMachine") -> bool:
    return any(peer.connected for peer in machine._peers)


class SessionsMachine(RuleBasedStateMachine):
    """See the module.

    Args:
        port: Of a hub with the user ``hass`` in a topic space, without TLS.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self._prefix = f"model-{next(_numbers)}"
        self._peers = [Peer(port, f"{self._prefix}-{number}") for number in range(_PEERS)]
        self._retained: dict[str, tuple[bytes, int]] = {}
        self._watcher = Peer(port, f"{self._prefix}-watcher")
        self._watcher.connect(level=4, keeps=False, fresh=True, will=None)
        self._watcher.subscribe(f"{self._prefix}/#", 0)

    @initialize(
        firsts=st.lists(
            st.tuples(levels, st.booleans(), filters, qualities),
            min_size=_PEERS,
            max_size=_PEERS,
        )
    )
    def begin(self, *, firsts: list[tuple[int, bool, str, int]]) -> None:
        """All are there and have subscribed to something, so that something happens."""
        for number, (level, keeps, topic_filter, qos) in enumerate(firsts):
            self.connect(number=number, level=level, keeps=keeps, fresh=True, will=None)
            self.subscribe(number=number, topic_filter=topic_filter, qos=qos)

    @rule(
        number=peers,
        level=levels,
        keeps=st.booleans(),
        fresh=st.booleans(),
        will=st.none() | st.tuples(topics, qualities, st.booleans()),
    )
    def connect(
        self,
        *,
        number: int,
        level: int,
        keeps: bool,
        fresh: bool,
        will: tuple[str, int, bool] | None,
    ) -> None:
        """Connect, perhaps while an earlier connection is still there: then that ends."""
        peer = self._peers[number]
        made = None
        if will is not None:
            made = Will(self._name(will[0]), b"will", will[1], retain=will[2])
        if peer.connected and peer.will is not None:
            self._vanish(peer)  # a take-over's Will comes at no moment that a model could name
        peer.connect(level=level, keeps=keeps, fresh=fresh, will=made)
        peer.settle()

    @precondition(_somebody_is_there)
    @rule(number=peers)
    def leave(self, *, number: int) -> None:
        self._connected(number).leave()

    @precondition(_somebody_is_there)
    @rule(number=peers)
    def vanish(self, *, number: int) -> None:
        self._vanish(self._connected(number))

    @precondition(_somebody_is_there)
    @rule(number=peers, topic_filter=filters, qos=qualities)
    def subscribe(self, *, number: int, topic_filter: str, qos: int) -> None:
        peer = self._connected(number)
        peer.settle()
        name = self._name(topic_filter)
        peer.expected += [
            Expected(topic, payload, min(qos, kept_qos), retain=True)
            for topic, (payload, kept_qos) in self._retained.items()
            if topic_matches(name, topic)
        ]
        peer.subscribe(name, qos)
        peer.settle()

    @precondition(_somebody_is_there)
    @rule(number=peers, topic_filter=filters)
    def unsubscribe(self, *, number: int, topic_filter: str) -> None:
        peer = self._connected(number)
        peer.settle()
        peer.unsubscribe(self._name(topic_filter))

    @precondition(_somebody_is_there)
    @rule(
        messages=st.lists(st.tuples(peers, topics, payloads, qualities, st.booleans()), max_size=6)
    )
    def publish(self, *, messages: list[tuple[int, str, bytes, int, bool]]) -> None:
        """Messages of several peers, one after the other; nobody else reads meanwhile."""
        for number, topic, payload, qos, retain in messages:
            peer = self._connected(number)
            peer.settle()
            name = self._name(topic)
            self._expect(name, payload, qos, retain=retain)
            peer.publish(name, payload, qos, retain=retain)
            peer.settle()

    @precondition(_somebody_is_there)
    @rule()
    def settle(self) -> None:
        for peer in (*self._peers, self._watcher):
            if peer.connected:
                peer.settle()

    def teardown(self) -> None:
        """All that must come has come; retained messages go."""
        try:
            self.settle()
            self._watcher.unsubscribe(self._name("#"))
            for topic in self._retained:
                self._watcher.publish(topic, b"", 1, retain=True)
        finally:
            self.close()

    def _connected(self, number: int) -> Peer:
        """One of those that are there."""
        there = [peer for peer in self._peers if peer.connected]
        return there[number % len(there)]

    def _name(self, topic: str) -> str:
        return f"{self._prefix}/{topic}"

    def _expect(self, topic: str, payload: bytes, qos: int, *, retain: bool) -> None:
        """Whoever subscribed gets it, once, at the highest QoS that fits."""
        for peer in (*self._peers, self._watcher):
            granted = [
                own for name, own in peer.subscriptions.items() if topic_matches(name, topic)
            ]
            if granted:
                given = min(max(granted), qos)
                if given or peer.connected:
                    peer.expected.append(Expected(topic, payload, given, retain=False))
        if retain and payload:
            self._retained[topic] = (payload, qos)
        elif retain:
            self._retained.pop(topic, None)

    def _vanish(self, peer: Peer) -> None:
        """Cut a connection; when the hub notices is unknown, so wait for the Will to be heard."""
        self._watcher.settle()
        peer.vanish()
        if (will := peer.will) is not None:
            self._expect(will.topic_name, will.payload, will.qos, retain=will.retain)
            self._watcher.wait()

    def close(self) -> None:
        """Close all connections, whatever may be expected."""
        for peer in (*self._peers, self._watcher):
            peer.close()


def follow(port: int, *, seed: str, stories: int) -> None:
    """Play so many stories of ``STEPS`` steps each, the same for the same seed.

    Raises:
        AssertionError: A message was missing, wrong, or too much; the notes tell the story.
    """

    class Machine(SessionsMachine):
        def __init__(self) -> None:
            super().__init__(port)

    hypothesis.seed(seed)(Machine)
    run_state_machine_as_test(
        Machine,
        settings=hypothesis.settings(
            max_examples=stories,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
