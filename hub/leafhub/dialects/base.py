"""What the methods of a dialect take and give: who is there, and what follows from a packet.

A dialect gets values and a read-only view of the registry and gives values back. What it decides,
others carry out, in this order: changes and events are stored and committed, then the
acknowledgement leaves, then replies, then deliveries to others.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from leafhub.model.command import CommandRequest, CommandUpdate
from leafhub.model.device import Credential
from leafhub.model.event import Event
from leafhub.model.ids import Ids
from leafhub.model.publication import Publication
from leafhub.model.registry import Change
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
