"""Exosite Murano: a connector's devices write resources, and sets come back without asking.

An application is a connector, a device is an identity. Topics are private to the device. What the
cloud side sets is delivered on ``$resource/<alias>/<time>`` to every live connection, subscribed
or not, and stays pending until the device writes that alias back.
"""

from collections.abc import Iterable, Sequence
from typing import Final

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
from leafhub.dialects.interface import AnonymousFace, Answers, Dialect, Waiting
from leafhub.dialects.log_text import quoted_topic, refused_filters
from leafhub.dialects.murano.connector import (
    NAME,
    TOKEN_LENGTH,
    ConnectorSettings,
    IdentitySettings,
    auth_type_of,
    bare_text,
    connector_of,
    identity_of,
    value_of_json,
    value_of_text,
)
from leafhub.dialects.murano.login import judge_login, token_key
from leafhub.dialects.murano.provisioning import (
    JUST_PROMOTED,
    POLICY,
    PROMOTED,
    TOPIC,
    close_without_a_word,
    provision,
    rotate,
    sha256_of,
)
from leafhub.dialects.murano.writes import (
    BATCH_TOPIC,
    SEVERAL_TOPIC,
    Message,
    tell,
    write_history,
    write_one,
    write_several,
)
from leafhub.errors import NotFoundError, PayloadError, RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import JSON, TEXT, Event, Kind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import OutgoingMessage, Subscription

CONTENT_TOPIC: Final = "$content"

_GRANTED: Final = 0  # the QoS of everything that goes to a device
_REFUSED: Final = 0x80
_WILDCARDS: Final = frozenset({"+", "#"})
_OWN_KINDS: Final = frozenset({Kind.DATA, Kind.ANSWER})


