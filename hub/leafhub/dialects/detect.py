"""Which dialect a client speaks: one port serves them all.

In this order: the listener may be pinned to a dialect; the name the client asked for (SNI) may
belong to one; credentials belong to exactly one device or operator, hence to one face; so does
what was proved in the handshake, a certificate or a pre-shared key. Who shows nothing either
enrolls the CloudPlugs way or provisions the Murano way: a plain-text transport and the protocol
level may tell, otherwise its first SUBSCRIBE or PUBLISH does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import msgspec

from leafhub.dialects import certificates
from leafhub.dialects.base import (
    NOTHING,
    Arrival,
    Grant,
    Login,
    Outcome,
    Peer,
    Principal,
    Refusal,
    SubscribeOutcome,
)
from leafhub.dialects.broker.dialect import BrokerDialect
from leafhub.dialects.broker.settings import user_key
from leafhub.dialects.cloudplugs.dialect import CloudPlugsDialect
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.dialects.drogue.login import claim_of
from leafhub.dialects.integration import Integration
from leafhub.dialects.interface import AnonymousFace, Dialect, Face, HandshakeFace
from leafhub.dialects.log_text import quoted_login
from leafhub.dialects.murano.connector import connector_of
from leafhub.dialects.murano.dialect import MuranoDialect
from leafhub.dialects.smartworks.dialect import SmartWorksDialect
from leafhub.errors import ConflictError, NotFoundError
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Will
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.topics import is_topic_filter

LEVEL_OF_ANONYMOUS: Final = 4
"""MQTT 3.1.1, the one level at which CloudPlugs and Murano both take who shows nothing."""


CLOUDPLUGS: Final = CloudPlugsDialect()
MURANO: Final = MuranoDialect()
BROKER: Final = BrokerDialect()
INTEGRATION: Final = Integration()
DROGUE: Final = DrogueDialect()

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            SmartWorksDialect(),
            CLOUDPLUGS,
            DROGUE,
            MURANO,
            BROKER,
        )
    }
)
"""Every dialect by name."""


class Undecided(Face):
    """The face of clients without credentials until their first SUBSCRIBE or PUBLISH."""

    name = "undecided"
    policy: ClassVar[Policy] = Policy(
        maximum_packet_bytes=1_048_576,  # the longest value that any of them takes
        verbatim_filters=True,  # it may be a CloudPlugs filter, with a password in it
        one_request_at_a_time=True,
        maximum_outgoing_qos=0,
        keep_messages_while_away=False,
    )

    def principal(self, connect: Connect, peer: Peer) -> Principal:
        """Whom such a client speaks for: nobody, and nothing of it is kept."""
        return Principal(
            dialect=self.name, policy=self.policy, peer=peer, client_id=connect.client_id
        )

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        """None: no credentials belong here."""
        return None

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Decide by the topic name, then ask whom it was decided for."""
        by_client_id = CLOUDPLUGS if principal.client_id else MURANO
        face = MURANO if publish.topic_name.startswith("$") else by_client_id
        anonymous = _anonymous_at(face, principal, registry)
        outcome = face.on_publish(publish, anonymous, registry, arrival)
        return msgspec.structs.replace(outcome, become=outcome.become or anonymous)

    def on_subscribe(
        self, subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> SubscribeOutcome:
        """Decide by the topic filters, then ask whom it was decided for."""
        filters = [request.topic_filter for request in subscribe.requests]
        face = _face_of_filters(filters, principal.client_id)
        anonymous = _anonymous_at(face, principal, registry)
        if not anonymous.policy.verbatim_filters and not all(map(is_topic_filter, filters)):
            return SubscribeOutcome(
                grants=(Grant(ReasonCode.TOPIC_FILTER_INVALID),) * len(filters),
                outcome=Outcome(close=True, silent=True, log="a topic filter is none"),
            )
        verdict = face.on_subscribe(subscribe, anonymous, registry, arrival)
        outcome = msgspec.structs.replace(
            verdict.outcome, become=verdict.outcome.become or anonymous
        )
        return msgspec.structs.replace(verdict, outcome=outcome)

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome:
        """Nothing: neither dialect honours the Will of a client without credentials."""
        return NOTHING


UNDECIDED: Final = Undecided()

FACES: Final[Mapping[str, Face]] = MappingProxyType(
    {
        face.name: face
        for face in (
            DIALECTS["smartworks"],  # exact user names
            CLOUDPLUGS,  # exact e-mails and Plug-IDs
            INTEGRATION,  # exact names of operators, and their tokens
            BROKER,  # exact names of users
            DROGUE,  # anything at a known application
            MURANO,  # tokens, and whatever else may be an identity
            UNDECIDED,
        )
    }
)
"""Every face by name, in the order in which they are asked whose credentials those are."""

_OPERATORS_AFTER_DROGUE: Final[Mapping[str, Face]] = MappingProxyType(
    {
        name: FACES[name]
        for name in ("smartworks", "cloudplugs", "broker", "drogue", "integration", "murano")
    }
)


class Detection:
    """Answers CONNECT.

    A refusal says the same whether the name or the secret was wrong, and does not tell which
    dialects are there.
    """

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal:
        """Find out whom the client speaks for."""
        only = peer.dialect or _dialect_of_name(peer)
        faces = [face for name, face in _in_order(connect).items() if only in {None, name}]
        if not connect.username and not connect.password and only in {None, *_ANONYMOUS}:
            by_handshake = [face for face in faces if face.name in _HANDSHAKE]
            verdict = _ask(by_handshake, connect, peer, registry, arrival)
            return verdict or self._anonymous(connect, peer, registry, arrival, only)
        verdict = _ask(faces, connect, peer, registry, arrival)
        shown = f", nor {_certificate_of(peer)}" if peer.certificates else ""
        return verdict or _unknown(f"nobody knows {quoted_login(connect)}{shown}")

    def pre_shared_key(self, identity: str, registry: RegistryView, time_us: int) -> bytes | None:
        """The key with which a client may prove in its handshake that it is ``identity``."""
        keys = (face.pre_shared_key(identity, registry, time_us) for face in _HANDSHAKE.values())
        return next((key for key in keys if key is not None), None)

    def _anonymous(
        self,
        connect: Connect,
        peer: Peer,
        registry: RegistryView,
        arrival: Arrival,
        only: str | None,
    ) -> Login | Refusal:
        faces = [
            face
            for name, face in _ANONYMOUS.items()
            if only in {None, name} and _serves_anonymous(name, peer, registry)
        ]
        if not faces:
            anybody = INTEGRATION.authenticate(connect, peer, registry, arrival)
            if anybody is not None and only is None:
                return anybody
            if peer.certificates:
                return _unknown(f"nobody knows {_certificate_of(peer)}")
            return _unknown("it showed no credentials, and nobody here can do without")
        if len(faces) > 1 and connect.protocol_level == LEVEL_OF_ANONYMOUS:
            return Login(principal=UNDECIDED.principal(connect, peer))
        face = faces[0]  # at another level the first answers for both
        verdict = face.authenticate(connect, peer, registry, arrival)
        if verdict is None and connect.protocol_level != LEVEL_OF_ANONYMOUS:
            return Refusal(
                reason_code=ReasonCode.UNSUPPORTED_PROTOCOL_VERSION,
                log=f"{face.name} has no MQTT level {connect.protocol_level}",
                protocol_level=LEVEL_OF_ANONYMOUS,
            )
        return verdict or Login(principal=face.anonymous(connect, peer, registry))


_ANONYMOUS: Final[Mapping[str, AnonymousFace]] = MappingProxyType(
    {CLOUDPLUGS.name: CLOUDPLUGS, MURANO.name: MURANO}
)


_HANDSHAKE: Final[Mapping[str, HandshakeFace]] = MappingProxyType(
    {BROKER.name: BROKER, DROGUE.name: DROGUE}
)


def refuse_taken_name(
    application: Application, device: Device, registry: RegistryView, arrival: Arrival
) -> None:
    """Refuse a new user of a topic space by whose name somebody else logs in already.

    One of the two could never log in: which face is asked first decides.

    Raises:
        ConflictError: The name belongs to an operator, to a device of another dialect, or to a
            user of another space.
    """
    if application.dialect != BROKER.name:
        return
    holder = registry.lookup(user_key(device.id))
    if holder is not None and holder.application != device.application:
        raise ConflictError(
            f"{device.id!r} is a user of application {holder.application!r}, and every user's "
            "name is unique in the hub; choose another",
            path="id",
        )
    for name, other in _known_as(device.id, registry, arrival):
        if name == BROKER.name:
            continue
        whose = f"operator {other.login!r}"
        if other.application is not None:
            whose = f"{name} application {other.application!r}"
        raise ConflictError(
            f"{device.id!r} is a name to log in with of {whose}; choose another", path="id"
        )


def refuse_name_of_device(name: str, registry: RegistryView, arrival: Arrival) -> None:
    """Refuse a new operator by whose name a device logs in already.

    Raises:
        ConflictError: One of the two could never log in.
    """
    holders = {other.application for _, other in _known_as(name, registry, arrival)}
    for holder in sorted(one for one in holders if one is not None):
        raise ConflictError(
            f"a device of application {holder!r} logs in as {name!r}; choose another name",
            path="name",
        )


def _known_as(
    username: str, registry: RegistryView, arrival: Arrival
) -> Iterator[tuple[str, Principal]]:
    """Whom a user name alone stands for, and in which face."""
    connect = Connect(protocol_level=LEVEL_OF_ANONYMOUS, username=username, password=b"?")
    peer = Peer(address="", tls=True)
    for name, face in FACES.items():
        verdict = face.authenticate(connect, peer, registry, arrival)
        if isinstance(verdict, Login):
            yield name, verdict.principal


def keys_of(application: Application, device: Device) -> Iterable[str]:
    """The strings by which a device is found, as its dialect says; see ``Registry``."""
    return _dialect(application.dialect).keys(application, device)


def application_keys_of(application: Application) -> Iterable[str]:
    """The same for an application."""
    return _dialect(application.dialect).application_keys(application)


def settings_types(name: str) -> tuple[type[msgspec.Struct], type[msgspec.Struct]]:
    """The types of ``Application.settings`` and ``Device.settings`` of a dialect.

    Raises:
        NotFoundError: There is no such dialect.
    """
    dialect = _dialect(name)
    return dialect.application_type, dialect.device_type


def _in_order(connect: Connect) -> Mapping[str, Face]:
    """The faces in the order in which to ask them about a CONNECT.

    A Drogue Cloud device whose client id says who it is may have any user name, an operator's too:
    where it has a credential with that name, the login is the device's.
    """
    claim = claim_of(connect)
    return FACES if claim is None or claim.username is None else _OPERATORS_AFTER_DROGUE


def _ask(
    faces: Iterable[Face],
    connect: Connect,
    peer: Peer,
    registry: RegistryView,
    arrival: Arrival,
) -> Login | Refusal | None:
    """The first login, else the first refusal; ``None``: nobody knows these credentials."""
    refusal: Refusal | None = None
    for face in faces:
        verdict = face.authenticate(connect, peer, registry, arrival)
        if isinstance(verdict, Login):
            return verdict
        refusal = refusal or verdict
    return refusal


def _dialect(name: str) -> Dialect:
    dialect = DIALECTS.get(name)
    if dialect is None:
        raise NotFoundError(f"there is no dialect {name!r}; there are {', '.join(DIALECTS)}")
    return dialect


def _dialect_of_name(peer: Peer) -> str | None:
    """Whose name the client asked for in the TLS handshake."""
    if not peer.server_name or not peer.hub_domain:
        return None
    if peer.server_name == f"api.{peer.hub_domain}":
        return CLOUDPLUGS.name
    return MURANO.name if peer.server_name.endswith(f".m2.{peer.hub_domain}") else None


def _serves_anonymous(name: str, peer: Peer, registry: RegistryView) -> bool:
    """Whether the hub has an application for such a client."""
    return any(
        name != MURANO.name or peer.tls or connector_of(application).plain
        for application in registry.applications(name)
    )


def _face_of_filters(filters: Sequence[str], client_id: str) -> AnonymousFace:
    levels = filters[0].split("/", 2)
    if levels[0].startswith("mod-") and len(levels) > 1 and levels[1] in {"thing", "ctrl"}:
        return CLOUDPLUGS
    if any(one.startswith("$") for one in filters):
        return MURANO
    return CLOUDPLUGS if client_id else MURANO


def _anonymous_at(face: AnonymousFace, principal: Principal, registry: RegistryView) -> Principal:
    connect = Connect(protocol_level=LEVEL_OF_ANONYMOUS, client_id=principal.client_id)
    return face.anonymous(connect, principal.peer, registry)


def _certificate_of(peer: Peer) -> str:
    return f"its certificate, {certificates.describe(peer.certificates)}"


def _unknown(log: str) -> Refusal:
    return Refusal(reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD, log=log)
