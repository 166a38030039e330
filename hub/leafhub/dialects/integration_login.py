"""How applications written for Drogue Cloud log in.

With a name and a secret; with a token alone, as user name or as password; or with nothing at all,
as far as an application permits something to anybody.
"""

import hashlib
from typing import Final

import msgspec

from leafhub.dialects.base import Login, Peer, Principal, Refusal
from leafhub.dialects.drogue import policy
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import ANYBODY, Operator, Role
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

NAME: Final = "integration"
POLICY: Final = msgspec.structs.replace(
    policy.POLICY,  # one MQTT server is behind both
    maximum_outgoing_qos=1,
    connack_properties=Properties(
        retain_available=False,
        wildcard_subscription_available=True,
        shared_subscription_available=True,
    ),
)


class _Shown(msgspec.Struct, frozen=True):
    """Whom a client speaks for if it can prove it, with what, and what it shows for it."""

    operator: Operator
    proofs: tuple[Credential, ...] = ()
    secret: bytes = b""


def log_in(connect: Connect, peer: Peer, registry: RegistryView) -> Login | Refusal | None:
    """Judge CONNECT; ``None``: that is nobody's name and nobody's token."""
    shown = _shown(connect, peer, registry)
    if shown is None:
        return None
    if connect.protocol_name != "MQTT" or connect.protocol_level not in {4, 5}:
        return Refusal(reason_code=None, log="MQTT older than 3.1.1")
    operator = shown.operator
    is_anybody = operator.name == ANYBODY.name
    checks = (
        (connect.clean_start, "it asks for a kept session"),
        (is_anybody or shown.secret, "it has no password"),
        (is_anybody or shown.proofs, "there is no token that would fit"),
    )
    trouble = next((text for holds, text in checks if not holds), None)
    if trouble is not None:
        return _refusal(operator, trouble)
    return Login(
        principal=Principal(
            dialect=NAME,
            policy=POLICY,
            peer=peer,
            login=operator.name,
            client_id=connect.client_id,
        ),
        credentials=shown.proofs,
        secret=shown.secret,
        refusal=None if _may_read(operator, registry) else _refusal(operator, "it has no role"),
    )


def _shown(connect: Connect, peer: Peer, registry: RegistryView) -> _Shown | None:
    username, password = connect.username or "", connect.password or b""
    if not username and not password:
        anybody = registry.operator(ANYBODY.name)
        shows_nothing = not peer.certificates and peer.psk_identity is None
        return _Shown(anybody) if anybody is not None and shows_nothing else None
    operator = registry.operator(username) if username else None
    if operator is not None:
        return _Shown(operator, operator.proofs, password)
    return None if username and password else _by_token(username.encode() or password, registry)


def _by_token(token: bytes, registry: RegistryView) -> _Shown | None:
    """Whoever has that secret: one that the hub made, for people's choices may be the same."""
    digest = hashlib.sha256(token).hexdigest()
    for operator in registry.operators():
        for proof in operator.proofs:
            if proof.kind is SecretKind.SHA256 and proof.secret == digest:
                return _Shown(operator, (proof,), token)
    return None


def _may_read(operator: Operator, registry: RegistryView) -> bool:
    """Whether there is anything for an operator to see."""
    return operator.may(Role.READER) or any(
        operator.may(Role.READER, application.name) for application in registry.applications()
    )


def _refusal(operator: Operator, trouble: str) -> Refusal:
    return Refusal(
        reason_code=ReasonCode.BAD_USER_NAME_OR_PASSWORD,
        log=f"operator {operator.name!r}: {trouble}",
    )
