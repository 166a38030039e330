"""All faces of the hub as one ASGI application."""

import asyncio

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import PluginProtocol
from litestar.types import ASGIApp, Receive, Scope, Send

from leafhub.errors import HubError
from leafhub.exchange.exchange import Exchange
from leafhub.exchange.settings import LoginLimits
from leafhub.http_server.drogue.routers import drogue_routers
from leafhub.http_server.health import healthz, readyz
from leafhub.http_server.information import HubInformation
from leafhub.http_server.login import LoginDesk
from leafhub.http_server.openapi import TAGS, ClosedStructs
from leafhub.http_server.operator_api import operator_router
from leafhub.http_server.refusals import fail, refuse_call, refuse_request
from leafhub.http_server.settings import HttpSettings


class _Application(Litestar):
    """Litestar without the plugins that it adds by itself.

    All types here are msgspec's; that for pydantic would load it, which takes 8 MB.
    """

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return plugins


def create_app(
    exchange: Exchange,
    information: HubInformation,
    settings: HttpSettings | None = None,
    login_limits: LoginLimits | None = None,
) -> ASGIApp:
    """Put the faces together.

    Paths are matched as they were sent, so that ``%2F`` in a device's id is no slash of the path;
    the faces decode what they take from a path.

    Args:
        exchange: The hub's heart.
        information: What the hub is.
        settings: Limits.
        login_limits: What failed logins bring; all faces count them together.
    """
    settings = settings or HttpSettings()
    desk = LoginDesk(exchange.operator, login_limits or LoginLimits())

    def give_exchange() -> Exchange:
        return exchange

    def give_information() -> HubInformation:
        return information

    app = _Application(
        route_handlers=[
            healthz,
            readyz,
            operator_router(desk),
            *drogue_routers(exchange, desk, settings),
        ],
        dependencies={
            "exchange": Provide(give_exchange, sync_to_thread=False),
            "information": Provide(give_information, sync_to_thread=False),
        },
        state=State({"apply_lock": asyncio.Lock()}),
        exception_handlers={
            HubError: refuse_request,
            HTTPException: refuse_call,
            Exception: fail,
        },
        openapi_config=OpenAPIConfig(
            title="Leafhub",
            version=information.version,
            path="/schema",
            tags=TAGS,
            render_plugins=[JsonRenderPlugin(path="/")],  # the others load scripts from elsewhere
            components=Components(
                security_schemes={
                    "login": SecurityScheme(type="http", scheme="basic"),
                    "token": SecurityScheme(type="http", scheme="bearer"),
                }
            ),
        ),
        plugins=[ClosedStructs()],
        request_max_body_size=settings.maximum_body_bytes,
        logging_config=None,
        debug=False,
    )

    async def as_sent(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = scope["raw_path"].decode("latin-1")  # the server serves HTTP only
        await app(scope, receive, send)

    return as_sent
