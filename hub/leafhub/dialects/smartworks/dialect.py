"""Altair SmartWorks Edge: things with properties, actions and events on ``things/<id>/…``.

An application is a space, a device is a thing. Its record carries the Thing Description as it was
given, and one MQTT user. What a device sends never comes back to it, except on ``…/data``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

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
)
from leafhub.dialects.data_schema import fit
from leafhub.dialects.interface import Answers, Dialect, Waiting
from leafhub.dialects.log_text import refused_filters
from leafhub.dialects.smartworks.bodies import (
    href,
    property_body,
    read_json,
    request_body,
    timestamp,
)
from leafhub.dialects.smartworks.reports import take_in
from leafhub.dialects.smartworks.thing import (
    NO_MEMBERS,
    Assumed,
    SpaceSettings,
    ThingSettings,
    check_thing,
    members_of,
    thing_id,
    thing_of,
    user_of,
)
from leafhub.errors import NotFoundError, PayloadError, RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command
from leafhub.model.device import Device
from leafhub.model.event import JSON, Event, Kind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Will
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import OutgoingMessage, Subscription
from leafhub.mqtt.topics import filter_covers, topic_matches

_POLICY = Policy(
    maximum_packet_bytes=Assumed.maximum_payload_bytes + Assumed.packet_overhead_bytes,
    maximum_outgoing_qos=Assumed.qos_to_devices,
    refused_publish_v3=Assumed.refused_publish_v3,
    connack_properties=Properties(
        maximum_packet_size=Assumed.maximum_payload_bytes + Assumed.packet_overhead_bytes
    ),
)


_READABLE: Final = ("data", "properties/#", "actions/#", "events/#")  # below things/<id>/


class SmartWorksDialect(Dialect):
    """The Edge "MQTT Driver" topics; see the module."""

    name = "smartworks"
    application_type = SpaceSettings
    device_type = ThingSettings
    commands_wait = Waiting.ALWAYS  # pending, and never sent a second time
    commands_are_answered = Answers.ALWAYS
    keeps_plain_secrets = True  # reading the user is how its password is fetched

    def keys(self, application: Application, device: Device) -> Iterable[str]:
        """Its user name; and its id, since topics carry no space."""
        yield f"smartworks:thing:{device.id}"
        for credential in device.credentials:
            yield f"smartworks:user:{credential.username}"

    def prepare(
        self, application: Application, device: Device, before: Device | None, arrival: Arrival
    ) -> Device:
        """Check the Thing Description; make the ULID and the user where there is none."""
        thing = thing_of(device)
        check_thing(thing)
        return msgspec.structs.replace(
            device,
            id=thing_id(device, thing) or arrival.ids.ulid(arrival.time_us),
            name=thing["title"] if device.name in {"", device.id} else device.name,
            credentials=(user_of(device, arrival),),
            created_us=device.created_us or arrival.time_us,
        )

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Find the thing by the user name, exactly as it is written."""
        username = connect.username or ""
        device = registry.lookup(f"smartworks:user:{username}") if username else None
        application = None if device is None else registry.application(device.application)
        if device is None or application is None or connect.password is None:
            if device is None and peer.dialect != self.name:
                return None
            return Refusal(reason_code=Assumed.bad_credentials, log="no such user, or no password")
        client_id = connect.client_id
        if not client_id and connect.protocol_level == 5:
            client_id = arrival.ids.uuid()
        refusal = None
        if not (device.enabled and application.enabled):
            refusal = Refusal(reason_code=Assumed.disabled, log=f"{username} is disabled")
        elif not (client_id or connect.clean_start):
            refusal = Refusal(
                reason_code=ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
                log="an empty client id needs a clean session",
            )
        key = f"smartworks/{device.id}/{client_id}" if client_id else None
        return Login(
            principal=Principal(
                dialect=self.name,
                policy=_POLICY,
                peer=peer,
                application=device.application,
                device=device.id,
                login=username,
                client_id=client_id,
                slot=key,
                session_key=key,
            ),
            credentials=device.credentials,
            secret=connect.password,
            mismatch=Refusal(reason_code=Assumed.bad_credentials, log="wrong password"),
            refusal=refusal,
        )

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Take in data, property values, action statuses or events."""
        return take_in(publish.topic_name, publish.payload, principal, registry, arrival)

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Treat it as if the device had published it now."""
        return take_in(will.topic_name, will.payload, principal, registry, arrival)

    def on_subscribe(
        self, subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> SubscribeOutcome:
        """Grant a filter if every topic it can match is the thing's to read."""
        readable = [f"things/{principal.device}/{rest}" for rest in _READABLE]
        grants = tuple(
            Grant(request.qos, (f"smartworks/{request.topic_filter}",))
            if any(filter_covers(wide, request.topic_filter) for wide in readable)
            else Grant(Assumed.denied)
            for request in subscribe.requests
        )
        log = refused_filters(subscribe, grants)
        return SubscribeOutcome(grants=grants, outcome=Outcome(log=log))

    def topics_of(self, event: Event, registry: RegistryView) -> Sequence[str]:
        """Show raw data, and events that were raised elsewhere; no other report of a device."""
        application = registry.application(event.application)
        if application is None or application.dialect != self.name:
            return ()
        if event.kind is Kind.DATA:
            return (f"smartworks/things/{event.device}/data",)
        if event.kind is Kind.OCCURRENCE and not event.topic:
            return (f"smartworks/things/{event.device}/events/{event.channel}",)
        return ()

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        """Pass data on byte for byte, an event as the object it is over REST."""
        if event.device != principal.device:
            return None
        if event.kind is Kind.DATA:
            topic, payload = "data", event.data if event.raw is None else event.raw
        else:
            topic = f"events/{event.channel}"
            payload = msgspec.json.encode(
                {
                    event.channel: {
                        "data": msgspec.Raw(event.data),
                        "timestamp": timestamp(event.time_us),
                        "href": href(event.device, "events", event.channel, event.id),
                    }
                }
            )
        return OutgoingMessage(
            topic_name=f"things/{event.device}/{topic}",
            payload=payload,
            qos=min(subscription.qos, Assumed.qos_to_devices),
        )

    def command_timeout_s(self, device: Device, registry: RegistryView) -> float | None:
        """None: a request stays pending for ever."""
        return None

    def command_id(self, arrival: Arrival) -> str:
        """Make a ULID: it ends the request's ``href``."""
        return arrival.ids.ulid(arrival.time_us)

    def check_command(self, command: Command, registry: RegistryView) -> Command:
        """Check an action's input or a property's new value against the Thing Description.

        Raises:
            RequestError: Neither an action nor a property that can be set, or a value that does
                not fit; ``path`` names it.
        """
        device = registry.device(command.application, command.device)
        if device is None:
            raise NotFoundError("there is no such thing", path="device")
        thing = thing_of(device)
        actions, properties = members_of(thing, "actions"), members_of(thing, "properties")
        if command.name in actions:
            schema = actions[command.name].get("input")
            data = _fitting_input(command, schema)
        elif command.name in properties:
            schema = properties[command.name]
            if schema.get("readOnly", False):
                raise RequestError("property is read-only", path="name")
            data = _fitting(command, schema)
        else:
            known = [*actions, *(n for n, s in properties.items() if not s.get("readOnly", False))]
            raise NotFoundError(
                f"{device.name!r} has no action and no property that can be set of that name"
                f" (it has: {', '.join(known) or 'none'})",
                path="name",
            )
        return msgspec.structs.replace(command, data=data, datacontenttype=JSON)

    def deliver_command(
        self, command: Command, receiver: Receiver, registry: RegistryView
    ) -> Sequence[OutgoingMessage]:
        """Say it as action request or property set to a connection that subscribed to it."""
        device = registry.device(command.application, command.device)
        if device is None:
            return ()
        is_action = command.name in members_of(thing_of(device), "actions")
        kind = "actions" if is_action else "properties"
        topic_name = f"things/{command.device}/{kind}/{command.name}"
        granted = [
            subscription.qos
            for subscription in receiver.subscriptions
            if topic_matches(subscription.topic_filter, topic_name)
        ]
        if not granted:
            return ()
        return (
            OutgoingMessage(
                topic_name=topic_name,
                payload=request_body(command) if is_action else property_body(command),
                qos=min(max(granted), Assumed.qos_to_devices),
            ),
        )


def _fitting_input(command: Command, schema: Mapping[str, Any] | None) -> bytes:
    """Check an action's input; a request may have none if an empty object would fit too."""
    if schema is None:
        return _fitting(command, NO_MEMBERS) if command.data else b""
    if command.data:
        return _fitting(command, schema)
    try:
        fit(schema, {})
    except PayloadError as exc:
        raise RequestError(f"the action needs an input: {exc.reason}", path="data") from exc
    return b""


def _fitting(command: Command, schema: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(fit(schema, read_json(command.data)))
    except PayloadError as exc:
        path = f"data.{exc.where}" if exc.where else "data"
        raise RequestError(exc.reason, path=path) from exc
