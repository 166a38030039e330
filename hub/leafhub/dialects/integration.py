"""The operator's side of the hub over MQTT, as applications written for Drogue Cloud know it.

``app/<application>`` gives an application's events as CloudEvents, whatever its devices speak;
``command/<application>/<device>/<command>`` sends a command. The hub's own are
``app/<application>/<device>/<channel>`` with MQTT's wildcards, for a part of the events, and
``command/<application>`` for the life lines of commands.
"""

from collections.abc import Sequence
from typing import Final

from leafhub.dialects.base import (
    Arrival,
    Grant,
    Login,
    Outcome,
    Peer,
    Principal,
    Reading,
    Refusal,
    SubscribeOutcome,
)
from leafhub.dialects.cloudevents import (
    STRUCTURED,
    content_type_of,
    encode_attributes,
    encode_structured,
)
from leafhub.dialects.feed_filters import FeedFilter, parse, without_share
from leafhub.dialects.integration_login import NAME, log_in
from leafhub.dialects.interface import Face
from leafhub.dialects.log_text import quoted, quoted_topic, refused_filters
from leafhub.dialects.selection import place_of
from leafhub.model.command import CommandRequest
from leafhub.model.event import BYTES, COMMAND_EVENT, Event
from leafhub.model.operator import Role
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage, Subscription

_MODE: Final = "content-mode"  # user property of SUBSCRIBE
_STRUCTURED: Final = "structured"
_BINARY: Final = "binary"


class Integration(Face):
    """A face for operators; see the module."""

    name = NAME

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Ours is whoever gives an operator's name, or its token alone."""
        return log_in(connect, peer, registry)

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Ask for a command. Success says that it was understood, not that it reached anybody."""
        segments = publish.topic_name.split("/", 3)  # a command's name may have slashes
        if len(segments) != 4 or segments[0].lower() != "command":
            return Outcome(
                reason_code=ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR,
                reason_string="Unsupported operation",
                log=f"topic {quoted_topic(publish.topic_name)} is no "
                "command/<application>/<device>/<command>",
            )
        _, application, device, command = segments
        operator = registry.operator(principal.login)
        if operator is None or not operator.may(Role.WRITER, application):
            return _not_authorized(
                f"operator {principal.login!r} may not send commands to {quoted(application)}"
            )
        if registry.device(application, device) is None:
            return _not_authorized(
                f"there is no device {quoted(device)} in application {quoted(application)}"
            )
        return Outcome(
            commands=(
                CommandRequest(
                    application=application,
                    device=device,
                    name=command,
                    data=publish.payload,
                    datacontenttype=content_type_of(None, publish.payload) or BYTES,
                    operator=operator.name,
                ),
            )
        )

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Nothing: Drogue Cloud does not send commands for those who left."""
        return Outcome(log="the Will of an operator has no meaning")

    def on_subscribe(
        self, subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> SubscribeOutcome:
        """Grant feeds; an unknown content mode ends the connection."""
        mode = dict(subscribe.properties.user_properties).get(_MODE, _STRUCTURED)
        if mode not in {_STRUCTURED, _BINARY}:
            code = ReasonCode.UNSPECIFIED_ERROR
            return SubscribeOutcome(
                grants=(Grant(code),) * len(subscribe.requests),
                outcome=Outcome(
                    reason_code=code,
                    close=True,
                    silent=True,
                    log=f"there is no content mode {quoted(mode)}",
                ),
            )
        grants = tuple(
            _grant(request.topic_filter, min(1, request.qos), mode, principal, registry)
            for request in subscribe.requests
        )
        log = refused_filters(subscribe, grants)
        return SubscribeOutcome(grants=grants, outcome=Outcome(log=log))

    def on_unsubscribe(
        self, unsubscribe: Unsubscribe, principal: Principal, subscribed: frozenset[str]
    ) -> Sequence[tuple[str | None, ReasonCode]]:
        """End what was subscribed, be it named with its share prefix or without.

        Drogue Cloud knows subscriptions by the name without; the one that has just this name goes
        first.
        """
        answers: list[tuple[str | None, ReasonCode]] = []
        left = sorted(subscribed)
        for name in unsubscribe.topic_filters:
            found = name if name in left else None
            if found is None:
                found = next((one for one in left if without_share(one) == name), None)
            if found is None:
                answers.append((None, ReasonCode.NO_SUBSCRIPTION_EXISTED))
            else:
                left.remove(found)
                answers.append((found, ReasonCode.SUCCESS))
        return answers

    def topics_of(self, event: Event, registry: RegistryView) -> Sequence[str]:
        """Life lines of commands; events that are stored are read, see ``Reading``."""
        if event.type != COMMAND_EVENT:
            return ()
        return (f"{NAME}/command/{event.application}",)

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        """A CloudEvent on the topic that was subscribed, in the mode that was asked for."""
        operator = registry.operator(principal.login)
        if operator is None or not operator.may(Role.READER, event.application):
            return None
        mode, topic = subscription.note.split(" ", 1)
        if topic.endswith("/"):
            topic += place_of(event)
        identifier = subscription.subscription_identifier
        identifiers = () if identifier is None else (identifier,)
        if mode == _BINARY:
            payload = event.data
            properties = Properties(
                content_type=event.datacontenttype or None,
                user_properties=encode_attributes(event, registry),
                subscription_identifiers=identifiers,
            )
        else:
            payload = encode_structured(event, registry)
            properties = Properties(
                payload_format_indicator=1,
                content_type=STRUCTURED,
                subscription_identifiers=identifiers,
            )
        return OutgoingMessage(
            topic_name=topic,
            payload=payload,
            qos=min(1, subscription.qos),
            properties=properties,
        )


def _grant(
    topic_filter: str, qos: int, mode: str, principal: Principal, registry: RegistryView
) -> Grant:
    feed = parse(topic_filter)
    if isinstance(feed, ReasonCode):
        return Grant(feed)
    operator = registry.operator(principal.login)
    if (
        operator is None
        or not operator.may(Role.READER, feed.application)
        or registry.application(feed.application) is None
    ):
        return Grant(ReasonCode.NOT_AUTHORIZED)
    note = f"{mode} {feed.topic}"
    if feed.feed == "command":
        return Grant(qos, routes=(f"{NAME}/command/{feed.application}",), note=note)
    return Grant(qos, note=note, reading=_reading(feed, qos, principal))


def _reading(feed: FeedFilter, qos: int, principal: Principal) -> Reading:
    """Who says nothing of sharing shares with those of its client id.

    Only who shares by name, or wants its messages acknowledged, goes on where it stopped: so
    clients that only look on, which take a new client id each time, leave nothing behind.
    """
    return Reading(
        application=feed.application,
        group=feed.share_name or principal.client_id,
        selection=feed.selection,
        is_live=qos == 0 and not feed.share_name,
    )


def _not_authorized(log: str) -> Outcome:
    return Outcome(reason_code=ReasonCode.NOT_AUTHORIZED, reason_string="Not authorized", log=log)
