"""An ordinary broker: whatever MQTT allows, in a topic space of the application's own.

A user logs in by name and password, by a pre-shared key, or by a certificate. Every message is an
event of its user, with the topic as channel; subscribers get it as it was published.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

import msgspec

from leafhub.dialects.base import (
    Arrival,
    Grant,
    Login,
    Outcome,
    Peer,
    Principal,
    Receiver,
    Refusal,
    SubscribeOutcome,
    plain_unsubscribe,
)
from leafhub.dialects.broker.access import access_of
from leafhub.dialects.broker.settings import (
    NAME,
    SpaceSettings,
    UserSettings,
    certificate_key,
    psk_key,
    space_of,
    user_key,
    user_of,
)
from leafhub.dialects.cloudevents import content_type_of
from leafhub.dialects.log_text import quoted_topic, refused_filters
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command
from leafhub.model.device import Device, SecretKind
from leafhub.model.event import BYTES, JSON, Event, Kind
from leafhub.model.publication import Publication
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage, Subscription
from leafhub.mqtt.topics import is_topic_name, split_share, topic_matches

POLICY: Final = Policy(topic_alias_maximum=64)


class BrokerDialect:
    """See the module."""

    name: ClassVar[str] = NAME
    application_type: ClassVar[type[msgspec.Struct]] = SpaceSettings
    device_type: ClassVar[type[msgspec.Struct]] = UserSettings
    command_timeout_s: ClassVar[float | None] = 60.0
    commands_wait: ClassVar[bool] = False
    keeps_plain_secrets: ClassVar[bool] = False

    def keys(self, application: Application, device: Device) -> Iterable[str]:
        """The user's name, the identities of its pre-shared keys, its certificates."""
        yield user_key(device.id)
        for credential in device.credentials:
            if credential.kind is SecretKind.PSK:
                yield psk_key(credential.username or device.id)
        for fingerprint in user_of(device).certificates:
            yield certificate_key(fingerprint)

    def prepare(self, application: Application, device: Device, arrival: Arrival) -> Device:
        """See ``Dialect``."""
        return device

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Ours is whoever gives a user's name."""
        device = registry.lookup(user_key(connect.username)) if connect.username else None
        if device is None:
            return None
        application = registry.application(device.application)
        client_id = connect.client_id or f"auto-{arrival.ids.letters(16)}"
        fixed = bool(connect.client_id)
        place = f"{NAME}/{device.application}"
        trouble = None
        if application is None or not application.enabled:
            trouble = f"application {device.application!r} is disabled"
        elif not device.enabled:
            trouble = f"user {device.id!r} is disabled"
        return Login(
            principal=Principal(
                dialect=NAME,
                policy=POLICY,
                peer=peer,
                application=device.application,
                device=device.id,
                login=device.id,
                client_id=client_id,
                slot=f"{place}/{client_id}" if fixed else None,
                session_key=f"{place}/{device.id}/{client_id}" if fixed else None,
            ),
            credentials=tuple(c for c in device.credentials if c.kind is not SecretKind.PSK),
            secret=connect.password or b"",
            refusal=None
            if trouble is None
            else Refusal(reason_code=ReasonCode.NOT_AUTHORIZED, log=trouble),
        )

    def on_connected(
        self,
        principal: Principal,
        open_commands: Sequence[Command],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Sequence[tuple[Command, OutgoingMessage]]:
        """Nothing: a command never waits for its device."""
        return ()

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """See ``Face``."""
        return _published(
            publish.topic_name,
            publish.payload,
            publish.qos,
            publish.properties,
            retain=publish.retain,
            principal=principal,
            registry=registry,
            arrival=arrival,
        )

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """A message like any other."""
        return _published(
            will.topic_name,
            will.payload,
            will.qos,
            will.properties,
            retain=will.retain,
            principal=principal,
            registry=registry,
            arrival=arrival,
        )

    def on_subscribe(
        self, subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> SubscribeOutcome:
        """Grant what the user's list covers as a whole."""
        access = access_of(principal, registry)
        grants = tuple(
            Grant(request.qos, space=principal.application)
            if access.may_subscribe(split_share(request.topic_filter)[1])
            else Grant(ReasonCode.NOT_AUTHORIZED)
            for request in subscribe.requests
        )
        return SubscribeOutcome(
            grants=grants, outcome=Outcome(log=refused_filters(subscribe, grants))
        )

    def on_unsubscribe(
        self, unsubscribe: Unsubscribe, principal: Principal, subscribed: frozenset[str]
    ) -> Sequence[tuple[str | None, ReasonCode]]:
        """See ``Face``."""
        return plain_unsubscribe(unsubscribe, subscribed)

    def topics_of(self, event: Event, registry: RegistryView) -> Sequence[str]:
        """None: subscribers get publications."""
        return ()

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        """None: subscribers get publications."""
        return None

    def command_id(self, arrival: Arrival) -> str:
        """A UUID; no message carries it."""
        return arrival.ids.uuid()

    def check_command(self, command: Command, registry: RegistryView) -> Command:
        """See ``Dialect``; the argument goes out byte for byte."""
        topic_name = _command_topic(command, registry)
        if topic_name is None or not is_topic_name(topic_name):
            raise RequestError(
                f"{command.name!r} cannot stand in a topic; leave out '+', '#' and NUL",
                path="name",
            )
        return command

    def receivers(self, command: Command, registry: RegistryView) -> Sequence[str]:
        """The user's own connections."""
        return (command.device,)

    def deliver_command(
        self, command: Command, receiver: Receiver, registry: RegistryView
    ) -> Sequence[OutgoingMessage]:
        """One message, to each connection of the user that subscribed to its topic."""
        topic_name = _command_topic(command, registry)
        if topic_name is None:
            return ()
        qos = [s.qos for s in receiver.subscriptions if topic_matches(s.topic_filter, topic_name)]
        if not qos:
            return ()
        return (OutgoingMessage(topic_name=topic_name, payload=command.data, qos=max(qos)),)


def _published(
    topic_name: str,
    payload: bytes,
    qos: int,
    properties: Properties,
    *,
    retain: bool,
    principal: Principal,
    registry: RegistryView,
    arrival: Arrival,
) -> Outcome:
    if principal.application is None or principal.device is None:
        return _not_authorized("nobody publishes without a user")
    if not access_of(principal, registry).may_publish(topic_name):
        return _not_authorized(f"may not publish to {quoted_topic(topic_name)}")
    content_type = content_type_of(properties.content_type, payload) or BYTES
    lifetime_s = properties.message_expiry_interval_s
    return Outcome(
        events=(
            Event(
                id=arrival.ids.uuid(),
                kind=Kind.READING if content_type == JSON else Kind.DATA,
                application=principal.application,
                device=principal.device,
                sender=principal.device,
                channel=topic_name,
                time_us=arrival.time_us,
                datacontenttype=content_type,
                data=payload,
                topic=topic_name,
            ),
        ),
        publications=(
            Publication(
                space=principal.application,
                topic_name=topic_name,
                payload=payload,
                qos=qos,
                retain=retain,
                properties=_passed_on(properties),
                expires_us=None
                if lifetime_s is None
                else arrival.time_us + lifetime_s * 1_000_000,
            ),
        ),
    )


def _passed_on(properties: Properties) -> Properties:
    """The properties that subscribers get unaltered (MQTT 5.0 §3.3.2.3)."""
    if properties is EMPTY:
        return EMPTY
    return Properties(
        payload_format_indicator=properties.payload_format_indicator,
        message_expiry_interval_s=properties.message_expiry_interval_s,
        content_type=properties.content_type,
        response_topic=properties.response_topic,
        correlation_data=properties.correlation_data,
        user_properties=properties.user_properties,
    )


def _command_topic(command: Command, registry: RegistryView) -> str | None:
    application = registry.application(command.application)
    device = registry.device(command.application, command.device)
    if application is None or device is None:
        return None
    pattern = user_of(device).command_topic or space_of(application).command_topic
    return pattern.replace("%n", command.name).replace("%u", device.id)


def _not_authorized(log: str) -> Outcome:
    return Outcome(reason_code=ReasonCode.NOT_AUTHORIZED, reason_string="Not authorized", log=log)
