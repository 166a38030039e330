"""Drogue Cloud: JSON or bytes on a channel, commands in an inbox, devices that speak for others.

A device logs in as ``<device>@<application>`` and publishes to ``<channel>``; a gateway publishes
to ``<channel>/<device>`` for a device that names it.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

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
    Review,
    SubscribeOutcome,
    plain_unsubscribe,
)
from leafhub.dialects.cloudevents import content_type_of
from leafhub.dialects.drogue.declaration import keys_of, prepare_application, prepare_device
from leafhub.dialects.drogue.login import judge_login, why_it_ends
from leafhub.dialects.drogue.settings import NAME, ApplicationSettings, DeviceSettings, key
from leafhub.dialects.drogue.spec import gateways_of, grammar_of
from leafhub.dialects.drogue.topics import command_topic, inbox_of, read_topic
from leafhub.dialects.log_text import quoted, quoted_topic, refused_filters
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandState, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import BYTES, JSON, Event, Kind
from leafhub.model.publication import Publication
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage, Subscription
from leafhub.mqtt.topics import is_topic_name

_ANSWER_CHANNEL = "answer"


class _Answer(msgspec.Struct, frozen=True):
    """What a leaf publishes to the channel ``answer``; ``result`` or ``error`` stands in it."""

    command: str
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: str | None = None


class DrogueDialect:
    """See the module."""

    name: ClassVar[str] = NAME
    application_type: ClassVar[type[msgspec.Struct]] = ApplicationSettings
    device_type: ClassVar[type[msgspec.Struct]] = DeviceSettings
    command_timeout_s: ClassVar[float | None] = 60.0  # ours answer in seconds or never
    commands_wait: ClassVar[bool] = False
    commands_are_answered: ClassVar[bool] = True
    keeps_plain_secrets: ClassVar[bool] = False

    def keys(self, application: Application, device: Device) -> Iterable[str]:
        """Name, aliases and unique user names, each once."""
        return keys_of(application, device)

    def prepare_application(
        self,
        application: Application,
        before: Application | None,
        registry: RegistryView,
        arrival: Arrival,
    ) -> Application:
        """See ``Dialect``."""
        return prepare_application(application, before, arrival)

    def prepare(
        self, application: Application, device: Device, before: Device | None, arrival: Arrival
    ) -> Device:
        """See ``Dialect``."""
        return prepare_device(device, before, arrival)

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Ours is what names an application of ours, in the user name or else in the client id."""
        return judge_login(connect, peer, registry)

    def review(
        self,
        principal: Principal,
        topic_filters: Iterable[str],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Review:
        """All stays unless its login would fail now."""
        return Review(ends=why_it_ends(principal, registry))

    def shown(self, event: Event, registry: RegistryView) -> Sequence[Publication]:
        """Nothing: this dialect has no topic spaces."""
        return ()

    def on_connection(self, event: Event, registry: RegistryView) -> Outcome:
        """It is stored as it is."""
        return Outcome(events=(event,))

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
        sender = _device_of(principal, registry)
        if sender is None:
            return _not_authorized("the device is gone")
        topic = read_topic(grammar_of(sender, registry), publish.topic_name)
        if topic is None:
            return Outcome(
                reason_code=ReasonCode.TOPIC_NAME_INVALID,
                reason_string="Topic name is invalid",
                log=f"topic {quoted_topic(publish.topic_name)} is none of this dialect",
            )
        channel, spoken_for = topic
        device = sender
        if spoken_for is not None and spoken_for != sender.id:
            found = registry.lookup(key(sender.application, spoken_for))
            if found is None or sender.id not in gateways_of(found):
                return _not_authorized(f"may not speak for {quoted(spoken_for)}")
            device = found
        content_type = content_type_of(publish.properties.content_type, publish.payload)
        if content_type is None:
            return Outcome(
                reason_code=ReasonCode.UNSPECIFIED_ERROR,
                reason_string="Unspecified error",
                log=f"the payload is not {quoted(publish.properties.content_type or '')}",
            )
        update = _read_answer(device, channel, content_type, publish.payload)
        kind = Kind.READING if content_type == JSON else Kind.DATA
        return Outcome(
            events=(
                Event(
                    id=arrival.ids.uuid(),
                    kind=kind if update is None else Kind.ANSWER,
                    application=device.application,
                    device=device.id,
                    sender=sender.id,
                    channel=channel,
                    time_us=arrival.time_us,
                    datacontenttype=content_type,
                    data=publish.payload,
                    topic=publish.topic_name,
                ),
            ),
            updates=() if update is None else (update,),
        )

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Its topic is the channel, whatever the grammar; JSON that is none goes as bytes."""
        sender = _device_of(principal, registry)
        if sender is None:
            return Outcome(log="the device is gone, and its Will with it")
        content_type = content_type_of(will.properties.content_type, will.payload) or BYTES
        event = Event(
            id=arrival.ids.uuid(),
            kind=Kind.READING if content_type == JSON else Kind.DATA,
            application=sender.application,
            device=sender.id,
            sender=sender.id,
            channel=will.topic_name,
            time_us=arrival.time_us,
            datacontenttype=content_type,
            data=will.payload,
            topic=will.topic_name,
        )
        return Outcome(events=(event,))

    def on_subscribe(
        self,
        subscribe: Subscribe,
        principal: Principal,
        registry: RegistryView,
        arrival: Arrival,
    ) -> SubscribeOutcome:
        """Grant the spellings of ``command/inbox``; commands take no routes."""
        if subscribe.properties.subscription_identifiers:
            refused = Grant(ReasonCode.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED)
            return SubscribeOutcome(
                grants=(refused,) * len(subscribe.requests),
                outcome=Outcome(log="subscription identifiers are not of this dialect"),
            )
        grants = tuple(
            Grant(
                ReasonCode.UNSPECIFIED_ERROR
                if inbox_of(request.topic_filter) is None
                else ReasonCode.SUCCESS
            )
            for request in subscribe.requests
        )
        log = refused_filters(subscribe, grants)
        return SubscribeOutcome(grants=grants, outcome=Outcome(log=log))

    def on_unsubscribe(
        self,
        unsubscribe: Unsubscribe,
        principal: Principal,
        subscribed: frozenset[str],
    ) -> Sequence[tuple[str | None, ReasonCode]]:
        """See ``Face``."""
        return plain_unsubscribe(unsubscribe, subscribed)

    def topics_of(
        self,
        event: Event,
        registry: RegistryView,
    ) -> Sequence[str]:
        """None: devices get commands, never events."""
        return ()

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        """None: devices get commands, never events."""
        return None

    def command_id(self, arrival: Arrival) -> str:
        """A UUID; no message carries it."""
        return arrival.ids.uuid()

    def check_command(self, command: Command, registry: RegistryView) -> Command:
        """See ``Dialect``; the argument goes out byte for byte."""
        if not is_topic_name(f"command/inbox//{command.name}"):
            raise RequestError(
                f"{command.name!r} cannot stand in a topic; leave out '+', '#' and NUL",
                path="name",
            )
        device = registry.device(command.application, command.device)
        if device is not None and not device.enabled:
            raise RequestError(f"device {device.id!r} is disabled; enable it first")
        return command

    def receivers(self, command: Command, registry: RegistryView) -> Sequence[str]:
        """The target, and every gateway it names that is there and enabled."""
        device = registry.device(command.application, command.device)
        if device is None:
            return ()
        named = (registry.device(command.application, name) for name in gateways_of(device))
        gateways = (gateway.id for gateway in named if gateway is not None and gateway.enabled)
        return tuple(dict.fromkeys((device.id, *gateways)))

    def deliver_command(
        self,
        command: Command,
        receiver: Receiver,
        registry: RegistryView,
    ) -> Sequence[OutgoingMessage]:
        """One message for each subscription that selects it, in that one's form of topic."""
        topics = (
            command_topic(subscription.topic_filter, command, receiver.principal.device)
            for subscription in receiver.subscriptions
        )
        return [
            OutgoingMessage(topic_name=topic, payload=command.data)
            for topic in topics
            if topic is not None and is_topic_name(topic)
        ]


def _not_authorized(log: str) -> Outcome:
    return Outcome(reason_code=ReasonCode.NOT_AUTHORIZED, reason_string="Not authorized", log=log)


def _device_of(principal: Principal, registry: RegistryView) -> Device | None:
    if principal.application is None or principal.device is None:
        return None
    return registry.device(principal.application, principal.device)


def _read_answer(
    device: Device, channel: str, content_type: str, payload: bytes
) -> CommandUpdate | None:
    """Read what a leaf answers to a command; other people's channel of that name is left alone."""
    if channel != _ANSWER_CHANNEL or content_type != JSON:
        return None
    try:
        answer = _answer_decoder.decode(payload)
    except msgspec.ValidationError:
        return None
    update = CommandUpdate(
        application=device.application,
        device=device.id,
        name=answer.command,
        state=CommandState.FAILED,
        error=answer.error,
    )
    if answer.error is not None:
        return update
    if isinstance(answer.result, msgspec.UnsetType):
        return None
    return msgspec.structs.replace(
        update, state=CommandState.ANSWERED, answer=bytes(answer.result)
    )


_answer_decoder = msgspec.json.Decoder(_Answer)
