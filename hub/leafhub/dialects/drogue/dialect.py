"""Drogue Cloud: JSON or bytes on a channel, commands in an inbox, devices that speak for others.

A device logs in as ``<device>@<application>`` and publishes to ``<channel>``; a gateway publishes
to ``<channel>/<device>`` for a device that names it.
"""

from collections.abc import Iterable, Sequence

from leafhub.dialects.base import (
    Arrival,
    Login,
    Outcome,
    Peer,
    Principal,
    Receiver,
    Refusal,
    Review,
    SubscribeOutcome,
)
from leafhub.dialects.drogue.commanding import (
    check_command,
    deliver_command,
    lost_filters,
    on_subscribe,
    receivers,
)
from leafhub.dialects.drogue.declaration import keys_of, prepare_application, prepare_device
from leafhub.dialects.drogue.login import judge_login, pre_shared_key, why_it_ends
from leafhub.dialects.drogue.publishing import on_publish, on_will
from leafhub.dialects.drogue.records import declared_device
from leafhub.dialects.drogue.rules.events import judged
from leafhub.dialects.drogue.settings import NAME, ApplicationSettings, DeviceSettings
from leafhub.dialects.drogue.spec import options_of
from leafhub.dialects.drogue.trust_anchors import application_keys_of
from leafhub.dialects.inquiry import Inquiry
from leafhub.dialects.interface import Answers, Dialect, HandshakeFace, Waiting
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import Event
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Will
from leafhub.mqtt.session import OutgoingMessage


class DrogueDialect(Dialect, HandshakeFace):
    """See the module."""

    name = NAME
    application_type = ApplicationSettings
    device_type = DeviceSettings
    commands_wait = Waiting.IN_SESSIONS
    commands_are_answered = Answers.SOMETIMES

    def keys(self, application: Application, device: Device) -> Iterable[str]:
        """Name, aliases and unique user names, each once."""
        return keys_of(application, device)

    def application_keys(self, application: Application) -> Iterable[str]:
        """The subjects of its trust anchors."""
        return application_keys_of(application)

    def prepare_application(
        self,
        application: Application,
        before: Application | None,
        registry: RegistryView,
        arrival: Arrival,
    ) -> Application:
        """Check the sections that the hub reads, and settle its version."""
        return prepare_application(application, before, arrival)

    def prepare(
        self, application: Application, device: Device, before: Device | None, arrival: Arrival
    ) -> Device:
        """Check the sections that the hub reads; settle credentials and version."""
        return prepare_device(device, before, arrival)

    def declared(self, device: Device) -> Device:
        """Its credentials in the vendor's words, but for those that the hub's own say as well."""
        return declared_device(device)

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Ours is what names an application of ours, in the user name or else in the client id."""
        return judge_login(connect, peer, registry, arrival)

    def pre_shared_key(self, identity: str, registry: RegistryView, time_us: int) -> bytes | None:
        """The key that is valid now, of ``<device>@<application>``."""
        return pre_shared_key(identity, registry, time_us)

    def review(
        self,
        principal: Principal,
        topic_filters: Iterable[str],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Review:
        """It ends if its login would fail now, and loses what another grammar has not."""
        ends = why_it_ends(principal, registry, arrival)
        return Review(
            ends=ends, lost=() if ends else lost_filters(topic_filters, principal, registry)
        )

    def on_connection(self, event: Event, registry: RegistryView) -> Outcome | Inquiry[Outcome]:
        """It goes the way of all events."""
        return judged(event, (), registry)

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome | Inquiry[Outcome]:
        """Take it as an event of the sender, or of a device behind it, if the rules do."""
        return on_publish(publish, principal, registry, arrival)

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome | Inquiry[Outcome]:
        """Its topic is the channel, whatever the grammar."""
        return on_will(will, principal, registry, arrival)

    def on_subscribe(
        self,
        subscribe: Subscribe,
        principal: Principal,
        registry: RegistryView,
        arrival: Arrival,
    ) -> SubscribeOutcome:
        """Grant what commands come under; they take no routes."""
        return on_subscribe(subscribe, principal, registry)

    def command_timeout_s(self, device: Device, registry: RegistryView) -> float | None:
        """As the option says: a device with a kept session may sleep for long."""
        return options_of(device, registry).command_timeout

    def check_command(
        self, command: Command, registry: RegistryView
    ) -> Command | Inquiry[Command]:
        """The rules have their say."""
        return check_command(command, registry)

    def receivers(
        self, command: Command, registry: RegistryView
    ) -> Sequence[str] | Inquiry[CommandUpdate]:
        """The device and its gateways, or an endpoint of the last of them."""
        return receivers(command, registry)

    def deliver_command(
        self,
        command: Command,
        receiver: Receiver,
        registry: RegistryView,
    ) -> Sequence[OutgoingMessage]:
        """One message for each subscription that selects it, in that one's form of topic."""
        return deliver_command(command, receiver, registry)
