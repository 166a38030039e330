"""Events by WebSocket, as applications written for Drogue Cloud and web pages read them.

``GET /<application>`` or ``GET /<application>/<channel>``, upgraded: one text message for each
event, a CloudEvent in structured JSON, of whatever dialect the device speaks.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import unquote

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from leafhub.http_server.drogue.errors import AbsentError
from leafhub.http_server.drogue.event_socket import Interest
from leafhub.http_server.drogue.event_sockets import EventSockets
from leafhub.http_server.drogue.login import AsCaller
from leafhub.http_server.drogue.openapi import refusals
from leafhub.http_server.drogue.standing import standing_of
from leafhub.http_server.login import address_of
from leafhub.http_server.protocol import switch_of
from leafhub.http_server.websocket import answer

GroupId = Annotated[
    str | None,
    QueryParameter(
        max_length=255,
        description="Clients that give the same one share the events, and go on where they "
        "stopped; without it a client gets all that come from now on.",
    ),
]
_SWITCHED: Final = "One text message follows for each event, a CloudEvent in structured JSON."


@get(
    "/{application:str}",
    tags=["Drogue events"],
    summary="Events of an application, by WebSocket",
    status_code=HTTPStatus.SWITCHING_PROTOCOLS,
    response_description=_SWITCHED,
    responses=refusals(400, 404, 426),
)
async def events_of_application(
    request: AsCaller,
    event_sockets: NamedDependency[EventSockets],
    application: FromPath[str],
    group_id: GroupId = None,
) -> Response[None]:
    """All events of an application."""
    return _open(request, event_sockets, unquote(application), None, group_id)


@get(
    "/{application:str}/{channel:str}",
    tags=["Drogue events"],
    summary="Events of one channel of an application, by WebSocket",
    status_code=HTTPStatus.SWITCHING_PROTOCOLS,
    response_description=_SWITCHED,
    responses=refusals(400, 404, 426),
)
async def events_of_channel(
    request: AsCaller,
    event_sockets: NamedDependency[EventSockets],
    application: FromPath[str],
    channel: FromPath[str],
    group_id: GroupId = None,
) -> Response[None]:
    """The events of one channel."""
    return _open(request, event_sockets, unquote(application), unquote(channel), group_id)


def _open(
    request: AsCaller, sockets: EventSockets, name: str, channel: str | None, group: str | None
) -> Response[None]:
    application = sockets.registry.application(name)
    if application is None:
        raise AbsentError
    interest = Interest(
        application=application,
        channel=channel,
        group=group or None,
        standing=standing_of(request.user, request.auth and request.auth.secret),
        address=address_of(request),
    )
    if not interest.is_permitted(sockets.registry):
        raise AbsentError
    handshake = answer(request.scope)
    switch = switch_of(request.scope)
    if switch is None or not switch.hand_over(sockets.socket(interest, handshake)):
        raise HTTPException(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
    return _Switched(None)


class _Switched(Response[None]):
    """What the socket has said already."""

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """See ``_Switched``."""
        return _Nothing(status_code=HTTPStatus.SWITCHING_PROTOCOLS)


class _Nothing(ASGIResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say nothing."""
