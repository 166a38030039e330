"""Who a Drogue Cloud device says it is, and whether it may come in."""

from typing import Final
from urllib.parse import unquote

import msgspec

from leafhub.dialects.base import Login, Peer, Principal, Refusal
from leafhub.dialects.drogue.policy import POLICY
from leafhub.dialects.drogue.settings import NAME, key
from leafhub.dialects.drogue.spec import SectionError, grammar_of
from leafhub.dialects.log_text import quoted
from leafhub.model.device import Credential, Device
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.reason_codes import ReasonCode

_REFUSED: Final = ReasonCode.BAD_USER_NAME_OR_PASSWORD  # the only answer to a CONNECT that fails


class Claim(msgspec.Struct, frozen=True):
    """Who a CONNECT says it is.

    Attributes:
        application: Name of the application.
        identifier: Name or alias of the device.
        username: A user name apart from that; ``None``: the password stands alone.
    """

    application: str
    identifier: str
    username: str | None

    def fits(self, credential: Credential, device: Device) -> bool:
        """Whether ``credential`` is for this way of logging in; its secret is judged elsewhere."""
        if self.username is not None:
            return self.username == (credential.username or device.id)
        if credential.username is None:
            return True
        return credential.username == (self.identifier if credential.unique else device.id)


def claim_of(connect: Connect) -> Claim | None:
    """Read user name or client id as ``<device>@<application>``; ``None``: neither is one."""
    if connect.username is not None and "@" in connect.username:
        scoped, username = connect.username, None
    else:
        scoped, username = connect.client_id, connect.username
    identifier, at, application = scoped.partition("@")
    return Claim(application, unquote(identifier), username) if at else None


def judge_login(connect: Connect, peer: Peer, registry: RegistryView) -> Login | Refusal | None:
    """Ours is what names an application of ours, in the user name or else in the client id."""
    claim = claim_of(connect)
    if claim is None:
        return None
    application = registry.application(claim.application)
    if application is None or application.dialect != NAME:
        return None
    if connect.protocol_name != "MQTT" or connect.protocol_level not in {4, 5}:
        return Refusal(reason_code=None, log="MQTT older than 3.1.1")
    if connect.protocol_level == 4 and not connect.client_id and not connect.clean_start:
        return Refusal(reason_code=None, log="a kept session needs a client id")
    device = registry.lookup(key(application.name, claim.identifier))
    credentials = (
        () if device is None else tuple(c for c in device.credentials if claim.fits(c, device))
    )
    named = quoted(claim.identifier)
    checks = (
        (connect.clean_start, "it asks for a kept session; this dialect has none"),
        (connect.username is not None, "it has no user name"),
        (connect.password is not None, "it has no password"),
        (_is_text(connect.password or b""), "its password is not UTF-8"),
        (application.enabled, f"application {application.name!r} is disabled"),
        (device is not None, f"there is no device {named}"),
        (device is not None and device.enabled, f"device {named} is disabled"),
        (_has_grammar(device, registry), "its section spec.mqtt cannot be read"),
        (credentials != (), f"{named} has no credential for such a login"),
    )
    trouble = next((text for holds, text in checks if not holds), None)
    if trouble is not None or device is None:
        return Refusal(reason_code=_REFUSED, log=f"{application.name}: {trouble}")
    return Login(
        principal=Principal(
            dialect=NAME,
            policy=POLICY,
            peer=peer,
            application=application.name,
            device=device.id,
            login=connect.username or "",
            client_id=connect.client_id,
            slot=f"{NAME}/{application.name}/{device.id}",
        ),
        credentials=credentials,
        secret=connect.password or b"",
    )


def why_it_ends(principal: Principal, registry: RegistryView) -> str:
    """Why a login would fail now that held before; empty: it would not."""
    device = registry.device(principal.application or "", principal.device or "")
    if _has_grammar(device, registry):
        return ""
    return "its section spec.mqtt cannot be read any more"


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_grammar(device: Device | None, registry: RegistryView) -> bool:
    try:
        return device is None or grammar_of(device, registry) is not None
    except SectionError:
        return False
