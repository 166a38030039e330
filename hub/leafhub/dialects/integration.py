"""The operator's side of the hub over MQTT, as applications written for Drogue Cloud know it.

``app/<application>`` gives an application's events as CloudEvents, whatever its devices speak;
``command/<application>/<device>/<command>`` sends a command. ``command/<application>``, which is
the hub's own, gives the life lines of its commands.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from leafhub.dialects.base import (
    Arrival,
    Grant,
    Login,
    Outcome,
    Peer,
    Principal,
    Refusal,
    SubscribeOutcome,
    plain_unsubscribe,
)
from leafhub.dialects.cloudevents import (
    STRUCTURED,
    content_type_of,
    encode_attributes,
    encode_structured,
)
from leafhub.dialects.log_text import quoted, quoted_topic, refused_filters
from leafhub.model.command import CommandRequest
from leafhub.model.event import BYTES, COMMAND_EVENT, Event
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.policy import AuthPacket, Policy, RefusedPublish, SecondConnect
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage, Subscription

NAME: Final = "integration"
POLICY: Final = Policy(
    maximum_packet_bytes=4 + 16_384,  # a fixed header that says 16 KiB, and those
    refused_publish_v3=RefusedPublish.CLOSE,
    verbatim_filters=True,
    wildcards_in_topic_names=True,
    second_connect=SecondConnect.IGNORE,
    auth_packet=AuthPacket.ANSWER,
    assign_client_id=False,
    maximum_outgoing_qos=1,
    connack_properties=Properties(
        retain_available=False,
        wildcard_subscription_available=True,
        shared_subscription_available=False,
    ),
)

_ROUTES = {"app": "app", "application": "app", "a": "app", "command": "command"}
"""First segment of a filter, and what it is called in the routes."""
_SHARED = ("$share", "$shared")
_MODE = "content-mode"  # user property of SUBSCRIBE
_BINARY = "binary"
_MODES = ("structured", _BINARY)


class Integration:
    """A face for operators; see the module."""

    name: ClassVar[str] = NAME

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Ours is whoever gives an operator's name."""
        operator = registry.operator(connect.username) if connect.username else None
        if operator is None:
            return None
        if connect.protocol_name != "MQTT" or connect.protocol_level not in {4, 5}:
            return Refusal(reason_code=None, log="MQTT older than 3.1.1")
        checks = (
            (connect.clean_start, "it asks for a kept session"),
            (connect.password is not None, "it has no password"),
            (operator.proofs != (), "there is no token that would fit"),
        )
        trouble = next((text for holds, text in checks if not holds), None)
        if trouble is not None:
            return Refusal(
                reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD,
                log=f"operator {operator.name!r}: {trouble}",
            )
        return Login(
            principal=Principal(
                dialect=NAME,
                policy=POLICY,
                peer=peer,
                login=operator.name,
                client_id=connect.client_id,
            ),
            credentials=operator.proofs,
            secret=connect.password or b"",
        )

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Ask for a command. Success says that it was understood, not that it reached anybody."""
        segments = publish.topic_name.split("/")
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
            return _not_authorized(f"operator {principal.login!r} may not send commands")
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
        mode = dict(subscribe.properties.user_properties).get(_MODE, _MODES[0])
        if mode not in _MODES:
            return SubscribeOutcome(
                grants=(Grant(ReasonCode.UNSPECIFIED_ERROR),) * len(subscribe.requests),
                outcome=Outcome(close=True, log=f"there is no content mode {quoted(mode)}"),
            )
        operator = registry.operator(principal.login)
        grants = tuple(
            Grant(ReasonCode.NOT_AUTHORIZED)
            if operator is None
            else _grant(request.topic_filter, request.qos, mode, operator, registry)
            for request in subscribe.requests
        )
        log = refused_filters(subscribe, grants)
        return SubscribeOutcome(grants=grants, outcome=Outcome(log=log))

    def on_unsubscribe(
        self, unsubscribe: Unsubscribe, principal: Principal, subscribed: frozenset[str]
    ) -> Sequence[tuple[str | None, ReasonCode]]:
        """See ``Face``."""
        return plain_unsubscribe(unsubscribe, subscribed)

    def topics_of(self, event: Event, registry: RegistryView) -> Sequence[str]:
        """Every application has one feed of events and one of life lines."""
        feed = "command" if event.type == COMMAND_EVENT else "app"
        return (f"{NAME}/{feed}/{event.application}",)

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
        identifier = subscription.subscription_identifier
        identifiers = () if identifier is None else (identifier,)
        if subscription.note == _BINARY:
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
            topic_name=subscription.topic_filter,
            payload=payload,
            qos=min(1, subscription.qos),
            properties=properties,
        )


def _grant(
    topic_filter: str, qos: int, mode: str, operator: Operator, registry: RegistryView
) -> Grant:
    segments = topic_filter.split("/")
    if segments[0] in _SHARED:
        return Grant(ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED)
    if "+" in segments or "#" in segments:
        return Grant(ReasonCode.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED)
    feed = _ROUTES.get(segments[0])
    if feed is None or len(segments) != 2:
        return Grant(ReasonCode.TOPIC_FILTER_INVALID)
    application = registry.application(segments[1])
    if application is None or not operator.may(Role.READER, application.name):
        return Grant(ReasonCode.NOT_AUTHORIZED)
    return Grant(min(1, qos), routes=(f"{NAME}/{feed}/{application.name}",), note=mode)


def _not_authorized(log: str) -> Outcome:
    return Outcome(reason_code=ReasonCode.NOT_AUTHORIZED, reason_string="Not authorized", log=log)
