"""Who may come in: judges logins and checks their proofs."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from leafhub.dialects.base import Arrival, Login, Peer, Refusal
from leafhub.exchange import proofs
from leafhub.model.device import Credential, Operator
from leafhub.model.registry import Registry, RegistryView
from leafhub.mqtt.packets import Connect


class Detection(Protocol):
    """Tells whose credentials a CONNECT carries."""

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal:
        """Judge CONNECT."""
        ...


class Doorkeeper:
    """Checks every login.

    Args:
        registry: Who is known.
        detection: Decides which dialect a CONNECT belongs to.
    """

    def __init__(self, registry: Registry, detection: Detection) -> None:
        self._registry = registry
        self._detection = detection

    async def admit(self, connect: Connect, peer: Peer, arrival: Arrival) -> Login | Refusal:
        """Judge a CONNECT; a ``Login`` that comes back is proved."""
        verdict = self._detection.authenticate(connect, peer, self._registry, arrival)
        if isinstance(verdict, Refusal):
            return verdict
        valid = [
            credential
            for credential in verdict.credentials
            if credential.expires_us is None or arrival.time_us < credential.expires_us
        ]
        if verdict.credentials and not await _fits_one(valid, verdict.secret):
            return verdict.mismatch
        return verdict.refusal or verdict

    async def operator(self, name: str | None, secret: str) -> Operator | None:
        """The operator with that login; by the secret alone where ``name`` is ``None``."""
        if name is None:
            operators = self._registry.operators()
        else:
            named = self._registry.operator(name)
            operators = () if named is None else (named,)
        for operator in operators:
            if await _fits_one(operator.credentials, secret.encode()):
                return operator
        return None


async def _fits_one(credentials: Iterable[Credential], secret: bytes) -> bool:
    """Whether one of them fits; quick ones are tried first, slow ones in a thread."""
    slow: list[Credential] = []
    for credential in credentials:
        if credential.kind in proofs.SLOW_KINDS:
            slow.append(credential)
        elif proofs.verify(credential, secret):
            return True
    for credential in slow:
        if await asyncio.to_thread(proofs.verify, credential, secret):
            return True
    return False
