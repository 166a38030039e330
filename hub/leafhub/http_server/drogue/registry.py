"""Drogue Cloud's device registry by HTTP, ``/api/registry/v1alpha1``: applications and devices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Annotated, Final, TypeVar
from urllib.parse import quote, unquote

import msgspec
from litestar import Controller, MediaType, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from litestar.response.base import ASGIResponse

from leafhub.dialects.drogue.settings import settings_of
from leafhub.errors import ConflictError
from leafhub.exchange.exchange import Exchange
from leafhub.http_server.changing import change
from leafhub.http_server.drogue import label_selector
from leafhub.http_server.drogue.empty import empty
from leafhub.http_server.drogue.errors import BadRequestError, ClashError
from leafhub.http_server.drogue.login import AsCaller, caller_of
from leafhub.http_server.drogue.openapi import refusals
from leafhub.http_server.drogue.own_address import root_of
from leafhub.http_server.drogue.registry_changes import Changes, RegistryDesk
from leafhub.http_server.drogue.registry_openapi import (
    TakesApplication,
    TakesDeleteOptions,
    TakesDevice,
    listing,
)
from leafhub.http_server.drogue.registry_records import (
    ApplicationRecord,
    DeleteOptions,
    DeviceRecord,
    Preconditions,
    application_record,
    device_record,
    read,
)
from leafhub.model.application import Application
from leafhub.model.device import Device

PATH: Final = "/api/registry/v1alpha1"
LONGEST_BODY: Final = 65_536
"""Bytes, as in Drogue Cloud: records are held in memory and in messages about them."""
AT_A_TIME: Final = 100
"""Records that are encoded before others have their turn, which takes a millisecond or two."""

_ALL: Final = 2**31 - 1  # more than there are

TheExchange = NamedDependency[Exchange]
Limit = Annotated[int, QueryParameter(ge=0, le=_ALL, description="At most so many.")]
Offset = Annotated[int, QueryParameter(ge=0, le=_ALL, description="Leave out so many first.")]
Labels = Annotated[
    str,
    QueryParameter(
        schema_extra={"pattern": label_selector.PATTERN},  # the parser's refusal says more
        description="A label selector; empty: everything.",
    ),
]

_T = TypeVar("_T")
_R = TypeVar("_R", Application, Device)


class DrogueRegistry(Controller):
    """One method for each call."""

    path = PATH
    tags = ("Drogue registry",)
    request_max_body_size = LONGEST_BODY

    @get(
        "/apps", summary="Applications", responses={**listing(ApplicationRecord), **refusals(400)}
    )
    async def applications(
        self,
        request: AsCaller,
        exchange: TheExchange,
        *,
        labels: Labels = "",
        limit: Limit = _ALL,
        offset: Offset = 0,
    ) -> Stream:
        """Those that the caller may see, by name."""
        desk = _desk(request, exchange)
        found = _selected(desk.applications(), labels, limit, offset)
        return _listing(
            application_record(one, secrets=desk.may_change(one.name)) for one in found
        )

    @post(
        "/apps",
        summary="Make an application",
        operation_class=TakesApplication,
        responses=refusals(400, 409, 413),
    )
    async def create_application(self, request: AsCaller, exchange: TheExchange) -> ASGIResponse:
        """Make an application; who makes it is its admin."""
        root = root_of(request)
        wanted = await _body(request, ApplicationRecord)
        await _change(request, exchange, lambda desk: desk.create_application(wanted))
        return _made(root, "apps", wanted.metadata.name)

    @get("/apps/{application:str}", summary="One application", responses=refusals(400, 404))
    async def application(
        self, request: AsCaller, exchange: TheExchange, application: FromPath[str]
    ) -> ApplicationRecord:
        """One application."""
        desk = _desk(request, exchange)
        found = desk.application(unquote(application))
        return application_record(found, secrets=desk.may_change(found.name))

    @put(
        "/apps/{application:str}",
        summary="Replace an application",
        operation_class=TakesApplication,
        status_code=204,
        responses=refusals(400, 404, 409, 413),
    )
    async def update_application(
        self, request: AsCaller, exchange: TheExchange, application: FromPath[str]
    ) -> None:
        """Replace all that is known of it."""
        name = unquote(application)
        wanted = await _body(request, ApplicationRecord)
        await _change(request, exchange, lambda desk: desk.update_application(name, wanted))

    @delete(
        "/apps/{application:str}",
        summary="Delete an application and its devices",
        operation_class=TakesDeleteOptions,
        responses=refusals(400, 404, 409, 413),
    )
    async def delete_application(
        self, request: AsCaller, exchange: TheExchange, application: FromPath[str]
    ) -> None:
        """Delete it; what has finalizers stays until those are gone."""
        name = unquote(application)
        only = await _preconditions(request)
        await _change(request, exchange, lambda desk: desk.delete_application(name, only))

    @get(
        "/apps/{application:str}/devices",
        summary="Devices of an application",
        responses={**listing(DeviceRecord), **refusals(400, 404)},
    )
    async def devices(
        self,
        request: AsCaller,
        exchange: TheExchange,
        application: FromPath[str],
        *,
        labels: Labels = "",
        limit: Limit = _ALL,
        offset: Offset = 0,
    ) -> Stream:
        """All of them, by name."""
        desk, place = _desk(request, exchange), unquote(application)
        found = _selected(desk.devices(place), labels, limit, offset)
        secrets = desk.may_change(place)
        return _listing(device_record(one, secrets=secrets) for one in found)

    @post(
        "/apps/{application:str}/devices",
        summary="Make a device",
        operation_class=TakesDevice,
        responses=refusals(400, 404, 409, 413),
    )
    async def create_device(self, request: AsCaller, exchange: TheExchange) -> ASGIResponse:
        """Make a device, in the application that its record names, whatever the path says."""
        root = root_of(request)
        wanted = await _body(request, DeviceRecord)
        await _change(request, exchange, lambda desk: desk.create_device(wanted))
        place = wanted.metadata
        return _made(root, "apps", place.application, "devices", place.name)

    @get(
        "/apps/{application:str}/devices/{device:str}",
        summary="One device",
        responses=refusals(400, 404),
    )
    async def device(
        self,
        request: AsCaller,
        exchange: TheExchange,
        application: FromPath[str],
        device: FromPath[str],
    ) -> DeviceRecord:
        """One device."""
        desk, place = _desk(request, exchange), unquote(application)
        found = desk.device(place, unquote(device))
        return device_record(found, secrets=desk.may_change(place))

    @put(
        "/apps/{application:str}/devices/{device:str}",
        summary="Replace a device",
        operation_class=TakesDevice,
        status_code=204,
        responses=refusals(400, 404, 409, 413),
    )
    async def update_device(
        self,
        request: AsCaller,
        exchange: TheExchange,
        application: FromPath[str],
        device: FromPath[str],
    ) -> None:
        """Replace all that is known of it."""
        place, name = unquote(application), unquote(device)
        wanted = await _body(request, DeviceRecord)
        await _change(request, exchange, lambda desk: desk.update_device(place, name, wanted))

    @delete(
        "/apps/{application:str}/devices/{device:str}",
        summary="Delete a device",
        operation_class=TakesDeleteOptions,
        responses=refusals(400, 404, 409, 413),
    )
    async def delete_device(
        self,
        request: AsCaller,
        exchange: TheExchange,
        application: FromPath[str],
        device: FromPath[str],
    ) -> None:
        """Delete it; one that has finalizers stays until those are gone."""
        place, name = unquote(application), unquote(device)
        only = await _preconditions(request)
        await _change(request, exchange, lambda desk: desk.delete_device(place, name, only))


def _desk(request: AsCaller, exchange: Exchange) -> RegistryDesk:
    caller = caller_of(request, exchange.registry)
    return RegistryDesk(exchange.registry, caller, exchange.arrival())


async def _change(
    request: AsCaller, exchange: Exchange, judge: Callable[[RegistryDesk], Changes]
) -> None:
    """See ``change``.

    Raises:
        HubError: The call is refused.
    """
    try:
        await change(exchange, lambda: judge(_desk(request, exchange)))
    except ConflictError as exc:  # an alias or a trust anchor is somebody else's
        raise ClashError from exc


async def _body(request: AsCaller, shape: type[_T]) -> _T:
    """Read the body of a call that changes something.

    Raises:
        BadRequestError: It is not JSON of that shape, or says itself that it is none; the latter
            also keeps forms of foreign web pages out.
    """
    media_type = request.content_type[0]
    if media_type != MediaType.JSON and not media_type.endswith("+json"):
        raise BadRequestError(f"The body has to be JSON; it came as {media_type!r}.")
    return read(await request.body(), shape)


async def _preconditions(request: AsCaller) -> Preconditions:
    """What a record is to be for a DELETE; what is said and cannot be read deletes nothing.

    Raises:
        BadRequestError: There is a body, and it is not JSON of that shape.
    """
    body = await request.body()
    options = read(body, DeleteOptions) if body else DeleteOptions()
    return options.preconditions or Preconditions()


def _selected(records: Sequence[_R], labels: str, limit: int, offset: int) -> Sequence[_R]:
    selector = label_selector.parse(labels)
    found = [one for one in records if selector.fits(settings_of(one).labels)]
    return found[offset : offset + limit]


def _listing(records: Iterable[ApplicationRecord] | Iterable[DeviceRecord]) -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        before = b"["
        for place, record in enumerate(records, 1):
            yield before + _encoder.encode(record)
            before = b","
            if place % AT_A_TIME == 0:
                await asyncio.sleep(0)
        yield b"[]" if before == b"[" else b"]"

    return Stream(chunks(), media_type=MediaType.JSON)


def _made(root: str, *segments: str) -> ASGIResponse:
    """The answer where something new is at a place: its address, and no body."""
    path = "/".join(quote(one, safe="") for one in segments)
    return empty(201, {"Location": f"{root}{PATH}/{path}"})


_encoder = msgspec.json.Encoder()
