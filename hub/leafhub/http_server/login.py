"""Who calls: ``Authorization: Basic`` with name and token, or ``Bearer`` with the token alone."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from leafhub.model.operator import Operator, Role

Connection = ASGIConnection[Any, Any, Any, Any]

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="leafhub", charset="UTF-8"'}
_NO_LOGIN = (
    "This needs an operator's login: name and token are in operator.json in the hub's data folder."
)

WhoIs = Callable[[str | None, str], Awaitable[Operator | None]]
"""Gives the operator of a login; the name is ``None`` where only a token was shown."""


class LoginMiddleware(AbstractAuthenticationMiddleware):
    """Lets operators through, and nobody else.

    Args:
        app: What comes next.
        who_is: Knows the operators.
    """

    def __init__(self, app: ASGIApp, who_is: WhoIs) -> None:
        super().__init__(app)
        self._who_is = who_is

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """Find out who calls.

        Raises:
            NotAuthorizedException: No login, or not one of this hub.
        """
        shown = read(connection.headers.get("authorization", ""))
        operator = None if shown is None else await self._who_is(*shown)
        if operator is None:
            raise NotAuthorizedException(detail=_NO_LOGIN, headers=_CHALLENGE)
        return AuthenticationResult(user=operator, auth=None)


def may_write(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard: only operators that may change things.

    Raises:
        PermissionDeniedException: This one only reads.
    """
    if not connection.user.may(Role.WRITER):
        raise PermissionDeniedException(
            detail=f"Operator {connection.user.name!r} may only read; use another login."
        )


def read(header: str) -> tuple[str | None, str] | None:
    """Name and secret of an ``Authorization`` header (RFC 7617 §2, RFC 6750 §2.1)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return (None, value.strip()) if value.strip() else None
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    name, colon, secret = pair.partition(":")
    return (name, secret) if colon and name and secret else None
