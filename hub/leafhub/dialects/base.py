"""What a dialect is: one vendor's way of using MQTT, as a pure translation.

A dialect gets values and a read-only view of the registry and gives values back. It does no I/O,
has no clock and makes no random numbers: ``Arrival`` brings time and ids. What it decides, others
carry out, in this order: changes and events are stored and committed, then the acknowledgement
leaves, then replies, then deliveries to others.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import ClassVar, Final, Protocol

import msgspec

from leafhub.dialects.inquiry import Inquiry
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandRequest, CommandUpdate
from leafhub.model.device import Credential, Device
from leafhub.model.event import Event
from leafhub.model.ids import Ids
from leafhub.model.publication import Publication
from leafhub.model.registry import Change, RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage, Subscription


class Arrival(msgspec.Struct, frozen=True):
    """When a packet came, and where new identifiers for it come from.

    Attributes:
        time_us: Microseconds since the epoch; strictly increasing from packet to packet.
        ids: Source of identifiers and secrets.
    """

    time_us: int
    ids: Ids


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """How a client reached the hub.

    Attributes:
        address: IP address.
        tls: Whether the transport is TLS.
        server_name: The name it asked for (SNI), lower case, ``None`` without.
        certificates: The client's certificate and the chain it sent, DER, its own first; nobody
            has judged them but for the proof that it has the key. Empty: it showed none.
        psk_identity: Whose pre-shared key it proved to have (RFC 4279 §5.1), ``None`` without.
        dialect: The one dialect its listener is pinned to, ``None`` where any may speak.
        hub_domain: Domain under which the hub's vendor names stand, like ``hub.example`` in
            ``x.m2.hub.example``.
    """

    address: str
    tls: bool
    server_name: str | None = None
    certificates: tuple[bytes, ...] = ()
    psk_identity: str | None = None
    dialect: str | None = None
    hub_domain: str = ""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the other end of a connection.

    Attributes:
        dialect: The dialect that answers for it, a key of ``DIALECTS``.
        policy: What the session enforces for it.
        application: Its application; ``None`` for operators and as long as nobody knows.
        device: Its device; ``None`` for accounts, operators and anonymous clients.
        login: What it logged in as, for the log and for account logins.
        client_id: As in CONNECT.
        slot: Connections of one slot displace each other, the newest wins; ``None``: coexists with
            all.
        session_key: Under which its MQTT session is kept when CONNECT wants one kept; ``None``:
            never kept.
        ends_sessions: Kept sessions that end at this login, each with the age in seconds from
            which it does (0: at any age).
        note: What its dialect needs to know of it later, like ``Subscription.note``.
        peer: How it reached the hub.
    """

    dialect: str
    policy: Policy
    peer: Peer
    application: str | None = None
    device: str | None = None
    login: str = ""
    client_id: str = ""
    slot: str | None = None
    session_key: str | None = None
    ends_sessions: tuple[tuple[str, float], ...] = ()
    note: str = ""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """CONNECT is refused.

    Attributes:
        reason_code: In MQTT 5.0 terms, translated for older clients; ``None``: close without
            CONNACK.
        log: Why, for the hub's log; never sent.
        protocol_level: Level whose CONNACK format is used where it is not the client's own.
    """

    reason_code: ReasonCode | None
    log: str
    protocol_level: int | None = None


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Who the client says it is, and what would prove it; the proof is checked elsewhere.

    Attributes:
        principal: Who it is if the proof holds.
        credentials: One of them must fit ``secret``; empty: nothing to prove (anonymous, already
            proved by a certificate).
        secret: What the client showed.
        mismatch: What it gets if none fits.
        refusal: What it gets although the proof holds, where only its owner may learn why (a
            disabled device).
        changes: Changes of the registry that a login with a good proof brings; committed before
            CONNACK.
    """

    principal: Principal
    credentials: tuple[Credential, ...] = ()
    secret: bytes = b""
    mismatch: Refusal = Refusal(
        reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD, log="wrong password"
    )
    refusal: Refusal | None = None
    changes: tuple[Change, ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a packet means and what follows from it. The default is: nothing, and that is fine.

    Attributes:
        reason_code: For the acknowledgement: of PUBLISH (§3.4.2.1). ``Policy`` says how a 3.1.1
            client learns of a refusal.
        reason_string: For the acknowledgement, where the client takes it.
        changes: Changes of the registry, taken before ``events``.
        events: To store.
        publications: Messages for the subscribers of a topic space, and for its retained messages;
            they reach subscribers when ``events`` are on disk.
        updates: What the message says about commands.
        commands: Commands to send, taken after ``events``. The acknowledgement does not depend on
            what becomes of them; one that cannot be sent is logged.
        replies: PUBLISH packets to this connection only, sent after the acknowledgement.
        become: Whom the connection speaks for from the next packet on.
        close: Close after the replies are written.
        silent: No acknowledgement at all (with ``close``: the peer just sees the end).
        log: Why something was refused or dropped, for the hub's log; empty: nothing to say.
    """

    reason_code: ReasonCode = ReasonCode.SUCCESS
    reason_string: str | None = None
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()
    publications: tuple[Publication, ...] = ()
    updates: tuple[CommandUpdate, ...] = ()
    commands: tuple[CommandRequest, ...] = ()
    replies: tuple[OutgoingMessage, ...] = ()
    become: Principal | None = None
    close: bool = False
    silent: bool = False
    log: str = ""


NOTHING = Outcome()


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription to an application's events as they are stored.

    Attributes:
        application: Name of the application.
        group: Who reads under one name shares the events, and that goes on where it stopped;
            empty: nobody else, and nothing is kept.
        selection: Which of the events, see ``Selection``.
        is_live: What comes while the client is there is enough, unless there is a group of that
            name.
    """

    application: str
    group: str = ""
    selection: str = ""
    is_live: bool = False


class Grant(msgspec.Struct, frozen=True):
    """The answer to one filter of SUBSCRIBE.

    Attributes:
        reason_code: Granted QoS 0..2, or a refusal from 0x80 on.
        routes: Filters over ``topics_of`` under which stored events reach this subscription; empty
            for a subscription that only commands or replies use.
        note: What ``deliver`` needs to know of it later; comes back as ``Subscription.note``.
        space: The topic space whose publications, retained ones first, reach this subscription;
            ``None``: none. The filter is the one in SUBSCRIBE, its share name included.
        reading: How an application's events reach this subscription; ``None``: not at all.
    """

    reason_code: int
    routes: tuple[str, ...] = ()
    note: str = ""
    space: str | None = None
    reading: Reading | None = None


class SubscribeOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a SUBSCRIBE means.

    Attributes:
        grants: One for each filter, in order.
        outcome: What else follows; carried out after SUBACK was queued. Its ``reason_code`` is not
            used.
    """

    grants: tuple[Grant, ...]
    outcome: Outcome = NOTHING


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a session when its application or device has changed. The default: all.

    Attributes:
        ends: Why its connection may not go on; empty: it may.
        lost: Topic filters that it would not be granted now.
    """

    ends: str = ""
    lost: tuple[str, ...] = ()


ALL_STAYS: Final = Review()


class Receiver(msgspec.Struct, frozen=True):
    """A live connection of a device that a command may go to."""

    principal: Principal
    subscriptions: Sequence[Subscription]


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
