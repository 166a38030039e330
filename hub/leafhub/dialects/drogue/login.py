"""Who a Drogue Cloud device says it is, what proves it, and whether it may come in.

The vendor refuses every CONNECT that fails with one and the same code; only the log says why.
"""

from typing import Final
from urllib.parse import unquote

import msgspec

from leafhub.dialects.base import Arrival, Login, Peer, Principal, Refusal
from leafhub.dialects.certificates import CertificateError
from leafhub.dialects.drogue import by_certificate, psk
from leafhub.dialects.drogue.credentials import read_credentials
from leafhub.dialects.drogue.grammars.azure import Azure
from leafhub.dialects.drogue.policy import policy_of
from leafhub.dialects.drogue.settings import NAME, key, settings_of
from leafhub.dialects.drogue.spec import SectionError, grammar_of, options_of
from leafhub.dialects.drogue.trust_anchors import find_application
from leafhub.dialects.log_text import quoted
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.decoding import LEVEL_3_1_1, LEVEL_5
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.reason_codes import ReasonCode

_COMES_BACK: Final = "comes back"  # note of a principal: CONNECT asked for a session that was kept


class Claim(msgspec.Struct, frozen=True):
    """Who a CONNECT says it is.

    Attributes:
        application: Name or alias of the application.
        identifier: Name or alias of the device.
        username: A user name apart from that; ``None``: the password stands alone.
    """

    application: str
    identifier: str
    username: str | None

    def fits(self, credential: Credential, device: Device) -> bool:
        """Whether ``credential`` is for this way of logging in; its secret is judged elsewhere."""
        if credential.kind is SecretKind.PSK:
            return False
        if self.username is not None:
            expected = device.id if credential.username is None else credential.username
            return self.username == expected
        if credential.username is None:
            return True
        return credential.username == (self.identifier if credential.unique else device.id)


class _Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Who a login is of, as far as it is one of this dialect at all.

    Attributes:
        trouble: Why nobody comes in; empty: nothing speaks against it so far.
        device: ``None``: nobody.
        login: How it names itself, for the log.
        credentials: One of them must fit; empty: it is proved.
    """

    trouble: str = ""
    device: Device | None = None
    login: str = ""
    credentials: tuple[Credential, ...] = ()


def claim_of(connect: Connect) -> Claim | None:
    """Read user name or client id as ``<device>@<application>``; ``None``: neither is one."""
    if connect.username is not None and "@" in connect.username:
        scoped, username = connect.username, None
    else:
        scoped, username = connect.client_id, connect.username
    identifier, at, application = scoped.partition("@")
    return Claim(application, unquote(identifier), username) if at else None


def judge_login(
    connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
) -> Login | Refusal | None:
    """Ours is what names an application of ours, or is proved to be one of its devices."""
    candidate = _find(connect, peer, registry, arrival.time_us)
    if candidate is None:
        return None
    if connect.protocol_name != "MQTT" or connect.protocol_level not in {LEVEL_3_1_1, LEVEL_5}:
        return Refusal(reason_code=None, log="MQTT older than 3.1.1")
    if not connect.clean_start and not connect.client_id and connect.protocol_level < LEVEL_5:
        return Refusal(reason_code=None, log="a kept session needs a client id")
    return _admit(candidate, connect, peer, registry)


def why_it_ends(principal: Principal, registry: RegistryView, arrival: Arrival) -> str:
    """Why the login of ``principal`` would fail now, or make another of it; empty: it would not.

    Whether its password would still fit is seen to elsewhere.
    """
    peer = principal.peer
    by_password = not peer.certificates and peer.psk_identity is None
    connect = Connect(
        protocol_level=LEVEL_5,
        client_id=principal.client_id,
        clean_start=principal.note != _COMES_BACK,
        username=principal.login if by_password else None,
        password=b"" if by_password else None,
    )
    verdict = judge_login(connect, peer, registry, arrival)
    if verdict is None:
        return "nobody knows its login any more"
    if isinstance(verdict, Refusal):
        return verdict.log
    return "" if verdict.principal == principal else "another session is its own now"


def pre_shared_key(identity: str, registry: RegistryView, time_us: int) -> bytes | None:
    """The key of that identity; ``None``: nobody may come in with it now."""
    device = psk.device_of(identity, registry)
    if device is None or _trouble_of(device, registry):
        return None
    return _valid_key(device, registry, time_us)


def _find(connect: Connect, peer: Peer, registry: RegistryView, time_us: int) -> _Candidate | None:
    """Who logs in; ``None``: nothing about it is of this dialect.

    A password goes with a user name; a certificate or a pre-shared key goes with neither. What
    else names an application or device of ours lets nobody in.
    """
    claim = claim_of(connect)
    application = None if claim is None else find_application(claim.application, registry)
    has_name, has_password = connect.username is not None, connect.password is not None
    if peer.certificates or peer.psk_identity is not None:
        proved = _by_handshake(peer, registry, time_us)
        if proved is not None:
            alone = not has_name or _may_have_name(proved, peer, registry)
            if alone and not has_password:
                return proved
            return _Candidate(trouble="a name or password comes with what its handshake proves")
    elif has_name and has_password and claim is not None and application is not None:
        return _by_password(claim, application, connect, registry)
    if claim is None or application is None:
        return None
    return _Candidate(
        trouble=f"{quoted(claim.identifier)} of application {application.name!r} has to show a"
        " user name and a password, or else a certificate or key"
    )


def _by_password(
    claim: Claim, application: Application, connect: Connect, registry: RegistryView
) -> _Candidate:
    if not _is_text(connect.password or b""):
        return _Candidate(trouble="its password is not UTF-8")
    named = quoted(claim.identifier)
    device = registry.lookup(key(application.name, claim.identifier))
    if device is None:
        return _Candidate(trouble=f"application {application.name!r} has no device {named}")
    credentials = tuple(one for one in device.credentials if claim.fits(one, device))
    if not credentials:
        trouble = _trouble_of(device, registry)  # credentials that nobody can read are none
        return _Candidate(trouble=trouble or f"{named} has no credential for such a login")
    return _Candidate(device=device, login=connect.username or "", credentials=credentials)


def _by_handshake(peer: Peer, registry: RegistryView, time_us: int) -> _Candidate | None:
    if peer.psk_identity is not None:
        return _by_key(peer.psk_identity, registry, time_us)
    try:
        device = by_certificate.device_of(peer.certificates, registry, time_us)
    except CertificateError as exc:
        return _Candidate(trouble=str(exc))
    return None if device is None else _Candidate(device=device, login=device.id)


def _by_key(identity: str, registry: RegistryView, time_us: int) -> _Candidate | None:
    device = psk.device_of(identity, registry)
    if device is None:
        return None
    if not _trouble_of(device, registry) and _valid_key(device, registry, time_us) is None:
        return _Candidate(trouble=f"{quoted(identity)} has no valid key any more")
    return _Candidate(device=device, login=identity)


def _may_have_name(candidate: _Candidate, peer: Peer, registry: RegistryView) -> bool:
    """Whether a user name is overlooked: Azure's devices send one with their certificates."""
    device = candidate.device
    return bool(peer.certificates) and device is not None and _is_azure(device, registry)


