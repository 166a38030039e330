"""Operators, their roles and tokens, in the operator API.

``anybody`` is whoever shows no login: one may give it a role for an application, and no more.
"""

from collections.abc import Sequence
from urllib.parse import unquote

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from leafhub import strict_toml
from leafhub.contract import operator_api as contract
from leafhub.dialects.detect import refuse_name_of_device
from leafhub.errors import NotFoundError
from leafhub.exchange import access_tokens, operators
from leafhub.exchange.exchange import Exchange
from leafhub.http_server.changing import change
from leafhub.http_server.login import AsOperator
from leafhub.http_server.openapi import refusals
from leafhub.http_server.permissions import (
    application_for,
    caller_of,
    for_the_hub,
    hub_wide,
    require,
    takes_json,
)
from leafhub.model.operator import ANYBODY, Operator, Role
from leafhub.model.registry import Change

_OWN_OR_ADMIN = "An operator's own, or the role `admin` for the hub as a whole."
TheExchange = NamedDependency[Exchange]


class OperatorsApi(Controller):
    """One method for each call of the contract."""

    path = "/"
    tags = ("operators",)

    @get("/login", summary="Who calls, and what it may do", responses=refusals())
    async def login(self, request: AsOperator) -> contract.OperatorSummary:
        """The operator whose login this is."""
        return _summary(request.user)

    @get("/operators", summary="All operators", responses=refusals())
    async def all(
        self, request: AsOperator, exchange: TheExchange
    ) -> list[contract.OperatorSummary]:
        """By name; who is no admin of the hub sees itself, and who may what in what it runs."""
        every = sorted(exchange.registry.operators(), key=lambda one: one.name)
        seen = (_seen_by(request.user, one) for one in every)
        return [_summary(one) for one in seen if one.roles or not _is_another(request.user, one)]

    @post(
        "/operators",
        summary="Make an operator",
        description=f"It cannot log in before it has a token. {for_the_hub(Role.ADMIN)}",
        guards=[hub_wide(Role.ADMIN), takes_json],
        responses=refusals(400, 403, 404, 409, 415, 422),
    )
    async def make(
        self,
        request: AsOperator,
        exchange: TheExchange,
        data: JSONBody[contract.OperatorRequest],
    ) -> contract.OperatorSummary:
        """Make an operator with its roles."""
        registry = exchange.registry
        roles = {name: Role(role) for name, role in data.roles.items()}

        def judge() -> Sequence[Change]:
            caller = caller_of(request, registry)
            require(caller, Role.ADMIN)
            for application in roles:
                application_for(caller, Role.ADMIN, application, registry)
            refuse_name_of_device(data.name, registry, exchange.arrival())
            return (operators.make(registry, data.name, _role(data.role), roles),)

        await change(exchange, judge)
        return _summary(operators.find(registry, data.name))

    @delete(
        "/operators/{name:str}",
        summary="Remove an operator",
        description=f"The last admin stays. {for_the_hub(Role.ADMIN)}",
        guards=[hub_wide(Role.ADMIN)],
        responses=refusals(400, 403, 404, 409),
    )
    async def remove(self, exchange: TheExchange, name: FromPath[str]) -> None:
        """Remove an operator; its connections end."""
        await change(exchange, lambda: (operators.remove(exchange.registry, _named(name)),))

    @put(
        "/operators/{name:str}/role",
        summary="Give an operator a role, or take it away",
        description="Takes the role `admin` for the application, or for the hub as a whole where "
        "the role is for that. The last admin stays one.",
        responses=refusals(400, 403, 404, 409, 422),
    )
    async def give_role(
        self,
        request: AsOperator,
        exchange: TheExchange,
        name: FromPath[str],
        data: JSONBody[contract.RoleRequest],
    ) -> contract.OperatorSummary:
        """Connections of an operator end where it may do less than before."""
        registry, place = exchange.registry, data.application

        def judge() -> Sequence[Change]:
            caller = caller_of(request, registry)
            if place is None:
                require(caller, Role.ADMIN)
            else:
                application_for(caller, Role.ADMIN, place, registry)
            return (operators.give_role(registry, _named(name), _role(data.role), place),)

        await change(exchange, judge)
        return _summary(_seen_by(request.user, registry.operator(_named(name)) or ANYBODY))

    @post(
        "/operators/{name:str}/tokens",
        summary="Make a token for an operator",
        description=_OWN_OR_ADMIN,
        guards=[takes_json],
        responses=refusals(400, 403, 404, 409, 415),
    )
    async def make_token(
        self,
        request: AsOperator,
        exchange: TheExchange,
        name: FromPath[str],
        data: JSONBody[contract.TokenRequest],
    ) -> contract.CreatedToken:
        """The only answer that holds the token: the hub keeps its hash."""
        registry = exchange.registry
        kept, secret = access_tokens.make(exchange.arrival().time_us, data.description)

        def judge() -> Sequence[Change]:
            return (
                operators.add_token(registry, _owner(caller_of(request, registry), name), kept),
            )

        await change(exchange, judge)
        return contract.CreatedToken(prefix=kept.prefix, token=secret)

    @delete(
        "/operators/{name:str}/tokens/{prefix:str}",
        summary="Remove an operator's token",
        description=_OWN_OR_ADMIN,
        responses=refusals(400, 403, 404, 409),
    )
    async def remove_token(
        self,
        request: AsOperator,
        exchange: TheExchange,
        name: FromPath[str],
        prefix: FromPath[str],
    ) -> None:
        """Once it is answered nobody logs in with it."""
        owner, prefix = _owner(request.user, name), unquote(prefix)

        def judge() -> Sequence[Change]:
            without = operators.remove_token(exchange.registry, owner, prefix)
            if without is None:
                kept = (one.prefix for one in operators.find(exchange.registry, owner).tokens)
                known = strict_toml.nearest(prefix, kept)
                raise NotFoundError(f"operator {owner!r} has no token {prefix!r}; {known}")
            return (without,)

        await change(exchange, judge)


def _named(name: str) -> str:
    """An operator's name as it stands in a path."""
    name = unquote(name)
    return ANYBODY.name if name == operators.RESERVED else name


def _role(name: contract.RoleName | None) -> Role | None:
    return None if name is None else Role(name)


def _owner(caller: Operator, name: str) -> str:
    """Whose tokens are meant.

    Raises:
        NotPermittedError: They are somebody else's.
    """
    name = unquote(name)
    if name != caller.name:
        require(caller, Role.ADMIN)
    return name


def _is_another(caller: Operator, operator: Operator) -> bool:
    """Whether that is somebody of whom a caller may not know everything."""
    return operator.name != caller.name and not caller.may(Role.ADMIN)


def _seen_by(caller: Operator, operator: Operator) -> Operator:
    """What a caller may know of an operator: of another one, its roles in what the caller runs."""
    if not _is_another(caller, operator):
        return operator
    roles = {name: role for name, role in operator.roles.items() if caller.may(Role.ADMIN, name)}
    return Operator(name=operator.name, role=None, roles=roles)


def _summary(operator: Operator) -> contract.OperatorSummary:
    return contract.OperatorSummary(
        name=operator.name or operators.RESERVED,
        role=None if operator.role is None else operator.role.value,
        roles={name: role.value for name, role in sorted(operator.roles.items())},
        tokens=[
            contract.TokenSummary(
                prefix=token.prefix, created_us=token.created_us, description=token.description
            )
            for token in operator.tokens
        ],
    )
