"""Commands by HTTP, as applications written for Drogue Cloud send them.

They go to devices of every dialect for which the command makes sense.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import unquote

from litestar import post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from leafhub.dialects.cloudevents import content_type_of
from leafhub.dialects.drogue import settings as drogue
from leafhub.dialects.drogue.spec import options_of
from leafhub.errors import EndpointError, RequestError
from leafhub.exchange.exchange import Exchange
from leafhub.http_server.drogue.empty import empty
from leafhub.http_server.drogue.errors import AbsentError, StatusAloneError
from leafhub.http_server.drogue.login import AsCaller, caller_of
from leafhub.http_server.drogue.openapi import refusals
from leafhub.model.application import Application
from leafhub.model.command import CommandRequest, CommandState
from leafhub.model.device import Device
from leafhub.model.event import BYTES
from leafhub.model.operator import Role
from leafhub.model.registry import RegistryView

PAYLOAD_BYTES: Final = 65_536
"""No payload of a command is longer, as at Drogue Cloud."""


@dataclass
class _TakesPayload(Operation):
    """A call whose body is a payload of any type."""

    def __post_init__(self) -> None:
        """Describe the body, which the framework doesn't see."""
        anything = Schema(content_media_type=BYTES)
        self.request_body = RequestBody(
            content={"*/*": OpenAPIMediaType(schema=anything)},
            description="The payload, byte for byte as the device gets it.",
        )


@post(
    "/api/command/v1alpha1/apps/{application:str}/devices/{device:str}",
    tags=["Drogue commands"],
    summary="Send a command to a device",
    status_code=HTTPStatus.ACCEPTED,
    response_description="It was stored, and handed to the device if that is there.",
    responses={
        200: ResponseSpec(None, description="An endpoint in the device's place took it."),
        **refusals(400, 404, 406, 413),
    },
    operation_class=_TakesPayload,
    request_max_body_size=PAYLOAD_BYTES,
)
async def send_command(
    request: AsCaller,
    exchange: NamedDependency[Exchange],
    application: FromPath[str],
    device: FromPath[str],
    command: Annotated[str, QueryParameter(description="What to do; devices know its name.")],
) -> ASGIResponse:
    """Send a command; success says nothing of what the device makes of it."""
    payload = await request.body()
    registry = exchange.registry
    caller = caller_of(request, registry)
    owner = registry.application(unquote(application))
    target = None if owner is None else registry.device(owner.name, unquote(device))
    needed = _needed(owner, target, registry)
    if owner is None or not caller.may(needed, owner.name):
        raise AbsentError
    content_type = content_type_of(request.headers.get("content-type"), payload)
    if target is None or content_type is None:
        raise StatusAloneError(HTTPStatus.NOT_ACCEPTABLE)
    try:
        sent = await exchange.command(
            CommandRequest(
                application=owner.name,
                device=target.id,
                name=command,
                data=payload,
                datacontenttype=content_type,
                operator=caller.name,
            )
        )
    except (RequestError, EndpointError) as exc:
        raise StatusAloneError(HTTPStatus.NOT_ACCEPTABLE) from exc
    took_it = sent.state is CommandState.ANSWERED
    return empty(HTTPStatus.OK if took_it else HTTPStatus.ACCEPTED)


def _needed(
    application: Application | None, device: Device | None, registry: RegistryView
) -> Role:
    """What somebody must be who sends a command."""
    if application is None or device is None or application.dialect != drogue.NAME:
        return Role.WRITER
    return Role.READER if options_of(device, registry).reader_may_command else Role.WRITER