def _admit(
    candidate: _Candidate, connect: Connect, peer: Peer, registry: RegistryView
) -> Login | Refusal:
    device = candidate.device
    if candidate.trouble or device is None:
        return _refused(candidate.trouble)
    trouble = _trouble_of(device, registry)
    if trouble:
        return _refused(f"{device.application}: {trouble}")
    options = options_of(device, registry)
    try:
        grammar = grammar_of(device, registry)
    except SectionError as exc:
        return _refused(f"{device.application}: its section {exc.path} cannot be read")
    if not connect.clean_start and not options.keep_sessions and not isinstance(grammar, Azure):
        return _refused(f"{device.application}: it asks for a kept session; there are none")
    place = f"{NAME}/{device.application}/{device.id}"
    own = f"{place}\n{connect.client_id}" if connect.client_id else None
    return Login(
        principal=Principal(
            dialect=NAME,
            policy=policy_of(options),
            peer=peer,
            application=device.application,
            device=device.id,
            login=candidate.login,
            client_id=connect.client_id,
            slot=own if options.coexist else place,
            session_key=own if options.keep_sessions else None,
            note="" if connect.clean_start else _COMES_BACK,
        ),
        credentials=candidate.credentials,
        secret=connect.password or b"",
    )


def _trouble_of(device: Device, registry: RegistryView) -> str:
    """Why nobody may come in as this device, whatever proves it; empty: one may."""
    application = registry.application(device.application)
    for record, what in ((application, "its application"), (device, "the device")):
        if record is None or settings_of(record).deleted_us is not None:
            return f"{what} is deleted"
        if not record.enabled:
            return f"{what} is disabled"
    try:
        read_credentials(settings_of(device).spec)
    except SectionError as exc:
        return f"its section {exc.path} cannot be read"
    return ""


def _valid_key(device: Device, registry: RegistryView, time_us: int) -> bytes | None:
    newest_first = options_of(device, registry).psk_newest_first
    return psk.key_of(device, time_us, newest_first=newest_first)


def _is_azure(device: Device, registry: RegistryView) -> bool:
    try:
        return isinstance(grammar_of(device, registry), Azure)
    except SectionError:
        return False


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refused(log: str) -> Refusal:
    return Refusal(reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD, log=log)
