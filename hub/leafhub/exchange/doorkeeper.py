"""Who may come in: judges logins and checks their proofs."""

import asyncio
import hmac
from collections.abc import Iterable
from typing import Protocol

from leafhub.dialects.base import Arrival, Login, Peer, Principal, Refusal
from leafhub.errors import BusyError
from leafhub.exchange import proofs
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.operator import Operator
from leafhub.model.registry import Registry, RegistryView
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.reason_codes import ReasonCode

SLOW_CHECKS = 2
"""Slow proofs at a time: each takes a core and up to 64 MiB, and a Pi has not much of either."""
WAITING_CHECKS = 1_000
"""Slow proofs that may wait for those: a house full of boards that come back at once. Whoever
comes then is told that the hub is busy, and tries again."""


class Detection(Protocol):
    """Tells whose credentials a CONNECT carries."""

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal:
        """Judge CONNECT."""
        ...

    def pre_shared_key(self, identity: str, registry: RegistryView, time_us: int) -> bytes | None:
        """The key of an identity; ``None``: nobody may come in with it now."""
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
        self._slow_checks = asyncio.Semaphore(SLOW_CHECKS)
        self._waiting_checks = 0

    async def admit(self, connect: Connect, peer: Peer, arrival: Arrival) -> Login | Refusal:
        """Judge a CONNECT; a ``Login`` that comes back is proved.

        A record that changes while its slow proof is checked is judged anew: who changed it could
        not end a connection that was not there yet.
        """
        try:
            return await self._judge(connect, peer, arrival)
        except BusyError as exc:
            return Refusal(reason_code=ReasonCode.SERVER_BUSY, log=str(exc))

    async def _judge(self, connect: Connect, peer: Peer, arrival: Arrival) -> Login | Refusal:
        while True:
            verdict = self._detection.authenticate(connect, peer, self._registry, arrival)
            if isinstance(verdict, Refusal):
                return verdict
            valid = _valid(verdict.credentials, arrival.time_us)
            judged_by = self._records_of(verdict.principal)
            if verdict.credentials and not await self._fits_one(valid, verdict.secret):
                return verdict.mismatch
            if self._records_of(verdict.principal) == judged_by:
                return verdict.refusal or verdict

    def pre_shared_key(self, identity: str, time_us: int) -> bytes | None:
        """The key of an identity at that moment; ``None``: nobody may come in with it."""
        return self._detection.pre_shared_key(identity, self._registry, time_us)

    async def operator(self, name: str | None, secret: str, time_us: int) -> Operator | None:
        """The operator with that login; by the secret alone where ``name`` is ``None``.

        A secret that stands alone is one that the hub made: what a person chose may be somebody
        else's choice too, and would cost a slow proof for every operator there is.

        Raises:
            BusyError: Too many proofs wait to be checked.
        """
        if name is None:
            return self._holder_of(secret, time_us)
        shown = secret.encode()
        while (named := self._registry.operator(name)) is not None:
            fits = await self._fits_one(_valid(named.proofs, time_us), shown)
            if self._registry.operator(name) == named:  # else it changed while a thread checked
                return named if fits else None
        return None

    def _holder_of(self, token: str, time_us: int) -> Operator | None:
        """Whoever has that token, which is hashed once for all there are."""
        digest = proofs.sha256(token).encode()
        for operator in self._registry.operators():
            for one in _valid(operator.proofs, time_us):
                made_here = one.kind is SecretKind.SHA256
                if made_here and hmac.compare_digest(one.secret.encode(), digest):
                    return operator
        return None

    def _records_of(
        self, principal: Principal
    ) -> tuple[Application | None, Device | None, Operator | None]:
        application, device = principal.application, principal.device
        if application is None:
            return None, None, self._registry.operator(principal.login)
        known = None if device is None else self._registry.device(application, device)
        return self._registry.application(application), known, None

    async def _fits_one(self, credentials: Iterable[Credential], secret: bytes) -> bool:
        """Whether one of them fits; quick ones are tried first, slow ones in a thread."""
        slow: list[Credential] = []
        for credential in credentials:
            if credential.kind in proofs.SLOW_KINDS:
                slow.append(credential)
            elif proofs.verify(credential, secret):
                return True
        for credential in slow:
            if await self._fits_slowly(credential, secret):
                return True
        return False

    async def _fits_slowly(self, credential: Credential, secret: bytes) -> bool:
        """Check in a thread, in turn.

        Raises:
            BusyError: Too many wait.
        """
        if self._waiting_checks >= WAITING_CHECKS:
            raise BusyError(f"{WAITING_CHECKS} logins wait for their slow proofs")
        self._waiting_checks += 1
        try:
            await self._slow_checks.acquire()
        finally:
            self._waiting_checks -= 1
        check = asyncio.get_running_loop().run_in_executor(None, proofs.verify, credential, secret)
        check.add_done_callback(lambda _: self._slow_checks.release())
        return await asyncio.shield(check)  # a client may leave; its thread keeps the place


def _valid(credentials: Iterable[Credential], time_us: int) -> list[Credential]:
    """Those whose time is not over."""
    return [one for one in credentials if one.expires_us is None or time_us < one.expires_us]
