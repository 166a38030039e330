"""What a publication looks like to its subscribers (MQTT 5.0 §3.3)."""

from collections.abc import Sequence

import msgspec

from leafhub.dialects.base import Principal
from leafhub.model.publication import Publication
from leafhub.mqtt.session_state import OutgoingMessage, Subscription

_Look = tuple[int, bool, int | None]  # what of a subscription shows in a message


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
        self._made: dict[tuple[_Look, ...], OutgoingMessage] = {}

    def live(self, subscriptions: Sequence[Subscription]) -> OutgoingMessage:
        """As it goes to a session that has these subscriptions to it, right when it is published.

        The best QoS of them holds (MQTT-3.3.4-2), and the identifiers of all (MQTT-3.3.4-3).
        """
        look = tuple(
            [
                (one.qos, one.retain_as_published, one.subscription_identifier)
                for one in subscriptions
            ]
        )
        message = self._made.get(look)
        if message is None:
            retain = self._publication.retain and any(
                one.retain_as_published for one in subscriptions
            )
            message = self._made[look] = self._copy(subscriptions, retain=retain, shared=True)
        return message

    def retained(self, subscription: Subscription) -> OutgoingMessage:
        """As it goes to a new subscription because it is retained (MQTT-3.3.1-8)."""
        return self._copy((subscription,), retain=True, shared=False)

    def _copy(
        self, subscriptions: Sequence[Subscription], *, retain: bool, shared: bool
    ) -> OutgoingMessage:
        publication = self._publication
        properties = publication.properties
        identifiers = tuple(
            one.subscription_identifier
            for one in subscriptions
            if one.subscription_identifier is not None
        )
        if identifiers:
            properties = msgspec.structs.replace(properties, subscription_identifiers=identifiers)
        qos = min(publication.qos, max(one.qos for one in subscriptions))
        return OutgoingMessage(
            topic_name=publication.topic_name,
            payload=publication.payload,
            qos=qos,
            retain=retain,
            properties=properties,
            expires_at_s=self._expires_at_s,
            encoded={} if shared and qos == 0 else None,
        )


def is_own(publication: Publication, principal: Principal) -> bool:
    """Whether a client published it itself, on whatever connection (MQTT-3.8.3-3)."""
    return (
        bool(publication.publisher)
        and principal.client_id == publication.publisher
        and principal.application == publication.space
    )
