"""Who a Murano client says it is: by a token alone, or by an identity and a password."""

from typing import Final

from leafhub.dialects.base import Login, Peer, Principal, Refusal
from leafhub.dialects.log_text import quoted_login
from leafhub.dialects.murano.connector import NAME, Assumed, connector_of, live_credentials
from leafhub.dialects.murano.provisioning import POLICY, named_connector, sha256_of
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.reason_codes import ReasonCode

LEVEL: Final = 4  # MQTT 3.1.1 and nothing else


def token_key(hashed: str) -> str:
    """The key under which the registry finds a device by its token, which is kept hashed."""
    return f"{NAME}:token:{hashed}"


def judge_login(
    connect: Connect, peer: Peer, registry: RegistryView, now_us: int
) -> Login | Refusal | None:
    """Find the device; ``None``: it may be somebody of another dialect, or is anonymous."""
    username, password = connect.username or "", connect.password or b""
    if not username and not password:
        return None
    named = named_connector(peer, registry)
    if username:
        device = _device_called(username, named, registry)
    else:
        device = registry.lookup(token_key(sha256_of(password)))
    connector = None if device is None else registry.application(device.application)
    if device is None or connector is None or (named is not None and named != connector):
        is_token = not username and any(registry.applications(NAME))
        if named is None and not is_token and peer.dialect != NAME:
            return None
        return _wrong_credentials(
            f"no device {quoted_login(connect)}" if username else "no such token"
        )
    credentials = live_credentials(device, now_us)
    if not credentials or not password:
        return _wrong_credentials(f"{device.id} has no live credential, or showed none")
    return Login(
        principal=_principal(connect, peer, device),
        credentials=credentials,
        secret=password,
        mismatch=_wrong_credentials(f"wrong secret for {connector.name}/{device.id}"),
        refusal=_refusal(connect, peer, connector, device),
    )


def _device_called(
    identity: str, named: Application | None, registry: RegistryView
) -> Device | None:
    """Find a device by its identity: in the named connector, the default one, or just one."""
    if named is not None:
        return registry.device(named.name, identity)
    found: list[Device] = []
    for connector in registry.applications(NAME):
        device = registry.device(connector.name, identity)
        if device is not None and connector_of(connector).default:
            return device
        if device is not None:
            found.append(device)
    return found[0] if len(found) == 1 else None


def _principal(connect: Connect, peer: Peer, device: Device) -> Principal:
    def key(client_id: str) -> str:
        return f"{NAME}/{device.application}/{device.id}/{client_id}"

    own, other = key(connect.client_id), key("" if connect.client_id else device.id)
    coexists = connect.clean_start and not connect.client_id
    return Principal(
        dialect=NAME,
        policy=POLICY,
        peer=peer,
        application=device.application,
        device=device.id,
        login=device.id,
        client_id=connect.client_id,
        slot=None if coexists else own,
        session_key=None if coexists else own,
        ends_sessions=_ended(own, other, clean_start=connect.clean_start),
    )


def _ended(own: str, other: str, *, clean_start: bool) -> tuple[tuple[str, float], ...]:
    """Say which kept sessions of the device a login ends, and from what age on."""
    if clean_start:
        return ((own, 0.0), (other, Assumed.SESSION_OUTLIVES_S))
    return ((other, 0.0),)


def _refusal(
    connect: Connect, peer: Peer, connector: Application, device: Device
) -> Refusal | None:
    """Refuse a client whose proof holds; 0x02 never meets an empty client id.

    The MQTT level too is judged only now: else it would tell which identities there are.
    """
    if connect.protocol_level != LEVEL:
        return Refusal(
            reason_code=ReasonCode.UNSUPPORTED_PROTOCOL_VERSION,
            log=f"Murano has no MQTT level {connect.protocol_level}",
            protocol_level=LEVEL,
        )
    if connect.client_id not in {"", device.id}:
        return Refusal(
            reason_code=ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
            log=f"the client id of {device.id} is another identity",
        )
    if not device.enabled or not connector.enabled:
        return Refusal(reason_code=ReasonCode.NOT_AUTHORIZED, log=f"{device.id} is locked")
    if not peer.tls and not connector_of(connector).plain:
        return Refusal(
            reason_code=ReasonCode.NOT_AUTHORIZED,
            log=f"connector {connector.name!r} wants TLS (or the setting plain = true)",
        )
    return None


def _wrong_credentials(reason: str) -> Refusal:
    return Refusal(reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD, log=reason)
