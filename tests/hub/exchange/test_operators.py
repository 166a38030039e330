import hashlib
import re

import pytest
from hand_exchange import Acorn, application
from msgspec.structs import replace

from leafhub.errors import ConflictError, NotFoundError, RequestError
from leafhub.exchange import access_tokens, operators
from leafhub.exchange.operators import MAXIMUM_TOKENS
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import ANYBODY, AccessToken, Operator, Role
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteOperator,
    PutApplication,
    PutOperator,
    Registry,
)

PROOF = Credential(kind=SecretKind.SHA256, secret="0" * 64)
ADA = Operator(name="ada", credentials=(PROOF,), role=Role.ADMIN)
BOB = Operator(name="bob", role=None, roles={"oak": Role.READER})


def token(number: int = 0) -> AccessToken:
    return AccessToken(prefix=f"drg_{number:06}", sha256=f"{number:064}", created_us=1)


@pytest.fixture
def registry() -> Registry:
    registry = Registry(Acorn().keys)
    apply(registry, PutApplication(application()), PutOperator(ADA), PutOperator(BOB))
    return registry


def apply(registry: Registry, *changes: Change) -> None:
    for change in changes:
        registry.apply(change)


def operator(registry: Registry, name: str) -> Operator:
    return operators.find(registry, name)


def test_a_new_operator_may_what_is_said_and_nothing_more(registry: Registry) -> None:
    apply(registry, operators.make(registry, "carl", None, {"oak": Role.WRITER}))
    carl = operator(registry, "carl")
    assert carl.may(Role.WRITER, "oak")
    assert not carl.may(Role.ADMIN, "oak")
    assert not carl.may(Role.READER)
    assert not carl.may(Role.READER, "elm")
    assert carl.proofs == ()


@pytest.mark.parametrize("name", ["", "a b", "d@oak", "a:b", "-a", "é", "a" * 65, "a\n"])
def test_a_name_that_is_none_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(RequestError, match="no name"):
        operators.make(registry, name, None, {})


def test_a_name_is_given_once(registry: Registry) -> None:
    with pytest.raises(ConflictError):
        operators.make(registry, "ada", None, {})


def test_an_unknown_operator_is_refused_without_a_word_of_others(registry: Registry) -> None:
    with pytest.raises(NotFoundError) as refused:
        operators.find(registry, "bobb")
    assert "'bob'" not in str(refused.value)


@pytest.mark.parametrize("role", [None, Role.READER, Role.WRITER])
def test_the_last_admin_stays_one(registry: Registry, role: Role | None) -> None:
    with pytest.raises(ConflictError, match="last admin"):
        operators.give_role(registry, "ada", role, None)
    with pytest.raises(ConflictError, match="last admin"):
        operators.remove(registry, "ada")


def test_an_admin_who_cannot_log_in_does_not_count(registry: Registry) -> None:
    apply(registry, operators.give_role(registry, "bob", Role.ADMIN, None))
    with pytest.raises(ConflictError, match="last admin"):
        operators.remove(registry, "ada")
    apply(registry, operators.add_token(registry, "bob", token()))
    apply(registry, operators.remove(registry, "ada"))
    with pytest.raises(ConflictError, match="last admin"):
        operators.remove_token(registry, "bob", token().prefix)


def test_roles_come_and_go_by_application(registry: Registry) -> None:
    apply(registry, operators.give_role(registry, "bob", Role.WRITER, "elm"))
    assert operator(registry, "bob").roles == {"oak": Role.READER, "elm": Role.WRITER}
    apply(registry, operators.give_role(registry, "bob", None, "oak"))
    assert operator(registry, "bob").roles == {"elm": Role.WRITER}


def test_whoever_makes_an_application_is_its_admin(registry: Registry) -> None:
    apply(registry, *operators.own(BOB, registry, "elm"))
    assert operator(registry, "bob").roles == {"oak": Role.READER, "elm": Role.ADMIN}
    assert operators.own(ANYBODY, registry, "elm") == ()


def test_a_token_logs_in_until_it_is_removed(registry: Registry) -> None:
    apply(registry, operators.add_token(registry, "bob", token()))
    (proof,) = operator(registry, "bob").proofs
    assert (proof.kind, proof.secret) == (SecretKind.SHA256, token().sha256)
    removed = operators.remove_token(registry, "bob", token().prefix)
    assert removed is not None
    apply(registry, removed)
    assert operator(registry, "bob").proofs == ()
    assert operators.remove_token(registry, "bob", token().prefix) is None


def test_tokens_are_bounded(registry: Registry) -> None:
    apply(
        registry, PutOperator(replace(BOB, tokens=tuple(token(i) for i in range(MAXIMUM_TOKENS))))
    )
    with pytest.raises(ConflictError, match="no more may be"):
        operators.add_token(registry, "bob", token(MAXIMUM_TOKENS))


