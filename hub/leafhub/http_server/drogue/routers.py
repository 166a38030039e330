"""The Drogue Cloud faces put together: what all of them share stands here once."""

from litestar import Router
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.types import ControllerRouterHandler

from leafhub.exchange.exchange import Exchange
from leafhub.http_server.drogue.commands import send_command
from leafhub.http_server.drogue.discovery import all_endpoints, public_endpoints, version
from leafhub.http_server.drogue.errors import HANDLERS
from leafhub.http_server.drogue.event_sockets import EventSockets
from leafhub.http_server.drogue.login import DrogueLogin
from leafhub.http_server.drogue.login_page import authorize, configuration, token
from leafhub.http_server.drogue.members import MembersApi
from leafhub.http_server.drogue.registry import DrogueRegistry
from leafhub.http_server.drogue.tokens import TokensApi
from leafhub.http_server.drogue.websocket import events_of_application, events_of_channel
from leafhub.http_server.login import LoginDesk, Shown
from leafhub.http_server.settings import HttpSettings
from leafhub.model.operator import ANYBODY, Operator

_FACES: tuple[ControllerRouterHandler, ...] = (
    DrogueRegistry,
    TokensApi,
    MembersApi,
    all_endpoints,
    events_of_application,
    events_of_channel,
    send_command,
)
"""What asks who calls. Each has its own path, from the root on."""
_OPEN_FACES: tuple[ControllerRouterHandler, ...] = (
    public_endpoints,
    version,
    configuration,
    authorize,
    token,
)
"""What is the same for everybody."""


def drogue_routers(exchange: Exchange, desk: LoginDesk, settings: HttpSettings) -> list[Router]:
    """All of them, with Drogue Cloud's logins and its way to say no.

    Args:
        exchange: Knows what anybody may do.
        desk: Judges logins.
        settings: Limits.
    """
    sockets = EventSockets(exchange, desk, settings.maximum_sockets)

    async def admit(shown: Shown, address: str) -> Operator | None:
        return await desk.admit(shown, address)  # a function: the framework copies all else

    def anybody() -> Operator:
        return exchange.registry.operator(ANYBODY.name) or ANYBODY

    def give_sockets() -> EventSockets:
        return sockets

    return [
        Router(
            path="/",
            route_handlers=_FACES,
            dependencies={"event_sockets": Provide(give_sockets, sync_to_thread=False)},
            middleware=[DefineMiddleware(DrogueLogin, admit=admit, anybody=anybody)],
            exception_handlers=HANDLERS,
            security=[{"login": []}, {"token": []}, {}],
        ),
        Router(path="/", route_handlers=_OPEN_FACES, exception_handlers=HANDLERS),
    ]
