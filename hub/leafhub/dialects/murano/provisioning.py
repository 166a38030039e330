"""How a Murano client without credentials becomes a device, and how a device renews its secret."""

import hashlib
from typing import Final

import msgspec

from leafhub.dialects.base import Arrival, Outcome, Peer, Principal
from leafhub.dialects.log_text import one_line
from leafhub.dialects.murano.connector import (
    NAME,
    SHORTEST_PASSWORD,
    TOKEN_LENGTH,
    Assumed,
    ConnectorSettings,
    IdentitySettings,
    auth_type_of,
    connector_of,
    identity_of,
    live_credentials,
)
from leafhub.model.application import Application
from leafhub.model.command import CommandRequest
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import JSON
from leafhub.model.registry import PutDevice, RegistryView
from leafhub.mqtt.policy import Policy, QoS2Publish
from leafhub.mqtt.session_state import OutgoingMessage

POLICY: Final = Policy(
    maximum_packet_bytes=Assumed.MAXIMUM_PACKET_BYTES,
    qos2_publish=QoS2Publish.UNANSWERED,
    receiver_packets_close=True,
    maximum_outgoing_qos=0,
    keep_messages_while_away=False,
)
TOPIC: Final = "$provision"

JUST_PROMOTED: Final = "just promoted"
"""Note of a principal that has not sent a packet yet as the device it became: until then nothing
but the answer to its request may reach it, since the vendor's script takes nothing else."""
PROMOTED: Final = "promoted"
"""Note of a principal that became a device without a login; it may provision further ones."""


class _CannotError(Exception):
    """Provisioning ends here; the client gets no answer."""


def close_without_a_word(reason: str) -> Outcome:
    """Refuse what an anonymous client does: no PUBACK, only the end (chosen, not documented)."""
    return Outcome(close=True, silent=True, log=reason)


def sha256_of(secret: bytes) -> str:
    """The form in which tokens and provisioned passwords are kept."""
    return hashlib.sha256(secret).hexdigest()


def named_connector(peer: Peer, registry: RegistryView) -> Application | None:
    """Give the connector that the client asked for by SNI, ``<connector>.m2.<hub domain>``."""
    label, found, domain = (peer.server_name or "").partition(".m2.")
    application = registry.application(label)
    if not found or not domain or domain != peer.hub_domain or application is None:
        return None
    return application if application.dialect == NAME else None


def connector_for(peer: Peer, registry: RegistryView) -> Application | None:
    """Give the named connector, else the default one, else the only one."""
    named = named_connector(peer, registry)
    if named is not None:
        return named
    connectors = list(registry.applications(NAME))
    defaults = [one for one in connectors if connector_of(one).default]
    for candidates in (defaults, connectors):
        if len(candidates) == 1:
            return candidates[0]
    return None


def provision(
    topic_name: str,
    payload: bytes,
    principal: Principal,
    registry: RegistryView,
    arrival: Arrival,
) -> Outcome:
    """Answer ``$provision/<identity>`` of a client that did not log in.

    On success the connection becomes the device's; on failure it ends without an answer.
    """
    try:
        identity = _identity_in(topic_name)
        connector = _usable_connector(principal.peer, registry)
        device = registry.device(connector.name, identity)
        _check(connector, device, identity, principal, arrival.time_us)
        secret, reply = _new_secret(auth_type_of(connector, device), payload, arrival)
    except _CannotError as exc:
        return close_without_a_word(f"not provisioned: {exc}")
    renewed = _provisioned(connector, device, identity, secret, arrival)
    first_time = device is None or not device.credentials
    return Outcome(
        changes=(PutDevice(renewed),),
        replies=(OutgoingMessage(topic_name=topic_name, payload=reply),),
        commands=_initial_values(connector, renewed) if first_time else (),
        become=Principal(
            dialect=NAME,
            policy=POLICY,
            peer=principal.peer,
            application=connector.name,
            device=identity,
            client_id=principal.client_id,
            note=JUST_PROMOTED,
        ),
    )


