"""Brings publications to the subscribers of their topic space."""

from collections.abc import Iterable

import msgspec

from leafhub.dialects.base import Principal
from leafhub.exchange.session import Session
from leafhub.model.publication import Publication
from leafhub.mqtt.session_state import OutgoingMessage, Subscription
from leafhub.mqtt.topics import TopicTree


class TopicSpaces:
    """Who subscribed to what, in every space."""

    def __init__(self) -> None:
        self._trees: dict[str, TopicTree[tuple[Session, str]]] = {}

    def subscribe(self, session: Session, topic_filter: str, space: str) -> None:
        """Let publications in ``space`` reach the subscription ``topic_filter``."""
        session.spaces[topic_filter] = space
        tree = self._trees.setdefault(space, TopicTree())
        tree.add(topic_filter, (session, topic_filter), (session, topic_filter))

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """Stop what ``subscribe`` started, if it did."""
        space = session.spaces.pop(topic_filter, None)
        if space is None:
            return
        tree = self._trees[space]
        tree.remove(topic_filter, (session, topic_filter))
        if not tree:
            del self._trees[space]

    def route(
        self, publication: Publication, publisher: Principal, *, now_us: int, now_s: float
    ) -> None:
        """Send a publication to its subscribers, once to each session (MQTT 5.0 §3.3.4)."""
        tree = self._trees.get(publication.space)
        if tree is None:
            return
        matched: dict[Session, list[Subscription]] = {}
        for session, topic_filter in tree.match(publication.topic_name):
            subscription = session.state.subscriptions.get(topic_filter)
            if subscription is None:
                continue
            if subscription.no_local and _is_same_client(session.principal, publisher):
                continue
            matched.setdefault(session, []).append(subscription)
        copies = _Copies(publication, now_us=now_us, now_s=now_s)
        for session, subscriptions in matched.items():
            session.send(copies.get(subscriptions))


class _Copies:
    """What a publication looks like to subscribers: one message for all that get the same."""

    def __init__(self, publication: Publication, *, now_us: int, now_s: float) -> None:
        self._publication = publication
        self._expires_at_s = (
            None
            if publication.expires_us is None
            else now_s + (publication.expires_us - now_us) / 1_000_000
        )
        self._made: dict[tuple[int, bool, tuple[int, ...]], OutgoingMessage] = {}

    def get(self, subscriptions: Iterable[Subscription]) -> OutgoingMessage:
        """The message for a session that has these subscriptions to it."""
        publication = self._publication
        qos = min(publication.qos, max(one.qos for one in subscriptions))
        retain = publication.retain and any(one.retain_as_published for one in subscriptions)
        identifiers = tuple(
            one.subscription_identifier
            for one in subscriptions
            if one.subscription_identifier is not None
        )
        look = (qos, retain, identifiers)
        message = self._made.get(look)
        if message is None:
            properties = publication.properties
            if identifiers:
                properties = msgspec.structs.replace(
                    properties, subscription_identifiers=identifiers
                )
            message = self._made[look] = OutgoingMessage(
                topic_name=publication.topic_name,
                payload=publication.payload,
                qos=qos,
                retain=retain,
                properties=properties,
                expires_at_s=self._expires_at_s,
            )
        return message


def _is_same_client(one: Principal, other: Principal) -> bool:
    """Whether they are one client by its id, on whatever connection (MQTT-3.8.3-3)."""
    return bool(one.client_id) and (
        (one.application, one.client_id) == (other.application, other.client_id)
    )
