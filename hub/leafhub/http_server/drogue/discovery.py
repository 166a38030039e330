"""Where everything is: what programs written for Drogue Cloud ask before all else.

Each address is one at which the caller can reach the hub: the name by which it was asked for, and
the ports that are open there. What the hub does not have is left out, as Drogue Cloud does.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency

from leafhub.http_server.drogue.login import AsCaller
from leafhub.http_server.drogue.login_page import ISSUER
from leafhub.http_server.drogue.openapi import refusals
from leafhub.http_server.drogue.own_address import host_of, root_of
from leafhub.http_server.drogue.tokens import is_somebody
from leafhub.http_server.information import HubInformation

_NOT_STORED: Final = {"Cache-Control": "no-store"}  # another caller may come by another name
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not listened on
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Url(msgspec.Struct, frozen=True):
    """An address with its scheme."""

    url: str


class Port(msgspec.Struct, frozen=True):
    """An address without one."""

    host: str
    port: int


class Endpoints(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where everything is.

    Attributes:
        api: Root of the HTTP APIs.
        registry: Root of the device registry's.
        sso: The login page.
        issuer_url: What describes the login page.
        command_url: Root of the command API.
        mqtt: For devices.
        mqtt_ws: The same by WebSocket.
        mqtt_ws_browser: The same, where no certificate is asked for.
        mqtt_integration: For applications.
        mqtt_integration_ws: The same by WebSocket.
        mqtt_integration_ws_browser: The same, where no certificate is asked for.
        websocket_integration: Events by WebSocket without MQTT.
        local_certs: Whether only the hub's own CA vouches for its certificates.
    """

    api: str | None = None
    registry: Url | None = None
    sso: str | None = None
    issuer_url: str | None = None
    command_url: str | None = None
    mqtt: Port | None = None
    mqtt_ws: Url | None = None
    mqtt_ws_browser: Url | None = None
    mqtt_integration: Port | None = None
    mqtt_integration_ws: Url | None = None
    mqtt_integration_ws_browser: Url | None = None
    websocket_integration: Url | None = None
    local_certs: bool = False


class Version(msgspec.Struct, frozen=True):
    """Which version this is, of Leafhub in place of Drogue Cloud."""

    version: str


@get(
    "/.well-known/drogue-endpoints",
    tags=["Drogue discovery"],
    summary="Where to log in",
)
async def public_endpoints(request: Request[Any, Any, State]) -> Response[Endpoints]:
    """What anybody may know."""
    return Response(public_at(root_of(request)), headers=_NOT_STORED)


@get("/.well-known/drogue-version", tags=["Drogue discovery"], summary="Which version this is")
async def version(information: NamedDependency[HubInformation]) -> Version:
    """Which version this is."""
    return Version(information.version)


@get(
    "/api/console/v1alpha1/info",
    tags=["Drogue discovery"],
    guards=[is_somebody],
    summary="Where everything is",
    responses=refusals(400),
)
async def all_endpoints(
    request: AsCaller, information: NamedDependency[HubInformation]
) -> Response[Endpoints]:
    """What operators may know."""
    return Response(all_at(root_of(request), information.listeners), headers=_NOT_STORED)


def public_at(root: str) -> Endpoints:
    """Where to log in, below a root like ``https://pi.local:8443``."""
    issuer = f"{root}{ISSUER}"
    return Endpoints(api=root, registry=Url(root), sso=issuer, issuer_url=issuer)


def all_at(root: str, listeners: Sequence[str]) -> Endpoints:
    """Where everything is.

    Args:
        root: By which the caller came.
        listeners: Of MQTT, as ``HubInformation`` has them.
    """
    host = host_of(root)
    tcp = next(_reached(listeners, host, ("mqtts", "mqtt")), None)
    mqtt = None if tcp is None else Port(tcp.hostname or host, tcp.port or 0)
    ws = next(_reached(listeners, host, ("wss", "ws")), None)
    mqtt_ws = None if ws is None else Url(ws.geturl())
    return msgspec.structs.replace(
        public_at(root),
        command_url=root,
        mqtt=mqtt,
        mqtt_ws=mqtt_ws,
        mqtt_ws_browser=mqtt_ws,
        mqtt_integration=mqtt,
        mqtt_integration_ws=mqtt_ws,
        mqtt_integration_ws_browser=mqtt_ws,
        websocket_integration=Url(f"ws{root.removeprefix('http')}"),
        local_certs=True,
    )


def _reached(listeners: Sequence[str], host: str, schemes: Sequence[str]) -> Iterator[SplitResult]:
    """Those that speak every dialect, with the host to name; the better scheme comes first."""
    for scheme in schemes:
        for listener in listeners:
            if " " in listener:  # a remark: it is for one dialect
                continue
            address = urlsplit(listener)
            own = address.hostname
            if address.scheme != scheme or (own in _HERE and host not in _HERE):
                continue
            if own in _EVERYWHERE or own in _HERE:
                named = f"[{host}]" if ":" in host else host
                yield address._replace(netloc=f"{named}:{address.port}")
            else:
                yield address
