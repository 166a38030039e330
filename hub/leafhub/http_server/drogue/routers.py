"""The Drogue Cloud faces put together: what all of them share stands here once."""

from litestar import Router
from litestar.middleware import DefineMiddleware
from litestar.types import ControllerRouterHandler

from leafhub.exchange.exchange import Exchange
from leafhub.http_server.drogue.errors import HANDLERS
from leafhub.http_server.drogue.login import DrogueLogin
from leafhub.http_server.drogue.registry import DrogueRegistry
from leafhub.http_server.login import LoginDesk, Shown
from leafhub.model.operator import ANYBODY, Operator

_FACES: tuple[ControllerRouterHandler, ...] = (DrogueRegistry,)
"""What asks who calls. Each has its own path, from the root on."""


def drogue_routers(exchange: Exchange, desk: LoginDesk) -> list[Router]:
    """All of them, with Drogue Cloud's logins and its way to say no.

    Args:
        exchange: Knows what anybody may do.
        desk: Judges logins.
    """

    async def admit(shown: Shown, address: str) -> Operator | None:
        return await desk.admit(shown, address)  # a function: the framework copies all else

    def anybody() -> Operator:
        return exchange.registry.operator(ANYBODY.name) or ANYBODY

    return [
        Router(
            path="/",
            route_handlers=_FACES,
            middleware=[DefineMiddleware(DrogueLogin, admit=admit, anybody=anybody)],
            exception_handlers=HANDLERS,
            security=[{"login": []}, {"token": []}, {}],
        )
    ]