def test_members_are_set_as_a_whole(registry: Registry) -> None:
    apply(registry, operators.make(registry, "carl", None, {"elm": Role.READER}))
    wanted = {"carl": Role.WRITER, "": Role.READER}
    apply(registry, *operators.set_members(registry, "oak", wanted))
    assert operators.members(registry, "oak") == {"": Role.READER, "carl": Role.WRITER}
    assert operator(registry, "carl").may(Role.READER, "elm")
    anybody = operator(registry, "")
    assert anybody.may(Role.READER, "oak")
    assert not anybody.may(Role.READER)
    apply(registry, *operators.set_members(registry, "oak", {}))
    assert operators.members(registry, "oak") == {}
    assert registry.operator("") is None
    assert registry.operator("bob") == replace(BOB, roles={})


def test_an_unknown_member_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFoundError):
        operators.set_members(registry, "oak", {"zoe": Role.READER})


def test_an_application_is_handed_over_when_the_offer_is_taken(registry: Registry) -> None:
    apply(registry, operators.make(registry, "carl", None, {"oak": Role.ADMIN}))
    apply(registry, *operators.offer(registry, "oak", "bob", "carl"))
    assert operators.members(registry, "oak") == {"bob": Role.READER, "carl": Role.ADMIN}
    apply(registry, *operators.take_over(registry, "bob", "oak"))
    assert operators.members(registry, "oak") == {"bob": Role.ADMIN}
    assert operators.offered_to(registry, "oak") is None
    with pytest.raises(NotFoundError):
        operators.take_over(registry, "bob", "oak")


def test_an_offer_holds_as_long_as_who_made_it_may(registry: Registry) -> None:
    apply(registry, operators.make(registry, "carl", None, {"oak": Role.ADMIN}))
    apply(registry, *operators.offer(registry, "oak", "bob", "carl"))
    apply(registry, operators.give_role(registry, "carl", Role.WRITER, "oak"))
    with pytest.raises(NotFoundError):
        operators.take_over(registry, "bob", "oak")
    apply(registry, operators.remove(registry, "carl"))
    with pytest.raises(NotFoundError):
        operators.take_over(registry, "bob", "oak")


def test_there_is_one_offer_at_a_time(registry: Registry) -> None:
    apply(registry, operators.make(registry, "carl", None, {}))
    apply(registry, *operators.offer(registry, "oak", "bob", "ada"))
    apply(registry, *operators.offer(registry, "oak", "carl", "ada"))
    assert [one.name for one in registry.operators() if one.offers] == ["carl"]
    apply(registry, *operators.withdraw(registry, "oak"))
    assert operators.offered_to(registry, "oak") is None


def test_who_takes_over_its_own_application_keeps_it(registry: Registry) -> None:
    apply(registry, operators.give_role(registry, "bob", Role.ADMIN, "oak"))
    apply(registry, *operators.offer(registry, "oak", "bob", "bob"))
    apply(registry, *operators.take_over(registry, "bob", "oak"))
    assert operators.members(registry, "oak") == {"bob": Role.ADMIN}


def test_an_application_takes_its_roles_along(registry: Registry) -> None:
    apply(registry, *operators.set_members(registry, "oak", {"": Role.READER}))
    apply(registry, *operators.offer(registry, "oak", "bob", "ada"))
    again = (
        operators.give_role(registry, "bob", Role.WRITER, "oak"),
        DeleteApplication("oak"),
        PutApplication(application()),
        operators.give_role(registry, "ada", Role.WRITER, "oak"),
    )
    complete = operators.without_lost_roles(again, registry)
    assert complete[:2] == again[:2]
    assert complete[-2:] == again[-2:]
    assert DeleteOperator("") in complete
    apply(registry, *complete)
    assert operators.members(registry, "oak") == {"ada": Role.WRITER}
    assert registry.operator("bob") == replace(BOB, roles={})


def test_other_changes_stay_as_they_are(registry: Registry) -> None:
    changes = (PutApplication(application()), DeleteOperator("bob"), DeleteApplication("elm"))
    assert operators.without_lost_roles(changes, registry) == changes


def test_a_token_has_the_form_that_drogue_cloud_gives_it() -> None:
    kept, secret = access_tokens.make(7, "my laptop")
    assert re.fullmatch(r"drg_[0-9A-Za-z]{6}", kept.prefix)
    assert re.fullmatch(kept.prefix + r"_[0-9A-Za-z]{31,36}", secret)
    assert access_tokens.with_check(secret[:41]) == secret
    assert kept.sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert (kept.created_us, kept.description) == (7, "my laptop")
    assert access_tokens.make(7)[1] != access_tokens.make(7)[1]


def test_the_check_is_the_one_of_drogue_cloud() -> None:
    text = "drg_012345_012345678901234567890123456789"
    assert access_tokens.with_check(text) == f"{text}20BetF"
