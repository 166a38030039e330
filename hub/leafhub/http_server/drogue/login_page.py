"""The login page that is none.

Programs written for Drogue Cloud expect OpenID Connect beside it. ``drg login URL --access-token
NAME:TOKEN`` asks where its addresses are, keeps them, and uses them in no way; so they are
described here, and whoever does go there is told what to do instead.
"""

from typing import Any, Final

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import State

from leafhub.http_server.drogue.own_address import root_of

ISSUER: Final = "/api/login/v1alpha1"
"""Path of what OpenID Connect calls the issuer."""

_INSTEAD: Final = (
    "This hub has no login page. Make a token with `leafhub token create`, then call `drg login "
    "URL --access-token NAME:TOKEN`."
)


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Where the page would be (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str


class TokenRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why no token is given (RFC 6749 §5.2)."""

    error: str
    error_description: str


@get(
    f"{ISSUER}/.well-known/openid-configuration",
    tags=["Drogue discovery"],
    summary="Addresses of a login page",
)
async def configuration(request: Request[Any, Any, State]) -> Configuration:
    """What ``drg`` asks for before it takes an access token."""
    issuer = f"{root_of(request)}{ISSUER}"
    return Configuration(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
    )


@get(
    f"{ISSUER}/authorize",
    tags=["Drogue discovery"],
    status_code=501,
    media_type=MediaType.TEXT,
    summary="What to do instead",
)
async def authorize() -> str:
    """For a person with a browser."""
    return f"{_INSTEAD}\n"


@post(
    f"{ISSUER}/token",
    tags=["Drogue discovery"],
    status_code=400,
    summary="What to do instead",
)
async def token() -> Response[TokenRefusal]:
    """For a program."""
    refusal = TokenRefusal(error="unsupported_grant_type", error_description=_INSTEAD)
    return Response(refusal, status_code=400)
