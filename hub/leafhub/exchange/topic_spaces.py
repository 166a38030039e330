"""Brings publications to the subscribers of their topic space."""

import logging

from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.copies import Copies, is_own
from leafhub.exchange.session import Session
from leafhub.exchange.share_group import ShareGroup
from leafhub.model.publication import Publication
from leafhub.mqtt.session_state import Subscription
from leafhub.mqtt.topics import TopicTree, split_share

log = logging.getLogger(__name__)


class _Space:
    """Who subscribed to what in one space: each for itself, or in groups."""

    def __init__(self) -> None:
        self.own: TopicTree[tuple[Session, Subscription]] = TopicTree()
        self.groups: TopicTree[ShareGroup] = TopicTree()
        self.group_of: dict[str, ShareGroup] = {}  # by filter with share name

    def __bool__(self) -> bool:
        return bool(self.own) or bool(self.groups)


class TopicSpaces:
    """The subscriptions of every space.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spaces: dict[str, _Space] = {}

    def subscribe(self, session: Session, subscription: Subscription, space: str) -> None:
        """Let publications in ``space`` reach a subscription, in place of an earlier one."""
        topic_filter = subscription.topic_filter
        if session.spaces.get(topic_filter, space) != space:
            self.unsubscribe(session, topic_filter)
        session.spaces[topic_filter] = space
        subscribed = self._spaces.setdefault(space, _Space())
        share_name, plain = split_share(topic_filter)
        if share_name is None:
            subscribed.own.add(plain, (session, topic_filter), (session, subscription))
            return
        group = subscribed.group_of.get(topic_filter)
        if group is None:
            group = subscribed.group_of[topic_filter] = ShareGroup()
            subscribed.groups.add(plain, share_name, group)
        group.add(session, subscription)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """Stop what ``subscribe`` started, if it did."""
        space = session.spaces.pop(topic_filter, None)
        if space is None:
            return
        subscribed = self._spaces[space]
        share_name, plain = split_share(topic_filter)
        if share_name is None:
            subscribed.own.remove(plain, (session, topic_filter))
        else:
            group = subscribed.group_of[topic_filter]
            group.remove(session)
            if not group:
                del subscribed.group_of[topic_filter]
                subscribed.groups.remove(plain, share_name)
        if not subscribed:
            del self._spaces[space]

    def moved(self, session: Session) -> None:
        """A session's client is away now, or came back to it."""
        for topic_filter, space in session.spaces.items():
            group = self._spaces[space].group_of.get(topic_filter)
            if group is not None:
                group.moved(session)

    def route(self, publication: Publication) -> None:
        """Send a publication: once to each session for all its own subscriptions (MQTT-3.3.4-2).

        And once to each group, where a session may get it again (§4.8.2).
        """
        subscribed = self._spaces.get(publication.space)
        now_us = self._clock.now_us()
        if subscribed is None or (
            publication.expires_us is not None and publication.expires_us <= now_us
        ):
            return
        copies = Copies(publication, now_us=now_us, now_s=self._clock.now_s())
        for session, subscriptions in _by_session(subscribed, publication).items():
            try:
                session.send(copies.live(subscriptions))
            except Exception:  # a mistake with one subscriber costs no other one its messages
                log.exception("A publication could not be sent to a subscriber")
        for group in subscribed.groups.match(publication.topic_name):
            try:
                group.send(copies)
            except Exception:  # nor with one of a group
                log.exception("A publication could not be sent to a subscriber of a group")


def _by_session(subscribed: _Space, publication: Publication) -> dict[Session, list[Subscription]]:
    found: dict[Session, list[Subscription]] = {}
    for session, subscription in subscribed.own.match(publication.topic_name):
        if subscription.no_local and is_own(publication, session.principal):
            continue
        subscriptions = found.get(session)
        if subscriptions is None:
            found[session] = [subscription]
        else:
            subscriptions.append(subscription)
    return found
