"""Who may do what with an application, as programs written for Drogue Cloud say it.

Drogue Cloud's roles are the hub's: ``reader``, ``manager`` for the writer, ``admin``. An owner
beside them does not exist: whoever makes an application is its admin, and an admin may hand it on.
"""

import contextlib
import enum
import uuid
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec
from litestar import Controller, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse

from leafhub.errors import NotFoundError
from leafhub.exchange import operators
from leafhub.exchange.exchange import Exchange
from leafhub.http_server.changing import change
from leafhub.http_server.drogue.empty import empty
from leafhub.http_server.drogue.errors import AbsentError, BadRequestError, ClashError
from leafhub.http_server.drogue.login import AsCaller, caller_of
from leafhub.http_server.drogue.openapi import refusals
from leafhub.model.application import Application
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import Change

LONGEST_BODY_BYTES: Final = 65_536  # as Drogue Cloud's


class MemberRole(enum.Enum):
    """Drogue Cloud's name of a role."""

    READER = "reader"
    MANAGER = "manager"
    ADMIN = "admin"


_ROLES: Final = {
    MemberRole.READER: Role.READER,
    MemberRole.MANAGER: Role.WRITER,
    MemberRole.ADMIN: Role.ADMIN,
}
_NAMES: Final = {role: name for name, role in _ROLES.items()}


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """What one member may do."""

    role: MemberRole


class Members(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All members of an application.

    Attributes:
        members: By name; ``""`` is anybody, logged in or not.
        resource_version: Of this list; where a change names it, it is made on that list only.
    """

    resource_version: str | None = None
    members: dict[str, Member] = {}


class TransferOwnership(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is offered an application."""

    new_user: str


class MembersApi(Controller):
    """``/api/admin/v1alpha1/apps/{application}``."""

    path = "/api/admin/v1alpha1/apps/{application:str}"
    tags = ("Drogue members",)
    request_max_body_size = LONGEST_BODY_BYTES

    @get("/members", summary="List the members", responses=refusals(400, 404))
    async def members(
        self, request: AsCaller, exchange: NamedDependency[Exchange], application: FromPath[str]
    ) -> Members:
        """Everybody with a role for this application; hub-wide roles are not in it."""
        return _members(_administered(request.user, exchange, application), exchange)

    @put("/members", status_code=204, summary="Set the members", responses=refusals(400, 404, 409))
    async def set_members(
        self,
        request: AsCaller,
        exchange: NamedDependency[Exchange],
        application: FromPath[str],
        data: JSONBody[Members],
    ) -> None:
        """The whole list is replaced. Whoever calls keeps its role unless the list names it."""

        def judge() -> Sequence[Change]:
            user = caller_of(request, exchange.registry)
            found = _administered(user, exchange, application)
            known = _members(found, exchange)
            if data.resource_version not in {None, known.resource_version}:
                raise ClashError
            caller = {n: m for n, m in known.members.items() if n == user.name}
            wanted = {n: _ROLES[m.role] for n, m in {**caller, **data.members}.items()}
            with _names_of_operators():
                return operators.set_members(exchange.registry, found.name, wanted)

        await change(exchange, judge)

    @put(
        "/transfer-ownership",
        status_code=202,
        summary="Offer the application to somebody",
        responses=refusals(400, 404),
    )
    async def offer(
        self,
        request: AsCaller,
        exchange: NamedDependency[Exchange],
        application: FromPath[str],
        data: JSONBody[TransferOwnership],
    ) -> ASGIResponse:
        """Nothing changes until the offer is accepted; a later offer takes the place of this."""

        def judge() -> Sequence[Change]:
            user = caller_of(request, exchange.registry)
            found = _administered(user, exchange, application)
            if not data.new_user:
                raise BadRequestError("Bad request: Invalid user id")
            with _names_of_operators():
                return operators.offer(exchange.registry, found.name, data.new_user, user.name)

        await change(exchange, judge)
        return empty(202)

    @get(
        "/transfer-ownership",
        summary="Tell of the offer",
        responses={204: ResponseSpec(None, description="There is none."), **refusals(400, 404)},
    )
    async def offered(
        self, request: AsCaller, exchange: NamedDependency[Exchange], application: FromPath[str]
    ) -> Response[TransferOwnership | None]:
        """Whom the application is offered to; 204 where there is no offer."""
        receiver = _receiver(request.user, exchange, application)
        if receiver is None:
            return Response(None, status_code=204)
        return Response(TransferOwnership(new_user=receiver.name))

    @delete("/transfer-ownership", summary="Withdraw or decline", responses=refusals(400, 404))
    async def withdraw(
        self, request: AsCaller, exchange: NamedDependency[Exchange], application: FromPath[str]
    ) -> None:
        """The offer is gone; done too where there was none."""

        def judge() -> Sequence[Change]:
            _receiver(request.user, exchange, application)
            return operators.withdraw(exchange.registry, unquote(application))

        await change(exchange, judge)

    @put(
        "/accept-ownership",
        status_code=204,
        summary="Take the application over",
        responses=refusals(400, 404),
    )
    async def accept(
        self, request: AsCaller, exchange: NamedDependency[Exchange], application: FromPath[str]
    ) -> None:
        """The caller is its admin now; who offered it has no role of its own there any more."""
        name, place = request.user.name, unquote(application)
        try:
            await change(exchange, lambda: operators.take_over(exchange.registry, name, place))
        except NotFoundError as exc:
            raise AbsentError from exc


@contextlib.contextmanager
def _names_of_operators() -> Iterator[None]:
    """Who names somebody that is not there has sent a wrong body.

    Raises:
        BadRequestError: The body names such a one.
    """
    try:
        yield
    except NotFoundError as exc:
        raise BadRequestError(f"Bad request: {exc}") from exc


def _administered(caller: Operator, exchange: Exchange, name: str) -> Application:
    """The application, for its admins.

    Raises:
        AbsentError: There is none, or the caller is not one of them.
    """
    application = exchange.registry.application(unquote(name))
    if application is None or not caller.may(Role.ADMIN, application.name):
        raise AbsentError
    return application


def _receiver(caller: Operator, exchange: Exchange, name: str) -> Operator | None:
    """Who is offered the application, for them and for its admins.

    Raises:
        AbsentError: There is no such application, or none for this caller.
    """
    receiver = operators.offered_to(exchange.registry, unquote(name))
    if receiver is None or receiver.name != caller.name:
        _administered(caller, exchange, name)
    return receiver


def _members(application: Application, exchange: Exchange) -> Members:
    found = operators.members(exchange.registry, application.name)
    listed = {name: Member(role=_NAMES[role]) for name, role in found.items()}
    content = msgspec.json.encode((application.uid, listed)).decode()
    version = uuid.uuid5(uuid.NAMESPACE_OID, content)  # the list itself says which one it is
    return Members(resource_version=str(version), members=listed)
