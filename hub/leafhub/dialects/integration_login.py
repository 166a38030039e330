"""How applications written for Drogue Cloud log in: with a name and a secret, or a token alone."""

import hashlib
from typing import Final

from leafhub.dialects.base import Login, Peer, Principal, Refusal
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.policy import AuthPacket, Policy, RefusedPublish, SecondConnect
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

NAME: Final = "integration"
POLICY: Final = Policy(
    maximum_packet_bytes=4 + 16_384,  # a fixed header that says 16 KiB, and those
    refused_publish_v3=RefusedPublish.CLOSE,
    verbatim_filters=True,
    wildcards_in_topic_names=True,
    second_connect=SecondConnect.IGNORE,
    auth_packet=AuthPacket.ANSWER,
    assign_client_id=False,
    maximum_outgoing_qos=1,
    connack_properties=Properties(
        retain_available=False,
        wildcard_subscription_available=True,
        shared_subscription_available=True,
    ),
)


def log_in(connect: Connect, peer: Peer, registry: RegistryView) -> Login | Refusal | None:
    """Judge CONNECT; ``None``: that is nobody's name and nobody's token."""
    found = _found(connect, registry)
    if found is None:
        return None
    operator, credentials, secret = found
    if connect.protocol_name != "MQTT" or connect.protocol_level not in {4, 5}:
        return Refusal(reason_code=None, log="MQTT older than 3.1.1")
    checks = (
        (connect.clean_start, "it asks for a kept session"),
        (bool(secret), "it has no password"),
        (credentials != (), "there is no token that would fit"),
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
        credentials=credentials,
        secret=secret,
        refusal=None if _may_read(operator, registry) else _refusal(operator, "it has no role"),
    )


def _found(
    connect: Connect, registry: RegistryView
) -> tuple[Operator, tuple[Credential, ...], bytes] | None:
    """Whom the client speaks for if it can prove it, with what, and what it shows for it."""
    username, password = connect.username or "", connect.password or b""
    operator = registry.operator(username) if username else None
    if operator is not None:
        return operator, operator.proofs, password
    if bool(username) == bool(password):
        return None
    token = username.encode() or password
    digest = hashlib.sha256(token).hexdigest()
    for one in registry.operators():
        for proof in one.proofs:
            if proof.kind is SecretKind.SHA256 and proof.secret == digest:
                return one, (proof,), token
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
