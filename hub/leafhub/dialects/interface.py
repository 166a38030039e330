"""What a dialect is: one vendor's way of using MQTT, as a pure translation.

It does no I/O, has no clock and makes no random numbers: ``Arrival`` brings time and ids. What its
methods take and give is in ``base``.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import ClassVar, Protocol

import msgspec

from leafhub.dialects.base import (
    ALL_STAYS,
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
from leafhub.dialects.inquiry import Inquiry
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import Event
from leafhub.model.publication import Publication
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage, Subscription


class Face(Protocol):
    """Whoever answers a kind of client: a dialect its devices, the integration operators.

    What has a body here is the common answer, for those who inherit it and say nothing else.
    """

    name: ClassVar[str]

    @abstractmethod
    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """Judge CONNECT; ``None``: these credentials are not of this dialect."""

    @abstractmethod
    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome | Inquiry[Outcome]:
        """Translate one PUBLISH, or say what must be asked first.

        Later packets of the same device wait for the answer, and are judged after it.
        """

    @abstractmethod
    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome | Inquiry[Outcome]:
        """Translate a Will that is due, or say what must be asked first.

        Of the outcome only ``events``, ``publications``, ``updates`` and ``log`` count.
        """

    @abstractmethod
    def on_subscribe(
        self, subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> SubscribeOutcome:
        """Judge one SUBSCRIBE."""

    def on_unsubscribe(
        self, unsubscribe: Unsubscribe, principal: Principal, subscribed: frozenset[str]
    ) -> Sequence[tuple[str | None, ReasonCode]]:
        """For each filter the subscription that ends (``None``: none does) and the answer.

        ``subscribed`` holds the filters the session has. Without more, as MQTT 5.0 §3.11.3 says:
        0x00, or 0x11 where nothing was subscribed; what is named twice is gone the second time
        (MQTT-3.10.4-6).
        """
        answers: list[tuple[str | None, ReasonCode]] = []
        left = set(subscribed)
        for name in unsubscribe.topic_filters:
            if name in left:
                left.remove(name)
                answers.append((name, ReasonCode.SUCCESS))
            else:
                answers.append((None, ReasonCode.NO_SUBSCRIPTION_EXISTED))
        return answers

    def topics_of(self, event: Event, registry: RegistryView) -> Sequence[str]:
        """Topic names under which subscribers of this dialect know an event, whoever sent it.

        All dialects share one tree, so each name starts with ``<dialect>/``. Empty: this dialect
        does not show it.
        """
        return ()

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        """Encode an event for one session; ``None``: it may not see it."""
        return None


class HandshakeFace(Face, Protocol):
    """A face that knows clients by what they prove before they send CONNECT."""

    @abstractmethod
    def pre_shared_key(self, identity: str, registry: RegistryView, time_us: int) -> bytes | None:
        """The key of an identity (RFC 4279 §2); ``None``: nobody may come in with it now."""


class AnonymousFace(Face, Protocol):
    """A face that also serves clients without credentials."""

    @abstractmethod
    def anonymous(self, connect: Connect, peer: Peer, registry: RegistryView) -> Principal:
        """Whom such a client speaks for."""

    @abstractmethod
    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Translate one PUBLISH; nobody else is asked about it."""


class Waiting(Enum):
    """What becomes of a command whose device is away or does not listen."""

    NEVER = "never"
    """It fails."""
    IN_SESSIONS = "in sessions"
    """It waits in the MQTT session that is kept for the device; it fails where there is none."""
    ALWAYS = "always"
    """It waits until the device comes."""


class Answers(Enum):
    """Whether devices answer commands; it says when a command has come to its end."""

    NEVER = "never"
    """When it was taken."""
    SOMETIMES = "sometimes"
    """With the answer, or when there was none in time, if it was taken."""
    ALWAYS = "always"
    """With the answer; without one it fails."""