class MuranoDialect(Dialect, AnonymousFace):
    """The Device MQTT API of the IoT Connector; see the module."""

    name = NAME
    application_type = ConnectorSettings
    device_type = IdentitySettings
    commands_wait = Waiting.ALWAYS
    commands_are_answered = Answers.ALWAYS

    # Records

    def keys(self, application: Application, device: Device) -> Iterable[str]:
        """Its token: that alone names it."""
        if auth_type_of(application, device) == "token":
            for credential in device.credentials:
                yield token_key(credential.secret)

    def prepare_application(
        self,
        application: Application,
        before: Application | None,
        registry: RegistryView,
        arrival: Arrival,
    ) -> Application:
        """Check its name: it is a label of the host name that its devices ask for."""
        if "." in application.name:
            raise RequestError("a connector's name has no dots", path="name")
        return application

    def prepare(
        self, application: Application, device: Device, before: Device | None, arrival: Arrival
    ) -> Device:
        """Check identity and credentials; a token becomes its hash."""
        settings = connector_of(application)
        if not settings.identity.fits(device.id):
            raise RequestError(
                f"{device.id!r} is no identity of this connector: 1 to 128 of A-Z a-z 0-9 _ . : -"
                f" (type {settings.identity.type}, prefix {settings.identity.prefix!r})",
                path="id",
            )
        auth_type = auth_type_of(application, device)
        if auth_type == "certificate" and device.credentials:
            raise RequestError("certificate logins are not served", path="credentials")
        identity = identity_of(device)
        return msgspec.structs.replace(
            device,
            name=device.name or device.id,
            credentials=tuple(
                _prepared(credential, auth_type, device.id, f"credentials[{place}]")
                for place, credential in enumerate(device.credentials)
            ),
            settings=msgspec.structs.replace(
                identity, auth_type=auth_type if device.credentials else identity.auth_type
            ),
            created_us=device.created_us or arrival.time_us,
        )

    # CONNECT

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Find the device by its token or its identity; who shows nothing is anonymous."""
        return judge_login(connect, peer, registry, arrival.time_us)

    def anonymous(self, connect: Connect, peer: Peer, registry: RegistryView) -> Principal:
        """A client without credentials: all it can do is ask to be provisioned."""
        return Principal(dialect=NAME, policy=POLICY, peer=peer, client_id=connect.client_id)

    def on_connected(
        self,
        principal: Principal,
        open_commands: Sequence[Command],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Sequence[tuple[Command, OutgoingMessage]]:
        """All pending aliases: the latest set of each, with its own time, oldest time first."""
        latest = {command.name: command for command in open_commands}
        pending = sorted(latest.values(), key=lambda command: command.created_us)
        return [(command, _set_message(command)) for command in pending]

    # Packets of a client

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Provision, write, list contents, or take a message on a topic of the device's own."""
        topic_name, payload = publish.topic_name, publish.payload
        if principal.application is None or principal.device is None:
            return provision(topic_name, payload, principal, registry, arrival)
        message = _message(topic_name, payload, principal, registry, arrival)
        if message is None:
            return close_without_a_word("the device is gone")
        if topic_name.startswith(f"{TOPIC}/"):
            return _renew(message, principal, registry)
        if topic_name == CONTENT_TOPIC:  # no connector has contents
            outcome = Outcome(replies=(OutgoingMessage(topic_name=topic_name, payload=b"[]"),))
        else:
            outcome = _written(message)
        if principal.note == JUST_PROMOTED:
            return msgspec.structs.replace(outcome, become=_promoted(principal))
        return outcome

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Treat it as if the device had published it now; an anonymous client's is ignored."""
        message = _message(will.topic_name, will.payload, principal, registry, arrival)
        return NOTHING if message is None else _written(message)

    def on_subscribe(
        self, subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> SubscribeOutcome:
        """Grant QoS 0 to the reserved topics, which come anyway, and to the device's own."""
        grants = tuple(_grant(request.topic_filter, principal) for request in subscribe.requests)
        become = _promoted(principal) if principal.note == JUST_PROMOTED else None
        log = refused_filters(subscribe, grants)
        return SubscribeOutcome(grants=grants, outcome=Outcome(become=become, log=log))

    def on_unsubscribe(
        self, unsubscribe: Unsubscribe, principal: Principal, subscribed: frozenset[str]
    ) -> Sequence[tuple[str | None, ReasonCode]]:
        """End subscriptions to the device's own topics; those to reserved ones never end."""
        return [
            (
                name if name in subscribed and not name.startswith("$") else None,
                ReasonCode.SUCCESS,
            )
            for name in unsubscribe.topic_filters
        ]

    # What goes to a client

    def topics_of(self, event: Event, registry: RegistryView) -> Sequence[str]:
        """Show a message on a topic of the device's own to that device; no write is echoed."""
        if event.kind not in _OWN_KINDS or not event.topic or event.topic.startswith("$"):
            return ()
        application = registry.application(event.application)
        if application is None or application.dialect != NAME:
            return ()
        return (f"{NAME}/{event.application}/{event.device}/{event.topic}",)

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        """Give the message as it came."""
        if (event.application, event.device) != (principal.application, principal.device):
            return None
        return OutgoingMessage(
            topic_name=event.topic, payload=event.data if event.raw is None else event.raw
        )

    def command_timeout_s(self, device: Device, registry: RegistryView) -> float | None:
        """None: a set is pending until it is written back."""
        return None

    def check_command(self, command: Command, registry: RegistryView) -> Command:
        """Check a set against the resource; its data become the bare value.

        Raises:
            RequestError: No such resource, not settable, or a value it does not take.
        """
        connector = registry.application(command.application)
        resources = {} if connector is None else connector_of(connector).resources
        resource = resources.get(command.name)
        if resource is None or not resource.settable:
            settable = [alias for alias, one in resources.items() if one.settable]
            what = "there is no resource" if resource is None else "nobody may set the resource"
            raise NotFoundError(
                f"{what} {command.name!r}; settable are: {', '.join(settable) or 'none'}",
                path="name",
            )
        read = value_of_json if command.datacontenttype == JSON else value_of_text
        data = command.data or (b"{}" if resource.format == "json" else b"")
        try:
            value = read(resource, data)
        except PayloadError as exc:
            raise RequestError(
                f"the value for {command.name!r} ({resource.format}) {exc.reason}", path="data"
            ) from exc
        return msgspec.structs.replace(
            command,
            data=bare_text(resource, value),
            datacontenttype=TEXT if resource.format == "string" else JSON,
        )

    def deliver_command(
        self, command: Command, receiver: Receiver, registry: RegistryView
    ) -> Sequence[OutgoingMessage]:
        """Send a set to every connection, but not right behind the answer to provisioning."""
        if receiver.principal.note == JUST_PROMOTED:
            return ()
        return (_set_message(command),)


def _prepared(credential: Credential, auth_type: str, identity: str, path: str) -> Credential:
    """Check one declared credential.

    Raises:
        RequestError: It could never be shown.
    """
    if credential.username not in {None, identity}:
        raise RequestError("the user name is the identity; leave it out", path=f"{path}.username")
    if auth_type != "token" or credential.kind is SecretKind.SHA256:
        return credential
    if credential.kind is not SecretKind.PLAIN:
        raise RequestError(
            'a token names its device, so only its SHA-256 can be kept: give kind = "sha256", or '
            "no credential at all and let the device provision itself",
            path=path,
        )
    token = credential.secret
    if len(token) != TOKEN_LENGTH or not (token.isascii() and token.isalnum()):
        raise RequestError(f"a token has {TOKEN_LENGTH} letters and digits", path=path)
    return msgspec.structs.replace(
        credential, kind=SecretKind.SHA256, secret=sha256_of(token.encode())
    )


def _message(
    topic_name: str,
    payload: bytes,
    principal: Principal,
    registry: RegistryView,
    arrival: Arrival,
) -> Message | None:
    connector = registry.application(principal.application or "")
    device = registry.device(principal.application or "", principal.device or "")
    if connector is None or device is None:
        return None
    return Message(connector, device, topic_name, payload, arrival)


def _renew(message: Message, principal: Principal, registry: RegistryView) -> Outcome:
    """Answer ``$provision/…`` of a device."""
    if message.topic_name == f"{TOPIC}/{message.device.id}":
        return rotate(
            message.topic_name, message.payload, message.device, registry, message.arrival
        )
    if principal.note in {JUST_PROMOTED, PROMOTED}:
        return provision(message.topic_name, message.payload, principal, registry, message.arrival)
    return Outcome(log="a device that logged in may provision itself only")


def _written(message: Message) -> Outcome:
    """Take what a device publishes, but for requests that are answered."""
    topic_name = message.topic_name
    if not topic_name.startswith("$"):
        return tell(message)
    if topic_name == SEVERAL_TOPIC:
        return write_several(message)
    if topic_name == BATCH_TOPIC:
        return write_history(message)
    levels = topic_name.split("/")
    if levels[0] == "$resource" and len(levels) == 2:
        return write_one(message, levels[1])
    return Outcome(log=f"nothing is written on {quoted_topic(topic_name)}")


def _promoted(principal: Principal) -> Principal:
    return msgspec.structs.replace(principal, note=PROMOTED)


def _grant(topic_filter: str, principal: Principal) -> Grant:
    levels = topic_filter.split("/")
    is_device = principal.device is not None
    if not topic_filter.startswith("$"):
        if not is_device:
            return Grant(_REFUSED)
        route = f"{NAME}/{principal.application}/{principal.device}/{topic_filter}"
        return Grant(_GRANTED, (route,))
    if levels[0] == TOPIC:
        is_one = len(levels) == 2 and levels[1] != "" and levels[1] not in _WILDCARDS
        granted = is_one and (not is_device or levels[1] == principal.device)
    else:
        granted = is_device and _is_reserved(levels)
    return Grant(_GRANTED if granted else _REFUSED)


def _is_reserved(levels: Sequence[str]) -> bool:
    match levels:
        case ["$content"] | ["$content", "#"] | ["$resource.batch"]:
            return True
        case ["$resource", alias]:
            return alias != ""
        case ["$resource", alias, last]:
            return alias not in {"", "#"} and last in _WILDCARDS
        case _:
            return False


def _set_message(command: Command) -> OutgoingMessage:
    return OutgoingMessage(
        topic_name=f"$resource/{command.name}/{command.created_us}", payload=command.data
    )
