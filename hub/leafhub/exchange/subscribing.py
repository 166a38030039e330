"""What SUBSCRIBE and UNSUBSCRIBE bring about, as far as it is not said with the answer."""

from collections.abc import Callable, Mapping

import msgspec

from leafhub.dialects.base import Arrival, Outcome, SubscribeOutcome
from leafhub.dialects.interface import Face
from leafhub.exchange.clients import Clients
from leafhub.exchange.feeds.subscriptions import FeedSubscriptions
from leafhub.exchange.retained import RetainedMessages
from leafhub.exchange.session import Session
from leafhub.exchange.sessions import Sessions
from leafhub.model.registry import Registry
from leafhub.mqtt.packets import Subscribe, SubscriptionRequest, Unsubscribe
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.topics import split_share


class Subscribing:
    """Judges subscriptions, and puts them where messages find them.

    Args:
        registry: For the faces.
        faces: Who judges, by name.
        sessions: Where subscriptions are found.
        clients: Told who becomes somebody else by its SUBSCRIBE.
        retained: What new subscriptions get first.
        feeds: Says who may not read from the store.
        arrival: Gives now, and identifiers.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        faces: Mapping[str, Face],
        sessions: Sessions,
        clients: Clients,
        retained: RetainedMessages,
        feeds: FeedSubscriptions,
        arrival: Callable[[], Arrival],
    ) -> None:
        self._registry = registry
        self._faces = faces
        self._sessions = sessions
        self._clients = clients
        self._retained = retained
        self._feeds = feeds
        self._arrival = arrival

    def subscribe(
        self, session: Session, subscribe: Subscribe, grant: Callable[[SubscribeOutcome], None]
    ) -> Outcome:
        """Take one SUBSCRIBE in, and give what else is to be carried out.

        ``grant`` queues SUBACK; retained messages come after.
        """
        verdict = self._faces[session.principal.dialect].on_subscribe(
            subscribe, session.principal, self._registry, self._arrival()
        )
        asked = (request.topic_filter for request in subscribe.requests)
        grants = self._feeds.within_bounds(session, asked, verdict.grants)
        verdict = msgspec.structs.replace(verdict, grants=grants)
        if verdict.outcome.become is not None:
            self._clients.become(session, verdict.outcome.become)
        subscriptions = session.state.subscriptions
        known = {one.topic_filter for one in subscribe.requests} & subscriptions.keys()
        if not verdict.outcome.silent:
            grant(verdict)
        for request, granted in zip(subscribe.requests, verdict.grants, strict=True):
            topic_filter = request.topic_filter
            subscription = subscriptions.get(topic_filter)
            if granted.reason_code >= 0x80 or subscription is None:
                continue
            if granted.note:
                subscription = msgspec.structs.replace(subscription, note=granted.note)
                subscriptions[topic_filter] = subscription
            self._sessions.subscribe(
                session, subscription, granted.routes, granted.space, granted.reading
            )
            if granted.space is not None and _wants_retained(request, known=topic_filter in known):
                self._send_retained(session, topic_filter, granted.space)
            known.add(topic_filter)
        return msgspec.structs.replace(verdict.outcome, become=None)

    def unsubscribe(self, session: Session, unsubscribe: Unsubscribe) -> list[ReasonCode]:
        """Take one UNSUBSCRIBE in; gives the answers."""
        answers = self._faces[session.principal.dialect].on_unsubscribe(
            unsubscribe, session.principal, frozenset(session.state.subscriptions)
        )
        for topic_filter, _ in answers:
            if topic_filter is not None:
                session.state.subscriptions.pop(topic_filter, None)
                session.state.drop_backlog(topic_filter)
                self._sessions.unsubscribe(session, topic_filter)
        return [reason_code for _, reason_code in answers]

    def _send_retained(self, session: Session, topic_filter: str, space: str) -> None:
        if session.link is not None:
            session.link.add_backlog(
                topic_filter, self._retained.replay(session, topic_filter, space)
            )


def _wants_retained(request: SubscriptionRequest, *, known: bool) -> bool:
    """Whether retained messages follow SUBACK (MQTT-3.3.1-9 to -11); never to a shared one."""
    if split_share(request.topic_filter)[0] is not None:
        return False
    match request.retain_handling:
        case 0:
            return True
        case 1:
            return not known
        case _:
            return False
