import pytest
from hand_exchange import Acorn
from msgspec.structs import replace

from leafhub.exchange import proofs
from leafhub.http_server.drogue.standing import Standing, standing_of
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import ANYBODY, AccessToken, Operator, Role
from leafhub.model.registry import PutOperator, Registry

FIRST = AccessToken(prefix="drg_1", sha256=proofs.sha256("drg_1"), created_us=1)
SECOND = AccessToken(prefix="drg_2", sha256=proofs.sha256("drg_2"), created_us=1)
PASSWORD = Credential(kind=SecretKind.ARGON2ID, secret="$argon2id$one")
OTHER_PASSWORD = Credential(kind=SecretKind.ARGON2ID, secret="$argon2id$other")
ADA = Operator(
    name="ada",
    credentials=(PASSWORD, OTHER_PASSWORD),
    tokens=(FIRST, SECOND),
    role=None,
    roles={"oak": Role.WRITER},
)


def may(standing: Standing, *operators: Operator, needed: Role = Role.READER) -> bool:
    registry = Registry(Acorn().keys)
    for operator in operators:
        registry.apply(PutOperator(operator))
    return standing.may(needed, "oak", registry)


@pytest.mark.parametrize(
    ("now", "still"),
    [
        (ADA, True),
        (replace(ADA, tokens=(FIRST,)), True),
        (replace(ADA, credentials=()), True),
        (replace(ADA, roles={"oak": Role.READER}), True),
        (replace(ADA, tokens=(SECOND,)), False),
        (replace(ADA, roles={}), False),
        (replace(ADA, roles={"elm": Role.ADMIN}), False),
    ],
)
def test_a_token_holds_as_long_as_it_is_there_and_there_is_a_role(
    now: Operator, *, still: bool
) -> None:
    assert may(standing_of(ADA, "drg_1"), now) is still


def test_nobody_stands_for_an_operator_that_is_gone() -> None:
    assert not may(standing_of(ADA, "drg_1"))


@pytest.mark.parametrize("kept", [PASSWORD, OTHER_PASSWORD])
def test_a_password_holds_as_long_as_all_of_them_are_there(kept: Credential) -> None:
    standing = standing_of(ADA, "which of the two")
    assert may(standing, replace(ADA, tokens=()))
    assert not may(standing, replace(ADA, credentials=(kept,)))


def test_a_role_is_that_of_now() -> None:
    standing = standing_of(ADA, "drg_1")
    assert may(standing, ADA, needed=Role.WRITER)
    assert not may(standing, ADA, needed=Role.ADMIN)


def test_anybody_may_what_anybody_may_now() -> None:
    standing = standing_of(ANYBODY, None)
    assert not may(standing)
    assert may(standing, replace(ANYBODY, roles={"oak": Role.READER}))
