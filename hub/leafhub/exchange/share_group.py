"""Sessions that share one subscription: each message goes to one of them (MQTT 5.0 §4.8.2)."""

from collections.abc import Iterator
from enum import IntEnum

from leafhub.exchange.copies import Copies
from leafhub.exchange.session import Session
from leafhub.mqtt.session_state import SendResult, Subscription


class _Standing(IntEnum):
    """How readily a session takes a message."""

    READY = 0
    BUSY = 1
    """Others wait before it."""
    AWAY = 2


class ShareGroup:
    """Those who subscribed to one filter under one share name, in turn."""

    def __init__(self) -> None:
        self._members: dict[Session, Subscription] = {}  # who had a message longest ago first

    def __bool__(self) -> bool:
        """Whether there is anybody."""
        return bool(self._members)

    def add(self, session: Session, subscription: Subscription) -> None:
        """Take a session in, or change its subscription."""
        self._members[session] = subscription

    def remove(self, session: Session) -> None:
        """Let a session go."""
        self._members.pop(session, None)

    def send(self, copies: Copies) -> None:
        """Give a message to one session that takes it, if there is one.

        From then on the message is that session's, whatever becomes of it (MQTT-4.8.2-4,
        MQTT-4.8.2-5, MQTT-4.8.2-6).
        """
        for session in self._in_turn():
            subscription = self._members[session]
            if session.send(copies.live((subscription,))) is not SendResult.DROPPED:
                del self._members[session]
                self._members[session] = subscription
                return

    def _in_turn(self) -> Iterator[Session]:
        """Those who are ready before those who are busy before those who are away."""
        for standing in _Standing:
            for session in tuple(self._members):
                if _standing(session) is standing:
                    yield session


def _standing(session: Session) -> _Standing:
    if session.link is None:
        return _Standing.AWAY
    return _Standing.BUSY if session.state.queue else _Standing.READY
