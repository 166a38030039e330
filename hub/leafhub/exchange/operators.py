"""What changes where operators come and go, and with their roles and tokens.

Everything here gives changes for ``Exchange.apply``. One rule holds throughout: somebody who may
do everything can always log in.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from leafhub.errors import ConflictError, NotFoundError, RequestError
from leafhub.model.operator import ANYBODY, AccessToken, Operator, Role
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteOperator,
    PutOperator,
    Registry,
)

MAXIMUM_TOKENS: Final = 100
"""Of one operator: more than anybody has programs, and every login by a bare token tries all."""

RESERVED: Final = "anybody"
"""How people call ``ANYBODY``, whose name is empty."""

V = TypeVar("V")

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def find(registry: Registry, name: str) -> Operator:
    """The operator of that name.

    Raises:
        NotFoundError: There is none.
    """
    operator = registry.operator(name)
    if operator is None:
        raise NotFoundError(  # without a hint: who asks may not know of everybody
            f"there is no operator {name!r}; `leafhub operator list` shows who there is"
        )
    return operator


def make(
    registry: Registry, name: str, role: Role | None, roles: Mapping[str, Role]
) -> PutOperator:
    """A new operator, who cannot log in before it has a token.

    Names are short and plain: an operator's name is an MQTT user name too, and one with an ``@``
    would stand in the way of a device.

    Raises:
        ConflictError: There is one of that name.
        RequestError: The name is not one for an operator.
    """
    if _NAME.fullmatch(name) is None or name == RESERVED:
        raise RequestError(
            f"{name!r} is no name for an operator; take 1 to 64 letters, digits, '.', '_' and "
            f"'-', a letter or a digit first, and not {RESERVED!r}",
            path="name",
        )
    if registry.operator(name) is not None:
        raise ConflictError(f"there is an operator {name!r} already; take another name")
    return PutOperator(Operator(name=name, role=role, roles=dict(roles)))


def remove(registry: Registry, name: str) -> DeleteOperator:
    """Without that operator.

    Raises:
        NotFoundError: There is none.
        ConflictError: It is the last admin.
    """
    find(registry, name)
    _keep_an_admin(registry, name, None)
    return DeleteOperator(name)


def give_role(
    registry: Registry, name: str, role: Role | None, application: str | None
) -> PutOperator | DeleteOperator:
    """With that role for an application, or for the hub as a whole; ``None``: with none there.

    Raises:
        NotFoundError: There is no such operator.
        ConflictError: It is the last admin, and would not be one any more.
        RequestError: It is ``ANYBODY``, who has no role for the hub as a whole.
    """
    operator = registry.operator(name) or (find(registry, name) if name else ANYBODY)
    if not name and application is None:
        raise RequestError(
            "nobody in particular has no role for the hub as a whole; name an application",
            path="application",
        )
    if application is None:
        changed = replace(operator, role=role)
    else:
        changed = replace(operator, roles=_with(operator.roles, application, role))
    _keep_an_admin(registry, name, changed)
    return DeleteOperator(name) if changed == ANYBODY else PutOperator(changed)


def own(maker: Operator, registry: Registry, application: str) -> tuple[PutOperator, ...]:
    """Whoever makes an application is its admin; for the same batch as the application."""
    operator = registry.operator(maker.name)
    if operator is None:  # it was removed while it asked
        return ()
    return (PutOperator(replace(operator, roles={**operator.roles, application: Role.ADMIN})),)


def add_token(registry: Registry, name: str, token: AccessToken) -> PutOperator:
    """With one more token.

    Raises:
        NotFoundError: There is no such operator.
        ConflictError: It has as many as it may have.
    """
    operator = find(registry, name)
    if len(operator.tokens) >= MAXIMUM_TOKENS:
        raise ConflictError(
            f"operator {name!r} has {MAXIMUM_TOKENS} tokens, and no more may be; "
            "remove one that is not used any more"
        )
    return PutOperator(replace(operator, tokens=(*operator.tokens, token)))


def remove_token(registry: Registry, name: str, prefix: str) -> PutOperator | None:
    """Without the token that begins so; ``None``: it has none.

    Raises:
        NotFoundError: There is no such operator.
        ConflictError: The last admin could not log in any more.
    """
    operator = find(registry, name)
    kept = tuple(token for token in operator.tokens if token.prefix != prefix)
    if kept == operator.tokens:
        return None
    changed = replace(operator, tokens=kept)
    _keep_an_admin(registry, name, changed)
    return PutOperator(changed)


def members(registry: Registry, application: str) -> dict[str, Role]:
    """Who has a role of its own for an application, by name."""
    found = {one.name: one.roles.get(application) for one in registry.operators()}
    return {name: role for name, role in sorted(found.items()) if role is not None}


def set_members(
    registry: Registry, application: str, wanted: Mapping[str, Role]
) -> tuple[Change, ...]:
    """With exactly these members; ``""`` stands for anybody.

    Raises:
        NotFoundError: There is no operator of one of those names.
    """
    changes: list[Change] = []
    for name in sorted({*members(registry, application), *wanted}):
        known = registry.operator(name) or (ANYBODY if not name else find(registry, name))
        changed = replace(known, roles=_with(known.roles, application, wanted.get(name)))
        if changed == known:
            continue
        changes.append(DeleteOperator(name) if changed == ANYBODY else PutOperator(changed))
    return tuple(changes)


def offer(registry: Registry, application: str, name: str, by: str) -> tuple[PutOperator, ...]:
    """With an offer to take over an application, in place of any other one.

    Raises:
        NotFoundError: There is no operator of that name.
    """
    receiver = find(registry, name)
    offered = replace(receiver, offers={**receiver.offers, application: by})
    others = (one for one in withdraw(registry, application) if one.operator.name != name)
    return (*others, PutOperator(offered))


def offered_to(registry: Registry, application: str) -> Operator | None:
    """Who is offered to take over an application."""
    return next((one for one in registry.operators() if application in one.offers), None)


def withdraw(registry: Registry, application: str) -> tuple[PutOperator, ...]:
    """Without any offer to take over an application."""
    return tuple(
        PutOperator(replace(one, offers=_with(one.offers, application, None)))
        for one in registry.operators()
        if application in one.offers
    )


def take_over(registry: Registry, name: str, application: str) -> tuple[PutOperator, ...]:
    """With the receiver of an offer as admin, in place of who offered.

    Raises:
        NotFoundError: There is no such operator, or nobody who may offers it that application.
    """
    receiver = find(registry, name)
    by = receiver.offers.get(application)
    giver = None if by is None else registry.operator(by)
    if giver is None or not giver.may(Role.ADMIN, application):
        raise NotFoundError(f"nobody offers {name!r} the application {application!r}")
    taken = PutOperator(
        replace(
            receiver,
            roles={**receiver.roles, application: Role.ADMIN},
            offers=_with(receiver.offers, application, None),
        )
    )
    if giver.name == name:
        return (taken,)
    return (taken, PutOperator(replace(giver, roles=_with(giver.roles, application, None))))


def without_lost_roles(changes: Sequence[Change], registry: Registry) -> tuple[Change, ...]:
    """Changes, and what follows for operators from applications that they remove.

    Made again under its name, an application is another one: nobody has a role for it.
    """
    complete: list[Change] = []
    known = {one.name: one for one in registry.operators()}
    for change in changes:
        complete.append(change)
        match change:
            case PutOperator(operator):
                known[operator.name] = operator
            case DeleteOperator(name):
                known.pop(name, None)
            case DeleteApplication(application):
                for one in tuple(known.values()):
                    left = _without(one, application)
                    if left == ANYBODY:
                        complete.append(DeleteOperator(one.name))
                        del known[one.name]
                    elif left != one:
                        complete.append(PutOperator(left))
                        known[one.name] = left
            case _:
                continue
    return tuple(complete)


def _without(operator: Operator, application: str) -> Operator:
    return replace(
        operator,
        roles=_with(operator.roles, application, None),
        offers=_with(operator.offers, application, None),
    )


def _with(entries: Mapping[str, V], key: str, value: V | None) -> dict[str, V]:
    """The entries with that one; ``None``: without."""
    others = {name: entry for name, entry in entries.items() if name != key}
    return others if value is None else {**others, key: value}


def _keep_an_admin(registry: Registry, name: str, changed: Operator | None) -> None:
    """Refuse a change after which no admin of the hub could log in."""
    if changed is not None and _is_admin(changed):
        return
    before = registry.operator(name)
    others = (one for one in registry.operators() if one.name != name)
    if before is not None and _is_admin(before) and not any(map(_is_admin, others)):
        raise ConflictError(
            f"operator {name!r} is the last admin of the hub who can log in; "
            "make another one first"
        )


def _is_admin(operator: Operator) -> bool:
    return operator.role is Role.ADMIN and bool(operator.proofs)