class Dialect(Face, Protocol):
    """One vendor's way of using MQTT: a package, a table of tests, a line in ``DIALECTS``."""

    application_type: ClassVar[type[msgspec.Struct]]
    """Shape of ``Application.settings``; forbids unknown fields."""
    device_type: ClassVar[type[msgspec.Struct]]
    """Shape of ``Device.settings``; forbids unknown fields."""
    commands_wait: ClassVar[Waiting]
    """What becomes of commands whose device is away."""
    commands_are_answered: ClassVar[Answers]
    """Whether devices answer commands."""
    keeps_plain_secrets: ClassVar[bool] = False
    """Whether the vendor's API must show secrets again; otherwise they are kept as hashes."""

    # Records

    @abstractmethod
    def keys(self, application: Application, device: Device) -> Iterable[str]:
        """The strings by which ``RegistryView.lookup`` finds it, each starting ``<dialect>:``."""

    def application_keys(self, application: Application) -> Iterable[str]:
        """The same for an application, apart from its name; see ``lookup_application``."""
        return ()

    def prepare_application(
        self,
        application: Application,
        before: Application | None,
        registry: RegistryView,
        arrival: Arrival,
    ) -> Application:
        """Check an application that a person declares, beside those there are.

        ``before`` is the application as it was; ``None``: it is new.

        Raises:
            RequestError: It can never work; ``path`` names the member.
        """
        return application

    @abstractmethod
    def prepare(
        self, application: Application, device: Device, before: Device | None, arrival: Arrival
    ) -> Device:
        """Check a device that a person declares, and fill in what the dialect makes itself.

        ``before`` is the device as it was; ``None``: it is new.

        Raises:
            RequestError: It is not what the vendor documents; ``path`` names the member.
        """

    def declared(self, device: Device) -> Device:
        """A device as a document may declare it, so that ``prepare`` makes the same of it again.

        Without ``credentials`` where they follow from what stands in ``settings``.
        """
        return device

    def review(
        self,
        principal: Principal,
        topic_filters: Iterable[str],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Review:
        """Judge a session anew, with the filters it subscribed to, after a person's changes.

        That the device is enabled, and its credentials the same, is seen to elsewhere. All stays
        where no setting can take a granted subscription away.
        """
        return ALL_STAYS

    # Events

    def shown(self, event: Event, registry: RegistryView) -> Sequence[Publication]:
        """What an event, of whatever dialect, is to the subscribers of this one's topic spaces."""
        return ()

    def on_connection(self, event: Event, registry: RegistryView) -> Outcome | Inquiry[Outcome]:
        """Judge the news that a device came or went; without more it is stored as it is.

        Of the outcome only ``events`` and ``log`` count.
        """
        return Outcome(events=(event,))

    # Commands

    def on_connected(
        self,
        principal: Principal,
        open_commands: Sequence[Command],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Sequence[tuple[Command, OutgoingMessage]]:
        """The open commands that a device gets right after CONNACK, oldest first."""
        return ()

    @abstractmethod
    def command_timeout_s(self, device: Device, registry: RegistryView) -> float | None:
        """How long a command may take to its end unless its sender says; ``None``: for ever."""

    def command_id(self, arrival: Arrival) -> str:
        """A new command's id, in the form that messages carry; a UUID where none carries it."""
        return arrival.ids.uuid()

    @abstractmethod
    def check_command(
        self, command: Command, registry: RegistryView
    ) -> Command | Inquiry[Command]:
        """Give a command back with its data as the device gets it, or ask for that first.

        Raises:
            RequestError: Unknown action, value outside the schema, not settable; a rule says no.
                What an inquiry ends in may raise it too, and the next.
            UnavailableError: What has to be asked is away.
        """

    def receivers(
        self, command: Command, registry: RegistryView
    ) -> Sequence[str] | Inquiry[CommandUpdate]:
        """Ids of the devices whose connections get it: the target, and gateways in front of it.

        Or the request that brings it to an endpoint instead; that ends its life line.

        Raises:
            RequestError: It cannot be brought there.
        """
        return (command.device,)

    @abstractmethod
    def deliver_command(
        self, command: Command, receiver: Receiver, registry: RegistryView
    ) -> Sequence[OutgoingMessage]:
        """Encode a command for one live connection; empty: this connection does not get it."""
