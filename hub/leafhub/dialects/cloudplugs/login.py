"""Who a CloudPlugs client says it is: a device, an account of the company, or one to enroll."""

from typing import Final

import msgspec

from leafhub.dialects.base import Login, Peer, Principal, Refusal
from leafhub.dialects.cloudplugs.company import (
    NAME,
    Account,
    Assumed,
    client_name,
    device_key,
    find_account,
    is_device_id,
    settings_of,
)
from leafhub.dialects.log_text import quoted
from leafhub.model.application import Application
from leafhub.model.registry import PutDevice, RegistryView
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.reason_codes import ReasonCode

DEVICE_POLICY: Final = Policy(
    maximum_packet_bytes=Assumed.MAXIMUM_PACKET_BYTES,
    keep_alive_zero_idle_s=Assumed.KEEP_ALIVE_ZERO_IDLE_S,
    maximum_outgoing_qos=0,
    keep_messages_while_away=False,
)
ENROLLMENT_POLICY: Final = msgspec.structs.replace(DEVICE_POLICY, verbatim_filters=True)


def judge_login(connect: Connect, peer: Peer, registry: RegistryView) -> Login | Refusal | None:
    """Judge CONNECT; ``None``: those are nobody's credentials here."""
    username, password = connect.username or "", connect.password or b""
    if not username and password:
        return None
    if not username:
        login: Login | Refusal = Login(principal=enrolling(connect, peer))
    elif is_device_id(username):
        login = _device_login(username.lower(), connect, peer, registry)
    else:
        found = find_account(username, registry)
        if found is None:
            return None
        login = _account_login(*found, connect, peer)
    refusal = _refusal(connect)
    if refusal is None:
        return login
    if not username or is_device_id(username):
        return refusal
    # to an account after its proof only: else it would tell which accounts there are
    return msgspec.structs.replace(login, refusal=refusal) if isinstance(login, Login) else login


def enrolling(connect: Connect, peer: Peer) -> Principal:
    """Whoever shows nothing: all it can do is ask to be enrolled."""
    return Principal(
        dialect=NAME, policy=ENROLLMENT_POLICY, peer=peer, client_id=connect.client_id
    )


def _device_login(
    plug_id: str, connect: Connect, peer: Peer, registry: RegistryView
) -> Login | Refusal:
    device = registry.lookup(device_key(plug_id))
    application = device and registry.application(device.application)
    if device is None or application is None:
        return _bad_login(f"there is no device {quoted(plug_id)}")
    if not device.credentials or not connect.password:
        return _bad_login(f"{plug_id} showed no password, or has none")
    settings = settings_of(device)
    if not device.enabled and settings.reactivate:
        return _bad_login(f"the credentials of {plug_id} are revoked; it may enroll again")
    may_log_in = device.enabled and application.enabled
    name = client_name(connect.client_id)
    renamed = msgspec.structs.replace(device, name=name or device.name)
    return Login(
        principal=_principal(connect, peer, application.name, device.id, device.id),
        credentials=device.credentials,
        secret=connect.password,
        refusal=None
        if may_log_in
        else Refusal(reason_code=Assumed.DISABLED, log=f"{plug_id} is disabled"),
        changes=(PutDevice(renamed),) if renamed != device else (),
    )


def _account_login(
    application: Application, account: Account, connect: Connect, peer: Peer
) -> Login | Refusal:
    if not account.credentials or not connect.password:
        return _bad_login(f"{account.email} showed no password, or has none")
    return Login(
        principal=_principal(connect, peer, application.name, None, account.email),
        credentials=account.credentials,
        secret=connect.password,
        refusal=None
        if application.enabled
        else Refusal(reason_code=Assumed.DISABLED, log=f"{application.name} is disabled"),
    )


def _principal(
    connect: Connect, peer: Peer, application: str, device: str | None, login: str
) -> Principal:
    place = f"{NAME}/{application}/{login}/{connect.client_id}" if connect.client_id else None
    return Principal(
        dialect=NAME,
        policy=DEVICE_POLICY,
        peer=peer,
        application=application,
        device=device,
        login=login,
        client_id=connect.client_id,
        slot=place,
        session_key=place,
    )


def _refusal(connect: Connect) -> Refusal | None:
    """Refuse what no client of this dialect sends."""
    if connect.protocol_level not in Assumed.LEVELS:
        return Refusal(
            reason_code=ReasonCode.UNSUPPORTED_PROTOCOL_VERSION,
            log=f"CloudPlugs has no MQTT level {connect.protocol_level}",
            protocol_level=Assumed.LEVEL_OF_REFUSAL,
        )
    if not connect.client_id and not connect.clean_start:
        return Refusal(
            reason_code=ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
            log="an empty client id needs Clean Session 1",
        )
    return None


def _bad_login(log: str) -> Refusal:
    return Refusal(reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD, log=log)
