"""Who a client of a topic space is: by its handshake, by name and password, or anybody.

A pre-shared key or a certificate proves a user without password; a CONNECT that names somebody all
the same has to name that user. Users' names are unique in the hub, so a name alone says the space.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from leafhub.dialects import certificates
from leafhub.dialects.base import Arrival, Login, Peer, Principal, Refusal
from leafhub.dialects.broker.settings import (
    ANONYMOUS_KEY,
    NAME,
    certificate_key,
    psk_key,
    space_of,
    user_key,
)
from leafhub.dialects.certificates import CertificateError, Shown, UnknownAuthorityError
from leafhub.dialects.log_text import quoted
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.decoding import LEVEL_3_1, LEVEL_5
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.reason_codes import ReasonCode

POLICY: Final = Policy(announce_limits=True, tell_reasons=True, topic_alias_maximum=64)

_BY_HANDSHAKE, _ANONYMOUS = "handshake", "anonymous"  # notes of principals
_ASSIGNED_LETTERS = 16  # 91 bits of chance: nobody guesses the name of another one's session


class _Proof(msgspec.Struct, frozen=True):
    """What the handshake proves.

    Attributes:
        user: Whom; ``None``: nobody.
        doubt: Why what was shown proves nobody; empty: nothing was shown.
        foreign: It may be meant for another dialect.
    """

    user: Device | None = None
    doubt: str = ""
    foreign: bool = False


def judge_login(
    connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
) -> Login | Refusal | None:
    """Find the user; ``None``: these credentials may be of another dialect."""
    proof = _proof_of(peer, registry, arrival.time_us)
    if proof.user is not None:
        if connect.username and connect.username != proof.user.id:
            return _refused(f"the handshake proves {quoted(proof.user.id)}, CONNECT names another")
        return _login(connect, peer, proof.user, registry, arrival, note=_BY_HANDSHAKE)
    if connect.username:
        return _by_password(connect, peer, registry, arrival, proof.doubt)
    if proof.doubt:
        return None if proof.foreign and peer.dialect != NAME else _refused(proof.doubt)
    if peer.dialect == NAME and not connect.password:
        return _anonymous(connect, peer, registry, arrival)
    return None


def still_holds(principal: Principal, registry: RegistryView, arrival: Arrival) -> bool:
    """Whether a login without password would be one of the same user now."""
    user: Device | None
    if principal.note == _BY_HANDSHAKE:
        user = _proof_of(principal.peer, registry, arrival.time_us).user
    elif principal.note == _ANONYMOUS:
        user = registry.lookup(ANONYMOUS_KEY)
    else:
        return True  # its password is among the credentials, and those have not changed
    return user is not None and (user.application, user.id) == (
        principal.application,
        principal.device,
    )


def pre_shared_key(identity: str, registry: RegistryView, time_us: int) -> bytes | None:
    """The key of that identity; ``None``: nobody may come in with it now."""
    user = registry.lookup(psk_key(identity))
    if user is None or _trouble(user, registry) is not None:
        return None
    credential = _live_psk(user, identity, time_us)
    return None if credential is None else bytes.fromhex(credential.secret)


def _proof_of(peer: Peer, registry: RegistryView, time_us: int) -> _Proof:
    if peer.psk_identity is not None:
        user = registry.lookup(psk_key(peer.psk_identity))
        if user is None or _live_psk(user, peer.psk_identity, time_us) is None:
            return _Proof(doubt=f"pre-shared key {quoted(peer.psk_identity)} is nobody's any more")
        return _Proof(user)
    if not peer.certificates:
        return _Proof()
    try:
        return _Proof(_by_certificate(peer.certificates, registry, time_us))
    except UnknownAuthorityError as exc:
        return _Proof(doubt=str(exc), foreign=True)
    except CertificateError as exc:
        return _Proof(doubt=str(exc))


def _by_certificate(chain: Sequence[bytes], registry: RegistryView, time_us: int) -> Device:
    """The user whose certificate it is.

    Raises:
        CertificateError: It is nobody's.
    """
    shown = certificates.read(chain)
    user = registry.lookup(certificate_key(shown.fingerprint))
    if user is None:
        return _by_authority(shown, registry, time_us)
    certificates.check_dates(shown.certificate, time_us)
    return user


def _by_authority(shown: Shown, registry: RegistryView, time_us: int) -> Device:
    """The user whose name stands in a certificate that an authority of its space signed."""
    spaces = {
        application.name: certificates.authorities(space_of(application).certificate_authorities)
        for application in registry.applications(NAME)
    }
    trusted = dict.fromkeys(one for authorities in spaces.values() for one in authorities)
    authority = certificates.prove(shown, tuple(trusted), time_us)
    name = certificates.common_name(shown.certificate)
    user = registry.lookup(user_key(name))
    if user is None or authority not in spaces.get(user.application, ()):
        raise CertificateError(f"its authority knows no user {quoted(name)}")
    return user


def _by_password(
    connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival, doubt: str
) -> Login | Refusal | None:
    user = registry.lookup(user_key(connect.username or ""))
    if user is None:
        return None
    mismatch = _refused(f"wrong password; {doubt}" if doubt else "wrong password")
    passwords = tuple(one for one in user.credentials if one.kind is not SecretKind.PSK)
    if not passwords:
        return mismatch  # a login without credentials would have nothing to prove
    login = _login(connect, peer, user, registry, arrival, credentials=passwords)
    return msgspec.structs.replace(login, mismatch=mismatch)


def _anonymous(
    connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
) -> Login | Refusal:
    user = registry.lookup(ANONYMOUS_KEY)
    if user is not None:
        return _login(connect, peer, user, registry, arrival, note=_ANONYMOUS)
    for application in registry.applications(NAME):
        named = space_of(application).anonymous
        if named is not None:
            return _refused(f"space {application.name!r} has no user {quoted(named)}")
    return _refused("it showed no credentials, and no space has an anonymous user")


def _login(
    connect: Connect,
    peer: Peer,
    user: Device,
    registry: RegistryView,
    arrival: Arrival,
    *,
    credentials: tuple[Credential, ...] = (),
    note: str = "",
) -> Login:
    """Let ``user`` in if one of ``credentials`` fits, or at once where there are none to fit.

    A client id belongs to one client of a space, and the newest has it; what a session holds stays
    with its user all the same.
    """
    client_id = connect.client_id or f"auto-{arrival.ids.letters(_ASSIGNED_LETTERS)}"
    place = f"{NAME}/{user.application}"
    trouble = _trouble(user, registry)
    refusal = None
    if trouble is not None:
        refusal = Refusal(reason_code=ReasonCode.NOT_AUTHORIZED, log=trouble)
    elif not connect.client_id and not _may_be_nameless(connect):
        refusal = Refusal(
            reason_code=ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
            log="an empty client id needs a clean session, and MQTT 3.1.1 or later",
        )
    return Login(
        principal=Principal(
            dialect=NAME,
            policy=POLICY,
            peer=peer,
            application=user.application,
            device=user.id,
            login=user.id,
            client_id=client_id,
            slot=f"{place}/{client_id}",
            session_key=f"{place}/{user.id}\n{client_id}",  # a user's name has no line feed
            note=note,
        ),
        credentials=credentials,
        secret=connect.password or b"",
        refusal=refusal,
    )


def _may_be_nameless(connect: Connect) -> bool:
    """Whether an empty client id is allowed (3.1 §3.1; 3.1.1 MQTT-3.1.3-8; 5.0 MQTT-3.1.3-6)."""
    return connect.protocol_level == LEVEL_5 or (
        connect.protocol_level > LEVEL_3_1 and connect.clean_start
    )


def _trouble(user: Device, registry: RegistryView) -> str | None:
    """Why somebody who is a user may not come in."""
    application = registry.application(user.application)
    if application is None or not application.enabled:
        return f"application {user.application!r} is disabled"
    return None if user.enabled else f"user {quoted(user.id)} is disabled"


def _live_psk(user: Device, identity: str, time_us: int) -> Credential | None:
    for credential in user.credentials:
        if (
            credential.kind is SecretKind.PSK
            and (credential.username or user.id) == identity
            and (credential.expires_us is None or time_us < credential.expires_us)
        ):
            return credential
    return None


def _refused(log: str) -> Refusal:
    return Refusal(reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD, log=log)
