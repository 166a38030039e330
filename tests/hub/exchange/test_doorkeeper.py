import asyncio
import hashlib
import threading

import pytest
from hand_exchange import OPERATOR, PEER, Acorn, Detects, World, application, connect, device
from msgspec.structs import replace

from leafhub.dialects.base import Arrival, Login, Refusal
from leafhub.exchange import access_tokens, proofs
from leafhub.exchange.chance_and_time import RandomIds
from leafhub.exchange.doorkeeper import SLOW_CHECKS, WAITING_CHECKS, Doorkeeper
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import Operator
from leafhub.model.registry import DeleteDevice, PutApplication, PutDevice, PutOperator, Registry
from leafhub.mqtt.reason_codes import ReasonCode

ARRIVAL = Arrival(time_us=1_000, ids=RandomIds())


class SlowProof:
    """A slow check that a test lets go; it counts how many run at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running = self.most = 0
        self.started, self.go = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        monkeypatch.setattr(proofs, "verify", self.verify)

    def verify(self, credential: Credential, secret: bytes) -> bool:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.started.set()
        assert self.go.wait(10)
        with self._lock:
            self.running -= 1
        return credential.secret.encode() == secret


@pytest.fixture
def registry() -> Registry:
    registry = Registry(Acorn().keys)
    registry.apply(PutApplication(application()))
    registry.apply(PutDevice(device()))
    registry.apply(PutOperator(OPERATOR))
    return registry


@pytest.fixture
def doorkeeper(registry: Registry) -> Doorkeeper:
    return Doorkeeper(registry, Detects(Acorn()))


async def admit(doorkeeper: Doorkeeper, secret: bytes) -> Login | Refusal:
    return await doorkeeper.admit(replace(connect("d"), password=secret), PEER, ARRIVAL)


def slow(registry: Registry) -> None:
    credential = Credential(kind=SecretKind.ARGON2ID, secret="s")
    registry.apply(PutDevice(replace(device(), credentials=(credential,))))


async def test_the_right_secret_opens(doorkeeper: Doorkeeper) -> None:
    assert isinstance(await admit(doorkeeper, b"s"), Login)


async def test_a_wrong_secret_does_not(doorkeeper: Doorkeeper) -> None:
    assert isinstance(await admit(doorkeeper, b"x"), Refusal)


@pytest.mark.parametrize(("expires_us", "verdict"), [(1_000, Refusal), (1_001, Login)])
async def test_a_secret_ends_with_its_time(
    doorkeeper: Doorkeeper, registry: Registry, expires_us: int, verdict: type
) -> None:
    credential = replace(device().credentials[0], expires_us=expires_us)
    registry.apply(PutDevice(replace(device(), credentials=(credential,))))
    assert isinstance(await admit(doorkeeper, b"s"), verdict)


async def test_a_device_deleted_while_its_proof_is_checked_stays_out(
    doorkeeper: Doorkeeper, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(registry)
    proof = SlowProof(monkeypatch)
    login = asyncio.create_task(admit(doorkeeper, b"s"))
    assert await asyncio.to_thread(proof.started.wait, 10)
    registry.apply(DeleteDevice("oak", "d"))
    proof.go.set()
    assert isinstance(await login, Refusal)


async def test_slow_proofs_are_few_at_a_time(
    doorkeeper: Doorkeeper, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(registry)
    proof = SlowProof(monkeypatch)
    logins = [asyncio.create_task(admit(doorkeeper, b"s")) for _ in range(6)]
    assert await asyncio.to_thread(proof.started.wait, 10)
    await asyncio.sleep(0.05)
    proof.go.set()
    assert all(isinstance(one, Login) for one in await asyncio.gather(*logins))
    assert proof.most == SLOW_CHECKS


async def test_who_leaves_while_its_slow_proof_is_checked_keeps_the_place_until_then(
    doorkeeper: Doorkeeper, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(registry)
    proof = SlowProof(monkeypatch)
    for _ in range(6):  # each thread goes on when its client has hung up
        login = asyncio.create_task(admit(doorkeeper, b"s"))
        await asyncio.sleep(0.01)
        login.cancel()
        with pytest.raises(asyncio.CancelledError):
            await login
    last = asyncio.create_task(admit(doorkeeper, b"s"))
    await asyncio.sleep(0.05)
    proof.go.set()
    assert isinstance(await last, Login)
    assert proof.most == SLOW_CHECKS


async def test_slow_proofs_wait_for_others_only_so_long(
    doorkeeper: Doorkeeper, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(registry)
    proof = SlowProof(monkeypatch)
    logins = [
        asyncio.create_task(admit(doorkeeper, b"s")) for _ in range(SLOW_CHECKS + WAITING_CHECKS)
    ]
    assert await asyncio.to_thread(proof.started.wait, 10)
    refusal = await admit(doorkeeper, b"s")
    assert isinstance(refusal, Refusal)
    assert refusal.reason_code is ReasonCode.SERVER_BUSY
    proof.go.set()
    assert all(isinstance(one, Login) for one in await asyncio.gather(*logins))
    assert isinstance(await admit(doorkeeper, b"s"), Login)


async def test_an_operator_logs_in_with_or_without_a_name(
    doorkeeper: Doorkeeper, registry: Registry
) -> None:
    made = Credential(kind=SecretKind.SHA256, secret=proofs.sha256("open sesame"))
    operator = replace(OPERATOR, credentials=(made,))
    registry.apply(PutOperator(operator))
    assert await doorkeeper.operator("ada", "open sesame", 0) == operator
    assert await doorkeeper.operator(None, "open sesame", 0) == operator


async def test_an_operator_logs_in_with_a_token(
    doorkeeper: Doorkeeper, registry: Registry
) -> None:
    token, secret = access_tokens.make(0)
    holder = replace(OPERATOR, tokens=(token,))
    registry.apply(PutOperator(holder))
    assert await doorkeeper.operator("ada", secret, 0) == holder
    assert await doorkeeper.operator(None, secret, 0) == holder
    assert await doorkeeper.operator("ada", token.sha256, 0) is None


async def test_a_token_is_hashed_once_however_many_there_are(
    doorkeeper: Doorkeeper, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [access_tokens.make(0) for _ in range(20)]
    for number, (token, _) in enumerate(made):
        registry.apply(PutOperator(Operator(name=f"o{number}", tokens=(token,))))
    hashed: list[bytes] = []
    sha256 = hashlib.sha256

    def counted(data: bytes) -> object:
        hashed.append(data)
        return sha256(data)

    monkeypatch.setattr(hashlib, "sha256", counted)
    _, secret = made[-1]
    for shown in ("x" * 60_000, secret):
        hashed.clear()
        found = await doorkeeper.operator(None, shown, 0)
        assert (found is not None) == (shown == secret)
        assert hashed == [shown.encode()]


@pytest.mark.parametrize(("time_us", "is_in"), [(6, True), (7, False)])
async def test_what_an_operator_shows_ends_with_its_time(
    doorkeeper: Doorkeeper, registry: Registry, time_us: int, *, is_in: bool
) -> None:
    digest = proofs.sha256("open sesame")
    credential = Credential(kind=SecretKind.SHA256, secret=digest, expires_us=7)
    ending = replace(OPERATOR, credentials=(credential,))
    registry.apply(PutOperator(ending))
    for name in ("ada", None):
        found = await doorkeeper.operator(name, "open sesame", time_us)
        assert (found == ending) is is_in


@pytest.mark.parametrize("kind", [SecretKind.ARGON2ID, SecretKind.PLAIN])
async def test_a_secret_that_a_person_chose_needs_the_name(
    doorkeeper: Doorkeeper, registry: Registry, kind: SecretKind
) -> None:
    kept = "chosen" if kind is SecretKind.PLAIN else proofs.hash_secret("chosen")
    chosen = Credential(kind=kind, secret=kept)
    registry.apply(PutOperator(replace(OPERATOR, credentials=(chosen,))))
    assert await doorkeeper.operator("ada", "chosen", 0) is not None
    assert await doorkeeper.operator(None, "chosen", 0) is None


async def test_an_operator_that_changes_while_its_proof_is_checked_is_judged_anew(
    doorkeeper: Doorkeeper, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Credential(kind=SecretKind.ARGON2ID, secret="chosen")
    registry.apply(PutOperator(replace(OPERATOR, credentials=(kept,))))
    proof = SlowProof(monkeypatch)
    login = asyncio.create_task(doorkeeper.operator("ada", "chosen", 0))
    assert await asyncio.to_thread(proof.started.wait, 10)
    registry.apply(PutOperator(replace(OPERATOR, credentials=())))
    proof.go.set()
    assert await login is None


@pytest.mark.parametrize(("name", "secret"), [("ada", "x"), ("bob", "open sesame"), (None, "x")])
async def test_nobody_else_is_an_operator(
    doorkeeper: Doorkeeper, name: str | None, secret: str
) -> None:
    assert await doorkeeper.operator(name, secret, 0) is None


async def test_a_refused_login_tells_the_exchange_nothing_to_store(world: World) -> None:
    verdict = await world.exchange.log_in(replace(connect("d"), password=b"x"), PEER)
    assert isinstance(verdict, Refusal)
    assert world.store.waiting == []
