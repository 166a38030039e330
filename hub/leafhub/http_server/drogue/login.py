"""Who calls, in each of the ways that Drogue Cloud knows, of which a call may use one.

``Authorization: Basic`` with name and token, ``Authorization: Bearer`` with a token, the query's
``token``, or its ``username`` and ``api_key``. Where there is none, nobody in particular calls.
"""

from collections.abc import Callable, Iterator

from litestar import Request
from litestar.datastructures import State
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from leafhub.http_server.drogue.errors import ForbiddenError
from leafhub.http_server.login import (
    Admit,
    Connection,
    Shown,
    address_of,
    read,
    refuse_other_sites,
)
from leafhub.model.operator import ANYBODY, Operator
from leafhub.model.registry import RegistryView

AsCaller = Request[Operator, Shown | None, State]
"""A call; ``request.user.may(role, application)`` says what its caller may do, which is nothing
for an anonymous one unless ``ANYBODY`` has been given a role. ``auth`` is what it showed."""

Anybody = Callable[[], Operator]
"""Gives what callers that show nothing may do now."""


class DrogueLogin(AbstractAuthenticationMiddleware):
    """Finds out who calls, and refuses whoever is not who it says.

    Args:
        app: What comes next.
        admit: Judges what was shown.
        anybody: What is known of those who show nothing.
    """

    def __init__(self, app: ASGIApp, admit: Admit, anybody: Anybody) -> None:
        super().__init__(app, exclude_http_methods=())  # guards ask of every method who calls
        self._admit = admit
        self._anybody = anybody

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """See ``DrogueLogin``.

        Raises:
            ForbiddenError: Unknown, unreadable, or shown in more than one way.
            PermissionDeniedException: See ``refuse_other_sites``.
            TooManyRequestsException: Too many logins failed at its address.
        """
        refuse_other_sites(connection)
        ways = list(_ways(connection))
        if len(ways) > 1:
            raise ForbiddenError("Invalid request: More than one way of authentication provided")
        if not ways:
            return AuthenticationResult(user=self._anybody(), auth=None)
        shown = ways[0]
        operator = shown and await self._admit(shown, address_of(connection))
        if operator is None:
            raise ForbiddenError
        return AuthenticationResult(user=operator, auth=shown)


def caller_of(request: AsCaller, registry: RegistryView) -> Operator:
    """Who calls, as it is now: its roles may have changed while the body came.

    Raises:
        ForbiddenError: It is gone.
    """
    name = request.user.name
    caller = registry.operator(name) or (None if name else ANYBODY)
    if caller is None:
        raise ForbiddenError
    return caller


def _ways(connection: Connection) -> Iterator[Shown | None]:
    """What is shown in each way that is used; ``None``: it cannot be read."""
    for header in connection.headers.getall("authorization", []):
        yield read(header)
    query = connection.query_params
    for token in query.getall("token", []):
        yield Shown(None, token)
    for name, key in zip(query.getall("username", []), query.getall("api_key", []), strict=False):
        yield Shown(name, key)