def rotate(
    topic_name: str, payload: bytes, device: Device, registry: RegistryView, arrival: Arrival
) -> Outcome:
    """Answer ``$provision/<own identity>`` of a device: a new token, or the password it sends."""
    connector = registry.application(device.application)
    if connector is None:
        return Outcome(log="the connector is gone")
    try:
        secret, reply = _new_secret(auth_type_of(connector, device), payload, arrival)
    except _CannotError as exc:
        return Outcome(log=f"credential not renewed: {exc}")
    renewed = _provisioned(connector, device, device.id, secret, arrival)
    return Outcome(
        changes=(PutDevice(renewed),),
        replies=(OutgoingMessage(topic_name=topic_name, payload=reply),),
    )


def _identity_in(topic_name: str) -> str:
    levels = topic_name.split("/")
    if len(levels) != 2 or levels[0] != TOPIC or not levels[1]:
        raise _CannotError("an anonymous client may publish to $provision/<identity> only")
    return levels[1]


def _usable_connector(peer: Peer, registry: RegistryView) -> Application:
    connector = connector_for(peer, registry)
    if connector is None:
        raise _CannotError("it named no connector (TLS with SNI), and there is no default one")
    if not connector.enabled:
        raise _CannotError(f"connector {connector.name!r} is disabled")
    if not peer.tls and not connector_of(connector).plain:
        raise _CannotError(f"connector {connector.name!r} wants TLS")
    return connector


def _check(
    connector: Application,
    device: Device | None,
    identity: str,
    principal: Principal,
    now_us: int,
) -> None:
    """Make the vendor's checks in its order; the first that fails counts."""
    settings = connector_of(connector)
    auth_type = auth_type_of(connector, device)
    checks = (
        (auth_type != "certificate", "certificate logins are not served"),
        (settings.provisioning_enabled, "provisioning is off"),
        (settings.admits(principal.peer.address), "its address is not among the allowed ones"),
        (settings.identity.fits(identity), "the identity has not the connector's format"),
        (principal.client_id in {"", identity}, "the client id is another identity"),
        (device is not None or settings.open_registration, "nobody declared this identity"),
        (device is None or device.enabled, "the device is locked"),
        (_is_in_activation_window(settings, device, now_us), "its activation window is over"),
        (
            device is None or not live_credentials(device, now_us),
            "it is provisioned already",
        ),
    )
    for holds, reason in checks:
        if not holds:
            raise _CannotError(f"{connector.name}/{one_line(identity)}: {reason}")


def _is_in_activation_window(
    settings: ConnectorSettings, device: Device | None, now_us: int
) -> bool:
    if device is None or device.credentials:  # new, or provisioned before
        return True
    ends_us = identity_of(device).activation_ends_us
    if ends_us is None:
        ends_us = device.created_us + settings.activation_window_s * 1_000_000
    return now_us < ends_us


def _new_secret(auth_type: str, payload: bytes, arrival: Arrival) -> tuple[bytes, bytes]:
    """Give the new secret and what the client is answered."""
    if auth_type == "token":
        token = arrival.ids.token(TOKEN_LENGTH).encode()
        return token, token
    if auth_type == "certificate":
        raise _CannotError("certificate logins are not served")
    if _length(payload) < SHORTEST_PASSWORD:
        raise _CannotError(f"a password has {SHORTEST_PASSWORD} characters at least")
    return payload, b""  # an empty reply says that it was taken (chosen, not documented)


def _length(password: bytes) -> int:
    try:
        return len(password.decode())
    except UnicodeDecodeError:
        return len(password)


def _provisioned(
    connector: Application,
    device: Device | None,
    identity: str,
    secret: bytes,
    arrival: Arrival,
) -> Device:
    if device is None:
        device = Device(
            application=connector.name,
            id=identity,
            uid=arrival.ids.uuid(),
            name=identity,
            settings=IdentitySettings(),
            created_us=arrival.time_us,
        )
    return msgspec.structs.replace(
        device,
        settings=msgspec.structs.replace(
            identity_of(device), auth_type=auth_type_of(connector, device)
        ),
        credentials=(Credential(kind=SecretKind.SHA256, secret=sha256_of(secret)),),
    )


def _initial_values(connector: Application, device: Device) -> tuple[CommandRequest, ...]:
    return tuple(
        CommandRequest(
            application=connector.name,
            device=device.id,
            name=alias,
            data=msgspec.json.encode(resource.initial),
            datacontenttype=JSON,
            operator="initial value",
        )
        for alias, resource in connector_of(connector).resources.items()
        if resource.initial is not None
    )
