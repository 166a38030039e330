"""Access tokens of whoever calls, as programs written for Drogue Cloud manage them."""

import datetime as dt
from typing import Annotated
from urllib.parse import unquote

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, QueryParameter

from leafhub.exchange import access_tokens, operators
from leafhub.exchange.exchange import Exchange
from leafhub.http_server.changing import change
from leafhub.http_server.drogue.errors import NotAuthorizedError
from leafhub.http_server.drogue.login import AsCaller
from leafhub.http_server.drogue.openapi import refusals
from leafhub.http_server.login import Connection
from leafhub.model.operator import ANYBODY
from leafhub.model.registry import PutOperator

LONGEST_DESCRIPTION = 256  # a line for a person; every record of an operator holds up to 100

_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class CreatedAccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new token.

    Attributes:
        prefix: How it begins, by which it is listed and removed.
        token: The token itself, which is shown this once.
    """

    prefix: str
    token: str


class ListedAccessToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token there is.

    Attributes:
        prefix: How it begins.
        created: When it was made.
        description: What it is for, where its owner said so.
    """

    prefix: str
    created: dt.datetime
    description: str | None = None


def is_somebody(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard: callers who have shown who they are.

    Raises:
        NotAuthorizedError: This one has not.
    """
    if connection.user.name == ANYBODY.name:
        raise NotAuthorizedError


class TokensApi(Controller):
    """``/api/tokens/v1alpha1``: everybody's own tokens, and nobody else's."""

    path = "/api/tokens/v1alpha1"
    tags = ("Drogue tokens",)
    guards = (is_somebody,)

    @post("/", status_code=200, summary="Make a token", responses=refusals(400, 409))
    async def create(
        self,
        request: AsCaller,
        exchange: NamedDependency[Exchange],
        description: Annotated[
            str | None,
            QueryParameter(max_length=LONGEST_DESCRIPTION, description="What it is for."),
        ] = None,
    ) -> CreatedAccessToken:
        """The only answer that holds the token: the hub keeps its hash."""
        kept, secret = access_tokens.make(exchange.arrival().time_us, description or "")
        await change(
            exchange, lambda: (operators.add_token(exchange.registry, request.user.name, kept),)
        )
        return CreatedAccessToken(prefix=kept.prefix, token=secret)

    @get("/", summary="List the tokens there are", responses=refusals())
    async def list(self, request: AsCaller) -> list[ListedAccessToken]:
        """The tokens in the order in which they were made."""
        return [
            ListedAccessToken(
                prefix=token.prefix,
                created=_EPOCH + token.created_us * _MICROSECOND,
                description=token.description or None,
            )
            for token in request.user.tokens
        ]

    @delete("/{prefix:str}", summary="Remove a token", responses=refusals(400, 409))
    async def remove(
        self, request: AsCaller, exchange: NamedDependency[Exchange], prefix: FromPath[str]
    ) -> None:
        """Once it is answered nobody logs in with it; done too where there is none."""

        def judge() -> tuple[PutOperator, ...]:
            without = operators.remove_token(exchange.registry, request.user.name, unquote(prefix))
            return () if without is None else (without,)

        await change(exchange, judge)
