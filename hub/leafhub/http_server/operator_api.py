"""The operator API under ``/api/v1``: ``leafhub.contract.operator_api`` says what it answers."""

from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar import Controller, Router, get, post
from litestar.di import NamedDependency
from litestar.middleware import DefineMiddleware
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from leafhub.contract import operator_api as contract
from leafhub.errors import ConflictError, NotFoundError, RequestError
from leafhub.exchange.exchange import Exchange
from leafhub.exchange.records import command_record
from leafhub.http_server.answers import device_summary, event_record, value
from leafhub.http_server.document_api import DocumentApi
from leafhub.http_server.information import HubInformation
from leafhub.http_server.login import AsOperator, LoginDesk, LoginMiddleware, Shown
from leafhub.http_server.openapi import refusals
from leafhub.http_server.operators_api import OperatorsApi
from leafhub.http_server.permissions import (
    application_for,
    caller_of,
    for_the_application,
    for_the_hub,
    hub_wide,
    takes_json,
    visible_applications,
)
from leafhub.http_server.refusals import refuse_depth
from leafhub.model.application import Application
from leafhub.model.command import CommandRequest, CommandState
from leafhub.model.device import Device
from leafhub.model.event import JSON
from leafhub.model.operator import Operator, Role
from leafhub.stores.base import CommandQuery, EventQuery

PAGE = 100
LONGEST_PAGE = 500  # one page is one JSON document in memory, here and at the other end
LONGEST_WAIT_S = 60.0  # proxies and home routers cut connections that are silent for longer
LONGEST_TIMEOUT_S = 10 * 365 * 86_400.0  # ten years, like the hub's CA
LATEST = 2**63 - 1  # positions and times are 64 bits wide in the store

_OBEYED = frozenset({CommandState.ACKNOWLEDGED, CommandState.ANSWERED})

Limit = Annotated[int, QueryParameter(ge=1, le=LONGEST_PAGE, description="At most so many.")]
TheExchange = NamedDependency[Exchange]


class CommandBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``contract.CommandRequest`` as the framework reads it, which knows no verbatim JSON."""

    name: str
    data: Any | msgspec.UnsetType = msgspec.UNSET
    timeout_s: float | None = None


class OperatorApi(Controller):
    """One method for each call of the contract."""

    path = "/"
    tags = ("operator",)

    @get(
        "/status",
        summary="Whether all is well",
        description=for_the_hub(Role.READER),
        guards=[hub_wide(Role.READER)],
        responses=refusals(403),
    )
    async def status(
        self, exchange: TheExchange, information: NamedDependency[HubInformation]
    ) -> contract.HubStatus:
        """Whether all is well."""
        status = exchange.status()
        return contract.HubStatus(
            version=information.version,
            started_us=status.started_us,
            trouble=list(status.trouble),
            connections=status.connections,
            messages_per_second=status.messages_per_second,
            messages_total=status.messages_total,
            commit_ms=status.store.commit_ms,
            store_bytes=status.store.size_bytes,
            store_waiting=status.store.waiting,
            listeners=list(information.listeners),
            queue_bytes=status.queue_bytes,
            messages_dropped=status.messages_dropped,
        )

    @get("/applications", summary="All applications", responses=refusals())
    async def applications(
        self, request: AsOperator, exchange: TheExchange
    ) -> list[contract.ApplicationSummary]:
        """All applications that the operator may see, by name."""
        summaries: list[contract.ApplicationSummary] = []
        for application in visible_applications(request.user, exchange.registry):
            ids = [device.id for device in exchange.registry.devices(application.name)]
            online = [i for i in ids if exchange.presence(application.name, i).connections]
            summaries.append(
                contract.ApplicationSummary(
                    name=application.name,
                    dialect=application.dialect,
                    devices=len(ids),
                    online=len(online),
                )
            )
        return summaries

    @get(
        "/devices",
        summary="All devices with their state and newest reading",
        responses=refusals(400, 404),
    )
    async def devices(
        self,
        request: AsOperator,
        exchange: TheExchange,
        application: FromQuery[str | None] = None,
    ) -> list[contract.DeviceSummary]:
        """All devices that the operator may see, or those of one application, by name."""
        registry = exchange.registry
        wanted = (
            visible_applications(request.user, registry)
            if application is None
            else [application_for(request.user, Role.READER, application, registry)]
        )
        return [
            _summary(exchange, owner, device)
            for owner in wanted
            for device in sorted(
                exchange.registry.devices(owner.name), key=lambda d: (d.name, d.id)
            )
        ]

    @get(
        "/applications/{application:str}/devices/{device:str}",
        summary="One device",
        responses=refusals(400, 404, 409),
    )
    async def device(
        self,
        request: AsOperator,
        exchange: TheExchange,
        application: FromPath[str],
        device: FromPath[str],
    ) -> contract.DeviceDetail:
        """One device by id, or by name where it is unique."""
        owner = application_for(request.user, Role.READER, unquote(application), exchange.registry)
        found = _device(exchange, owner, unquote(device))
        latest = exchange.latest(owner.name, found.id)
        earlier = await exchange.commands(
            CommandQuery(application=owner.name, device=found.id, limit=PAGE)
        )
        obeyed = {command.name for command in earlier if command.state in _OBEYED}
        return contract.DeviceDetail(
            summary=_summary(exchange, owner, found),
            created_us=found.created_us,
            values=[value(latest[channel]) for channel in sorted(latest)],
            addresses=list(exchange.presence(owner.name, found.id).addresses),
            commands=sorted(obeyed),
        )

    @get(
        "/events",
        summary="Stored messages, newest first",
        responses=refusals(400, 404, 409, 422),
    )
    async def events(
        self,
        request: AsOperator,
        exchange: TheExchange,
        *,
        application: FromQuery[str | None] = None,
        device: FromQuery[str | None] = None,
        channel: FromQuery[str | None] = None,
        before: Annotated[
            int | None, QueryParameter(ge=0, le=LATEST, description="``next_before``.")
        ] = None,
        after: Annotated[
            int | None, QueryParameter(ge=0, le=LATEST, description="Positions above.")
        ] = None,
        since_us: Annotated[
            int | None, QueryParameter(ge=0, le=LATEST, description="Not older.")
        ] = None,
        limit: Limit = PAGE,
    ) -> contract.EventPage:
        """One page of the stored messages that the operator may see."""
        application, device = _place(request.user, exchange, application, device)
        query = EventQuery(
            application=application,
            applications=_limits(request.user, exchange),
            device=device,
            channel=channel,
            before=before,
            after=after,
            since_us=since_us,
            limit=limit + 1,  # one more than asked for shows whether there is a next page
        )
        found = await exchange.events(query)
        page = found[:limit]
        return contract.EventPage(
            events=[event_record(stored) for stored in page],
            next_before=page[-1].position if len(found) > limit else None,
        )

    @post(
        "/applications/{application:str}/devices/{device:str}/commands",
        summary="Send a command",
        description=for_the_application(Role.WRITER),
        guards=[takes_json],
        responses=refusals(400, 403, 404, 409, 413, 415, 422),
        exception_handlers={RecursionError: refuse_depth},
    )
    async def send_command(
        self,
        request: AsOperator,
        exchange: TheExchange,
        application: FromPath[str],
        device: FromPath[str],
        data: JSONBody[CommandBody],
    ) -> contract.CommandRecord:
        """Send a command; it is stored when the answer comes."""
        if data.timeout_s is not None and not 0 < data.timeout_s <= LONGEST_TIMEOUT_S:
            raise RequestError(
                f"must be above 0 and at most {LONGEST_TIMEOUT_S:.0f}, which is ten years",
                path="timeout_s",
            )
        caller = caller_of(request, exchange.registry)
        owner = application_for(caller, Role.WRITER, unquote(application), exchange.registry)
        target = _device(exchange, owner, unquote(device))
        argument = msgspec.json.decode(await request.body(), type=contract.CommandRequest).data
        command = await exchange.command(
            CommandRequest(
                application=owner.name,
                device=target.id,
                name=data.name,
                data=b"" if isinstance(argument, msgspec.UnsetType) else bytes(argument),
                datacontenttype=JSON,
                operator=request.user.name,
            ),
            data.timeout_s,
        )
        return command_record(command)

    @get(
        "/commands",
        summary="Commands, newest first",
        responses=refusals(400, 404, 409, 422),
    )
    async def commands(
        self,
        request: AsOperator,
        exchange: TheExchange,
        application: FromQuery[str | None] = None,
        device: FromQuery[str | None] = None,
        limit: Limit = PAGE,
    ) -> list[contract.CommandRecord]:
        """The commands that the operator may see, newest first."""
        application, device = _place(request.user, exchange, application, device)
        query = CommandQuery(
            application=application,
            applications=_limits(request.user, exchange),
            device=device,
            limit=limit,
        )
        return [command_record(command) for command in await exchange.commands(query)]

    @get(
        "/commands/{command_id:str}",
        summary="One command, if wanted when it is final",
        responses=refusals(400, 404),
    )
    async def command(
        self,
        request: AsOperator,
        exchange: TheExchange,
        command_id: FromPath[str],
        wait_s: Annotated[
            float, QueryParameter(ge=0, le=LONGEST_WAIT_S, description="Wait for the end so long.")
        ] = 0,
    ) -> contract.CommandRecord:
        """Where a command stands."""
        command_id = unquote(command_id)
        command = await exchange.find_command(command_id)
        if command is None or not request.user.may(Role.READER, command.application):
            raise NotFoundError(f"there is no command {command_id!r}")
        if wait_s and not command.state.final:
            command = await exchange.wait_for_command(command_id, wait_s)
        return command_record(command)


def operator_router(desk: LoginDesk) -> Router:
    """The face, behind its login."""

    async def admit(shown: Shown, address: str) -> Operator | None:
        return await desk.admit(shown, address)  # a function: the framework copies all else

    return Router(
        path="/api/v1",
        route_handlers=[OperatorApi, DocumentApi, OperatorsApi],
        middleware=[DefineMiddleware(LoginMiddleware, admit=admit)],
        security=[{"login": []}],
    )


def _device(exchange: Exchange, application: Application, device: str) -> Device:
    found = exchange.registry.device(application.name, device)
    if found is not None:
        return found
    named = [d for d in exchange.registry.devices(application.name) if d.name == device]
    if not named:
        raise NotFoundError(f"application {application.name!r} has no device {device!r}")
    if len(named) > 1:
        ids = ", ".join(sorted(d.id for d in named))
        raise ConflictError(f"{len(named)} devices are called {device!r}; use an id: {ids}")
    return named[0]


def _place(
    caller: Operator, exchange: Exchange, application: str | None, device: str | None
) -> tuple[str | None, str | None]:
    """Names in a query, a device's id in place of its name.

    Raises:
        NotFoundError: One of them is not there, or not for this caller to see.
        RequestError: A device without its application.
    """
    if application is None and device is None:
        return None, None
    if application is None:
        raise RequestError("a device is named together with its application", path="application")
    owner = application_for(caller, Role.READER, application, exchange.registry)
    return owner.name, None if device is None else _device(exchange, owner, device).id


def _limits(caller: Operator, exchange: Exchange) -> tuple[str, ...] | None:
    """The applications that a caller may see; ``None``: all, also those there were once."""
    if caller.may(Role.READER):
        return None
    return tuple(one.name for one in visible_applications(caller, exchange.registry))


def _summary(
    exchange: Exchange, application: Application, device: Device
) -> contract.DeviceSummary:
    return device_summary(
        application,
        device,
        exchange.presence(application.name, device.id),
        exchange.latest(application.name, device.id).values(),
    )
