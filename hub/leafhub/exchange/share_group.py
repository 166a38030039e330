"""Sessions that share one subscription: each message goes to one of them (MQTT 5.0 §4.8.2)."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from leafhub.exchange.copies import Copies
from leafhub.exchange.session import Session
from leafhub.mqtt.session_state import SendResult, Subscription

AWAY_AT_ONCE: Final = 32
"""Absent members to which a message is offered: groups have thousands of them where clients choose
a new client id each time, and every one may be full. Who is full is asked last the next time."""

_Members = OrderedDict[Session, Subscription]  # who had a message longest ago first


class ShareGroup:
    """Those who subscribed to one filter under one share name, in turn."""

    def __init__(self) -> None:
        self._here: _Members = OrderedDict()
        self._away: _Members = OrderedDict()

    def __bool__(self) -> bool:
        """Whether there is anybody."""
        return bool(self._here or self._away)

    def add(self, session: Session, subscription: Subscription) -> None:
        """Take a session in, or change its subscription."""
        members = self._away if session.link is None else self._here
        members[session] = subscription

    def remove(self, session: Session) -> None:
        """Let a session go."""
        self._here.pop(session, None)
        self._away.pop(session, None)

    def moved(self, session: Session) -> None:
        """A member's client is away now, or came back to it."""
        before, after = self._away, self._here
        if session.link is None:
            before, after = after, before
        after[session] = before.pop(session)

    def send(self, copies: Copies) -> None:
        """Give a message to one session that takes it, if there is one.

        First those are asked who are ready, then those who have others waiting, then those who
        are away. From then on the message is that session's, whatever becomes of it (MQTT-4.8.2-4,
        MQTT-4.8.2-5, MQTT-4.8.2-6).
        """
        busy: list[Session] = []
        for session, subscription in _in_turn(self._here, len(self._here)):
            if session.state.queue:
                busy.append(session)
            elif _takes(session, subscription, copies):
                return
        for session in busy:
            if _takes(session, self._here[session], copies):
                self._here.move_to_end(session)
                return
        for session, subscription in _in_turn(self._away, AWAY_AT_ONCE):
            if _takes(session, subscription, copies):
                return


def _in_turn(members: _Members, count: int) -> Iterator[tuple[Session, Subscription]]:
    """Go once round ``members``, ``count`` of them at most; who is asked goes to the end."""
    for _ in range(min(count, len(members))):
        session, subscription = next(iter(members.items()))
        members.move_to_end(session)
        yield session, subscription


def _takes(session: Session, subscription: Subscription, copies: Copies) -> bool:
    return session.send(copies.live((subscription,))) is not SendResult.DROPPED
