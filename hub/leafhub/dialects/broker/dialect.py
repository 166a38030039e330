"""An ordinary broker: whatever MQTT allows, in a topic space of the application's own.

A user logs in by name and password, by a pre-shared key, or by a certificate. Every message is an
event of its user, with the topic as channel; subscribers get it as it was published.
"""

from collections.abc import Iterable, Sequence

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
)
from leafhub.dialects.broker import commands
from leafhub.dialects.broker.access import access_of
from leafhub.dialects.broker.declaration import prepare_space, prepare_user
from leafhub.dialects.broker.login import judge_login, pre_shared_key, still_holds
from leafhub.dialects.broker.messages import published, shown
from leafhub.dialects.broker.settings import (
    ANONYMOUS_KEY,
    NAME,
    SpaceSettings,
    UserSettings,
    certificate_key,
    psk_key,
    space_of,
    user_key,
    user_of,
)
from leafhub.dialects.interface import Answers, Dialect, HandshakeFace, Waiting
from leafhub.dialects.log_text import refused_filters
from leafhub.model.application import Application
from leafhub.model.command import Command
from leafhub.model.device import Device, SecretKind
from leafhub.model.event import Event
from leafhub.model.publication import Publication
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Will
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage
from leafhub.mqtt.topics import split_share


class BrokerDialect(Dialect, HandshakeFace):
    """See the module."""

    name = NAME
    application_type = SpaceSettings
    device_type = UserSettings
    commands_wait = Waiting.NEVER
    commands_are_answered = Answers.NEVER

    def keys(self, application: Application, device: Device) -> Iterable[str]:
        """The user's name, the identities of its pre-shared keys, its certificates."""
        yield user_key(device.id)
        for credential in device.credentials:
            if credential.kind is SecretKind.PSK:
                yield psk_key(credential.username or device.id)
        for fingerprint in user_of(device).certificates:
            yield certificate_key(fingerprint)
        if space_of(application).anonymous == device.id:
            yield ANONYMOUS_KEY

    def prepare_application(
        self,
        application: Application,
        before: Application | None,
        registry: RegistryView,
        arrival: Arrival,
    ) -> Application:
        """Check its lists, and what it shows of others."""
        return prepare_space(application, registry)

    def prepare(
        self, application: Application, device: Device, before: Device | None, arrival: Arrival
    ) -> Device:
        """Check the name; write fingerprints the way they are kept."""
        return prepare_user(device)

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Ours is whoever gives a user's name, or proves to be one in the handshake."""
        return judge_login(connect, peer, registry, arrival)

    def pre_shared_key(self, identity: str, registry: RegistryView, time_us: int) -> bytes | None:
        """The key of the user whose identity that is."""
        return pre_shared_key(identity, registry, time_us)

    def review(
        self,
        principal: Principal,
        topic_filters: Iterable[str],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Review:
        """What a changed list does not cover is lost; so is a login that would not hold now."""
        access = access_of(principal, registry)
        return Review(
            ends="" if still_holds(principal, registry, arrival) else "its login holds no more",
            lost=tuple(
                one for one in topic_filters if not access.may_subscribe(split_share(one)[1])
            ),
        )

    def shown(self, event: Event, registry: RegistryView) -> Sequence[Publication]:
        """In each space that shows the event's application."""
        return shown(event, registry)

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Take it as an event of its user, and for the subscribers of the space."""
        return published(publish, principal, registry, arrival)

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """A message like any other."""
        return published(will, principal, registry, arrival)

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

    def command_timeout_s(self, device: Device, registry: RegistryView) -> float | None:
        """As Drogue's: nobody waits longer for a lamp."""
        return 60.0

    def check_command(self, command: Command, registry: RegistryView) -> Command:
        """JSON text goes out as the text itself, all else as it is."""
        return commands.check(command, registry)

    def deliver_command(
        self, command: Command, receiver: Receiver, registry: RegistryView
    ) -> Sequence[OutgoingMessage]:
        """To each connection of the user that subscribed to its topic."""
        return commands.deliver(command, receiver, registry)
