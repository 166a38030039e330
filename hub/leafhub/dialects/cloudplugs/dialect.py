"""CloudPlugs IoT: a company's Things and Controllers, who publish records to channels.

A device enrolls by a SUBSCRIBE whose filter is a request with a password in it, and logs in with
what comes back. Everything it publishes is stored, nothing is retained; who may read a record is
asked when it is delivered. The vendor has no commands, so the hub's own go as records: a command
comes on the device's channel ``command/<name>``, its answer goes to ``answer/<name>`` and carries
the command's id in ``to``.
"""

from collections.abc import Iterable, Sequence

import msgspec

from leafhub.dialects.base import (
    NOTHING,
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
from leafhub.dialects.cloudplugs.company import (
    NAME,
    PLUG_ID,
    Assumed,
    CompanySettings,
    DeviceSettings,
    company_of,
    device_key,
    is_publisher,
    may,
    serial_key,
    settings_of,
)
from leafhub.dialects.cloudplugs.enrollment import enroll
from leafhub.dialects.cloudplugs.login import enrolling, judge_login
from leafhub.dialects.cloudplugs.records import (
    COMMANDS,
    LONGEST_CHANNEL,
    HubTimes,
    Record,
    answer_in,
    bodies,
    compact,
    is_channel,
    json_of,
    read_record,
    record_message,
    split_topic,
)
from leafhub.dialects.interface import AnonymousFace, Answers, Dialect, Waiting
from leafhub.dialects.log_text import quoted, quoted_topic
from leafhub.errors import PayloadError, RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import JSON, Event, Kind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Will
from leafhub.mqtt.session_state import OutgoingMessage, Subscription
from leafhub.mqtt.topics import is_topic_name, topic_matches

_NOT_RECORDS = frozenset({Kind.CONNECTION, Kind.REGISTRY, Kind.COMMAND})


class CloudPlugsDialect(Dialect, AnonymousFace):
    """CloudPlugs IoT over MQTT 3.1 and 3.1.1, with QoS 0 towards the client.

    Its only state are the times it gave out last, so that no two records of a channel share one.
    """

    name = NAME
    application_type = CompanySettings
    device_type = DeviceSettings
    commands_wait = Waiting.NEVER  # everything goes out with QoS 0
    commands_are_answered = Answers.ALWAYS

    def __init__(self) -> None:
        self._times = HubTimes()

    # Records

    def keys(self, application: Application, device: Device) -> Iterable[str]:
        """The Plug-ID and the serial number."""
        settings = settings_of(device)
        yield device_key(device.id)
        if settings.hwid and settings.role != "thing":
            yield serial_key(company_of(application).id, settings.hwid)
        elif settings.hwid and settings.model:
            yield serial_key(settings.model, settings.hwid)

    def prepare(
        self, application: Application, device: Device, before: Device | None, arrival: Arrival
    ) -> Device:
        """An empty id is filled in."""
        settings = settings_of(device)
        device_id = device.id.lower() if device.id else f"dev-{arrival.ids.oid(arrival.time_us)}"
        if not (PLUG_ID.match(device_id) and device_id.startswith("dev-")):
            raise RequestError(
                f"{device.id!r} is no Plug-ID: dev- and 24 hexadecimal digits", path="id"
            )
        if "/" in settings.hwid or len(settings.hwid) > Assumed.LONGEST_HWID:
            raise RequestError(
                f"a serial number has no '/' and at most {Assumed.LONGEST_HWID} characters",
                path="settings.hwid",
            )
        models = [model.id for model in company_of(application).models]
        if settings.model is not None and settings.model not in models:
            raise RequestError(
                f"the company has no template {settings.model!r}; "
                f"it has {', '.join(models) or 'none'}",
                path="settings.model",
            )
        return msgspec.structs.replace(
            device,
            id=device_id,
            name=device.name or settings.hwid or device_id,
            enabled=device.enabled and not settings.reactivate,
        )

    # CONNECT

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Find the device by its Plug-ID, or the account; who shows nothing wants to enroll."""
        return judge_login(connect, peer, registry)

    def anonymous(self, connect: Connect, peer: Peer, registry: RegistryView) -> Principal:
        """An enrollment session."""
        return enrolling(connect, peer)

    # SUBSCRIBE

    def on_subscribe(
        self, subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> SubscribeOutcome:
        """SUBACK never says no, not even to a refused enrollment."""
        if principal.application is None:
            return enroll(subscribe, principal, registry, arrival)
        return SubscribeOutcome(
            grants=tuple(Grant(0, _routes(r.topic_filter, principal)) for r in subscribe.requests)
        )

    # PUBLISH

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Whatever becomes of it, it is acknowledged and never answered."""
        return self._publish(publish.topic_name, publish.payload, principal, registry, arrival)

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """As if published when it is due, but for an enrollment session."""
        if principal.application is None:
            return NOTHING
        return self._publish(will.topic_name, will.payload, principal, registry, arrival)

    def _publish(
        self,
        topic_name: str,
        payload: bytes,
        principal: Principal,
        registry: RegistryView,
        arrival: Arrival,
    ) -> Outcome:
        application = registry.application(principal.application or "")
        if application is None:
            return Outcome(log="a PUBLISH in an enrollment session is dropped")
        publisher, channel = split_topic(
            topic_name, principal.device or company_of(application).id
        ) or ("", "")
        if not is_channel(channel):
            return Outcome(log=f"dropped: {quoted_topic(topic_name)} is no PLUG_ID/data/CHANNEL")
        events: list[Event] = []
        updates: list[CommandUpdate] = []
        trouble = ""
        try:
            for body in bodies(payload):
                try:
                    record = read_record(body)
                    whose = self._writable(record.of or publisher, principal, registry)
                except PayloadError as exc:
                    trouble = str(exc)
                    continue
                event = self._to_event(
                    record,
                    publisher=whose,
                    channel=channel,
                    topic_name=topic_name,
                    principal=principal,
                    arrival=arrival,
                )
                update = answer_in(event) if whose == principal.device else None
                if update is not None:
                    updates.append(update)
                    event = msgspec.structs.replace(event, kind=Kind.ANSWER)
                events.append(event)
        except PayloadError as exc:
            trouble = str(exc)
        return Outcome(
            events=tuple(events),
            updates=tuple(updates),
            log=f"dropped on {quoted_topic(topic_name)}: {trouble}" if trouble else "",
        )

    @staticmethod
    def _writable(publisher: str, principal: Principal, registry: RegistryView) -> str:
        """Give ``publisher`` back.

        Raises:
            PayloadError: The company has none of that Plug-ID, or the client may not write for it.
        """
        if not is_publisher(publisher, principal.application or "", registry):
            raise PayloadError(NAME, f"the company has no device {quoted(publisher)}")
        if not may("w", principal, publisher, registry):
            raise PayloadError(NAME, f"no permission to write for {publisher}")
        return publisher

    def _to_event(
        self,
        record: Record,
        *,
        publisher: str,
        channel: str,
        topic_name: str,
        principal: Principal,
        arrival: Arrival,
    ) -> Event:
        application = principal.application or ""
        return Event(
            id=arrival.ids.oid(arrival.time_us),
            application=application,
            device=publisher,
            sender=principal.device or publisher,
            channel=channel,
            time_us=self._times.next_us(application, publisher, channel, arrival.time_us)
            if record.at_ms is None
            else record.at_ms * 1000,
            data=record.data,
            topic=topic_name,
            raw=record.raw,
        )

    # Delivery

    def topics_of(self, event: Event, registry: RegistryView) -> Sequence[str]:
        """A record is known as ``<company>/<Plug-ID>/data/<channel>``."""
        application = registry.application(event.application)
        if application is None or application.dialect != NAME or event.kind in _NOT_RECORDS:
            return ()
        return (f"{NAME}/{event.application}/{event.device}/data/{event.channel}",)

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        """Permissions are asked now."""
        if event.application != principal.application:
            return None
        if not may("r", principal, event.device, registry):
            return None
        return record_message(
            event.device,
            event.channel,
            record_id=event.id,
            data=json_of(event),
            time_us=event.time_us,
        )

    # Commands

    def command_timeout_s(self, device: Device, registry: RegistryView) -> float | None:
        """See ``Assumed``."""
        return Assumed.COMMAND_TIMEOUT_S

    def command_id(self, arrival: Arrival) -> str:
        """The id of the record that the device gets."""
        return arrival.ids.oid(arrival.time_us)

    def check_command(self, command: Command, registry: RegistryView) -> Command:
        """The name is a channel below ``command``, the argument any JSON."""
        channel = COMMANDS + command.name
        if not (is_channel(channel) and is_topic_name(channel)):
            raise RequestError(
                f"{command.name!r} is no channel: levels joined by '/', none empty, no wildcard, "
                f"{LONGEST_CHANNEL} bytes with {COMMANDS!r}",
                path="name",
            )
        try:
            data = compact(command.data or b"null")
        except (ValueError, RecursionError) as exc:
            raise RequestError(f"not JSON: {exc}", path="data") from exc
        return msgspec.structs.replace(command, data=data, datacontenttype=JSON)

    def deliver_command(
        self, command: Command, receiver: Receiver, registry: RegistryView
    ) -> Sequence[OutgoingMessage]:
        """A connection gets it that subscribed to its channel."""
        channel = COMMANDS + command.name
        known_as = f"{NAME}/{command.application}/{command.device}/data/{channel}"
        routes = (
            route
            for subscription in receiver.subscriptions
            for route in _routes(subscription.topic_filter, receiver.principal)
        )
        if not any(topic_matches(route, known_as) for route in routes):
            return ()
        return (
            record_message(
                command.device,
                channel,
                record_id=command.id,
                data=command.data,
                time_us=command.created_us,
            ),
        )


def _routes(topic_filter: str, principal: Principal) -> tuple[str, ...]:
    """Where the records that a filter means are known; none for a mask that is too long."""
    company = f"{NAME}/{principal.application}"
    split = split_topic(topic_filter, principal.device or "+")
    if split is not None:
        whose, mask = split
        return (f"{company}/{whose}/data/{mask}",) if len(mask.encode()) <= LONGEST_CHANNEL else ()
    whose, slash, rest = topic_filter.partition("/")
    return (f"{company}/{whose.lower() if PLUG_ID.match(whose) else whose}{slash}{rest}",)
