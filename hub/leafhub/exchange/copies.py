"""What a publication looks like to its subscribers (MQTT 5.0 §3.3)."""

from collections.abc import Sequence

import msgspec

from leafhub.dialects.base import Principal
from leafhub.model.publication import Publication
from leafhub.mqtt.session_state import OutgoingMessage, Subscription


class Copies:
    """The messages of one publication: one for all subscribers that get the same.

    Args:
        publication: What was published.
        now_us: Microseconds since the epoch.
        now_s: The same moment, monotonic.
    """

    __slots__ = ("_expires_at_s", "_made", "_publication")

    def __init__(self, publication: Publication, *, now_us: int, now_s: float) -> None:
        self._publication = publication
        self._expires_at_s = (
            None
            if publication.expires_us is None
            else now_s + (publication.expires_us - now_us) / 1_000_000
        )
        self._made: dict[tuple[int, bool, tuple[int, ...]], OutgoingMessage] = {}

    def live(self, subscriptions: Sequence[Subscription]) -> OutgoingMessage:
        """As it goes to a session that has these subscriptions to it, right when it is published.

        The best QoS of them holds (MQTT-3.3.4-2), and the identifiers of all (MQTT-3.3.4-3).
        """
        qos, retain, identifiers = subscriptions[0].qos, False, _identifiers(subscriptions[0])
        for one in subscriptions:
            qos = max(qos, one.qos)
            retain = retain or one.retain_as_published
        for one in subscriptions[1:]:
            identifiers += _identifiers(one)
        publication = self._publication
        return self._copy(
            min(publication.qos, qos), identifiers, retain=publication.retain and retain
        )

    def retained(self, subscription: Subscription) -> OutgoingMessage:
        """As it goes to a new subscription because it is retained (MQTT-3.3.1-8)."""
        qos = min(self._publication.qos, subscription.qos)
        return self._copy(qos, _identifiers(subscription), retain=True)

    def _copy(self, qos: int, identifiers: tuple[int, ...], *, retain: bool) -> OutgoingMessage:
        look = (qos, retain, identifiers)
        message = self._made.get(look)
        if message is None:
            publication = self._publication
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


def _identifiers(subscription: Subscription) -> tuple[int, ...]:
    identifier = subscription.subscription_identifier
    return () if identifier is None else (identifier,)


def is_own(publication: Publication, principal: Principal) -> bool:
    """Whether a client published it itself, on whatever connection (MQTT-3.8.3-3)."""
    return (
        bool(publication.publisher)
        and principal.client_id == publication.publisher
        and principal.application == publication.space
    )
