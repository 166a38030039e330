"""Who calls: ``Authorization: Basic`` with name and token, or ``Bearer`` with the token alone.

An address from which too many logins failed is refused unseen for a while, as it is by MQTT. A
refusal is not delayed here: while it waited it would hold one of the listener's places.
"""

import base64
import binascii
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import (
    NotAuthorizedException,
    PermissionDeniedException,
    TooManyRequestsException,
)
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from leafhub.exchange.failed_logins import FailedLogins, Refused, Who
from leafhub.exchange.networks import network_of
from leafhub.exchange.settings import LoginLimits
from leafhub.model.operator import Operator

_log = logging.getLogger(__name__)

Connection = ASGIConnection[Any, Any, Any, Any]
AsOperator = Request[Operator, None, State]
"""A call of somebody who has logged in."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="leafhub", charset="UTF-8"'}
_NO_LOGIN = (
    "This needs an operator's login: name and token are in operator.json in the hub's data folder."
)


class Shown(NamedTuple):
    """What somebody shows to log in.

    Attributes:
        name: Who it says it is; ``None`` where there is only a token.
        secret: The token.
    """

    name: str | None
    secret: str


Admit = Callable[[Shown, str], Awaitable[Operator | None]]
"""Gives the operator whose login that is, shown at an address; ``None``: nobody's.

Raises:
    TooManyRequestsException: Too many logins failed at that address.
    BusyError: Too many proofs wait to be checked.
"""

WhoIs = Callable[[str | None, str], Awaitable[Operator | None]]
"""Gives the operator of a login; the name is ``None`` where only a token was shown."""


class LoginDesk:
    """Judges what callers show, in whatever way they show it.

    Args:
        who_is: Knows the operators.
        limits: What failed logins bring.
    """

    def __init__(self, who_is: WhoIs, limits: LoginLimits) -> None:
        self._who_is = who_is
        self._limits = limits
        self._failed = FailedLogins(limits)

    async def admit(self, shown: Shown, address: str) -> Operator | None:
        """See ``Admit``.

        A program shows its login with every call, so it is known again by its secret: guesses of
        others under its name and address do not shut it out, and are not forgotten for its sake.
        """
        name = shown.secret if shown.name is None else shown.name
        who = Who(network_of(address), name, shown.secret)
        self._refuse_unseen(who)
        operator = await self._who_is(*shown)
        self._refuse_unseen(who)  # others may have failed meanwhile
        if operator is not None:
            if not self._failed.knows(who):
                self._failed.succeeded(who)
            return operator
        refused = self._failed.failed(who, time.monotonic()).refused
        if refused is not Refused.NOBODY:
            _log.warning(
                "%s: too many failed HTTP logins, %s is refused there for %.0f s",
                *(who.address, refused.value, self._limits.failed_login_refusal_s),
            )
        return None

    def _refuse_unseen(self, who: Who) -> None:
        if self._failed.refuses(who, time.monotonic()):
            raise TooManyRequestsException(
                detail="Too many logins failed at this address; come back later.",
                headers={"Retry-After": f"{self._limits.failed_login_refusal_s:.0f}"},
            )


class LoginMiddleware(AbstractAuthenticationMiddleware):
    """Lets operators through, and nobody else.

    Args:
        app: What comes next.
        admit: Judges what was shown.
    """

    def __init__(self, app: ASGIApp, admit: Admit) -> None:
        super().__init__(app)
        self._admit = admit

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """Find out who calls.

        Raises:
            NotAuthorizedException: No login, or not one of this hub.
            PermissionDeniedException: See ``refuse_other_sites``.
            TooManyRequestsException: Too many logins failed at its address.
        """
        refuse_other_sites(connection)
        shown = read(connection.headers.get("authorization", ""))
        operator = shown and await self._admit(shown, address_of(connection))
        if operator is None:
            raise NotAuthorizedException(detail=_NO_LOGIN, headers=_CHALLENGE)
        return AuthenticationResult(user=operator, auth=None)


def refuse_other_sites(connection: Connection) -> None:
    """Refuse what a page of another site does with the Basic login that a browser remembers.

    Browsers say for which page they ask wherever it changes something or opens a WebSocket (header
    Origin, RFC 6454 §7). Where it only looks, that page sees no answer.

    Raises:
        PermissionDeniedException: The page is of another site.
    """
    headers = connection.headers
    looks = connection.scope.get("method") in _SAFE_METHODS and "upgrade" not in headers
    origin = headers.get("origin")
    if looks or origin is None or origin.partition("://")[2] == headers.get("host"):
        return
    if headers.get("authorization", "").lower().startswith("basic "):
        raise PermissionDeniedException(detail="A page of another site asks for this.")


def address_of(connection: Connection) -> str:
    """Where a call comes from."""
    return connection.client.host if connection.client else ""


def read(header: str) -> Shown | None:
    """Name and secret of an ``Authorization`` header (RFC 7617 §2, RFC 6750 §2.1)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return Shown(None, value.strip()) if value.strip() else None
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    name, colon, secret = pair.partition(":")
    return Shown(name, secret) if colon and name and secret else None
