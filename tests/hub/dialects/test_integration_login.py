"""CONNECT of applications; the plain cases are beside the rest of their face."""

import hashlib
from collections.abc import Callable

import msgspec
import pytest

from leafhub.dialects.base import Arrival, Login, Peer, Refusal
from leafhub.dialects.detect import Detection
from leafhub.dialects.integration_login import log_in
from leafhub.model.application import Application
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import ANYBODY, AccessToken, Operator, Role
from leafhub.model.registry import PutApplication, PutOperator, Registry
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.reason_codes import ReasonCode

SECRET = "the-hub-made-this"
DRG = "drg_anna-made-this"
CHOSEN = "sunshine"


class NoSettings(msgspec.Struct, frozen=True):
    pass


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


ANNA = Operator(
    name="anna",
    credentials=(
        Credential(kind=SecretKind.SHA256, secret=digest(SECRET)),
        Credential(kind=SecretKind.PLAIN, secret=CHOSEN),
    ),
    tokens=(AccessToken(prefix="drg_a", sha256=digest(DRG), created_us=1),),
    role=None,
    roles={"plant": Role.READER},
)


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    plant = Application(name="plant", uid="u", dialect="drogue", settings=NoSettings())
    bob = Operator(name="bob", credentials=(Credential(kind=SecretKind.PLAIN, secret=CHOSEN),))
    return make_registry(
        changes=[PutApplication(plant), PutOperator(bob), PutOperator(ANNA)],
    )


def shown(
    registry: Registry, peer: Peer, username: str | None, password: str | None
) -> Login | Refusal | None:
    secret = None if password is None else password.encode()
    connect = Connect(protocol_level=5, username=username, password=secret)
    return log_in(connect, peer, registry)


@pytest.mark.parametrize(
    ("username", "password"),
    [(DRG, None), (SECRET, None), (DRG, ""), (None, DRG), ("", DRG), (None, SECRET)],
)
def test_a_token_alone_is_enough(
    registry: Registry, peer: Peer, username: str | None, password: str | None
) -> None:
    verdict = shown(registry, peer, username, password)
    assert isinstance(verdict, Login)
    token = username or password or ""
    assert (verdict.principal.login, verdict.secret) == ("anna", token.encode())
    assert [proof.secret for proof in verdict.credentials] == [digest(token)]
    assert verdict.refusal is None


@pytest.mark.parametrize(
    ("username", "password"),
    [
        (CHOSEN, None),  # two people may choose the same
        (None, CHOSEN),
        ("drg_nobody", None),
        (digest(DRG), None),
        (DRG, "and more"),
        ("somebody", DRG),
        (None, None),
        ("", ""),
    ],
)
def test_what_is_nobodys_is_left_to_others(
    registry: Registry, peer: Peer, username: str | None, password: str | None
) -> None:
    assert shown(registry, peer, username, password) is None


def test_with_a_name_everything_that_proves_it_counts(registry: Registry, peer: Peer) -> None:
    verdict = shown(registry, peer, "anna", CHOSEN)
    assert isinstance(verdict, Login)
    assert verdict.credentials == ANNA.proofs
    assert len(ANNA.proofs) == 3


@pytest.mark.parametrize(
    ("role", "roles", "comes_in"),
    [
        (Role.READER, {}, True),
        (None, {"plant": Role.READER}, True),
        (None, {"plant": Role.ADMIN, "gone": Role.READER}, True),
        (None, {"gone": Role.ADMIN}, False),
        (None, {}, False),
    ],
)
def test_who_has_no_role_learns_it_only_with_the_right_secret(
    registry: Registry, peer: Peer, role: Role | None, roles: dict[str, Role], *, comes_in: bool
) -> None:
    registry.apply(PutOperator(msgspec.structs.replace(ANNA, role=role, roles=roles)))
    verdict = shown(registry, peer, "anna", DRG)
    assert isinstance(verdict, Login)
    assert verdict.credentials
    assert (verdict.refusal is None) == comes_in
    if verdict.refusal is not None:
        assert verdict.refusal.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD


def test_anybody_comes_in_where_an_application_permits_anybody_something(
    registry: Registry, peer: Peer, arrival: Arrival
) -> None:
    connect = Connect(protocol_level=5, client_id="c")
    detection = Detection()
    assert isinstance(detection.authenticate(connect, peer, registry, arrival), Refusal)
    registry.apply(PutOperator(msgspec.structs.replace(ANYBODY, roles={"plant": Role.READER})))
    verdict = detection.authenticate(connect, peer, registry, arrival)
    assert isinstance(verdict, Login)
    assert (verdict.principal.dialect, verdict.principal.login) == ("integration", "")
    assert (verdict.credentials, verdict.refusal) == ((), None)
    strangers = (
        msgspec.structs.replace(peer, certificates=(b"x",)),
        msgspec.structs.replace(peer, psk_identity="x"),
        msgspec.structs.replace(peer, dialect="murano"),
    )
    for stranger in strangers:
        refused = detection.authenticate(connect, stranger, registry, arrival)
        assert isinstance(refused, Refusal)
    kept = msgspec.structs.replace(connect, clean_start=False)
    assert isinstance(detection.authenticate(kept, peer, registry, arrival), Refusal)
