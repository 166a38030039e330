"""Commands that an HTTP endpoint takes, in place of the device's connections.

A gateway of the target names it, in the last entry of ``spec.commands.commands``. The endpoint's
answer is the command's end: any 2xx says that it was taken.
"""

import base64
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from leafhub.dialects.drogue.rules.endpoint import Headers, read_headers
from leafhub.dialects.drogue.rules.tags import Place
from leafhub.dialects.drogue.settings import settings_of
from leafhub.dialects.drogue.spec import Section, SectionError, gateways_of, read
from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.dialects.log_text import quoted
from leafhub.errors import RequestError
from leafhub.model.command import Command, CommandState, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import JSON
from leafhub.model.registry import RegistryView

TIMEOUT_S: Final = 5.0
"""Drogue Cloud has none; whoever sent the command over HTTP waits for it."""
LONGEST_ANSWER_BYTES: Final = 4_096
"""Of what the endpoint says, as it stands in the command's life line."""
DEFAULT_PORT: Final = 1
"""Of LoRaWAN, where the command's name does not say another."""

_PORT_PREFIX: Final = "port:"


class Commands(Section, frozen=True, kw_only=True):
    """How commands reach the devices behind a gateway."""

    SECTION: ClassVar[str] = "commands"

    commands: tuple[dict[str, Any], ...] = ()


class _External(msgspec.Struct, frozen=True):
    """An entry's ``external``; its headers are read by themselves."""

    url: str
    type: str | None = None
    method: str = ""


def errand_of(command: Command, registry: RegistryView) -> Inquiry[CommandUpdate] | None:
    """The request that brings a command to an endpoint; ``None``: it goes to connections.

    Raises:
        RequestError: The endpoint cannot be given this command.
    """
    entries = map(_last_entry, enabled_gateways(command, registry))
    entry = next((one for one in entries if one is not None), None)
    if entry is None:
        return None
    request = _request(command, *entry)
    return Inquiry(request, lambda reply: _end(command, request, reply))


def enabled_gateways(command: Command, registry: RegistryView) -> Iterator[Device]:
    """The gateways of the target that are there and enabled, in the order it names them."""
    device = registry.device(command.application, command.device)
    for name in () if device is None else gateways_of(device):
        gateway = registry.device(command.application, name)
        if gateway is not None and gateway.enabled:
            yield gateway


def _last_entry(gateway: Device) -> tuple[_External, Headers] | None:
    """A gateway's endpoint; a section that cannot be read says none, as in Drogue Cloud."""
    try:
        commands = read(settings_of(gateway), Commands).commands
        if not commands:
            return None
        last = Place(commands[-1], "spec.commands.commands[-1]")
        _, place = last.tagged((), ("external",))
        return place.to(_External), read_headers(place)
    except SectionError:
        return None


def _request(command: Command, external: _External, headers: Headers) -> HttpRequest:
    shape = _SHAPES.get(external.type)
    if shape is None:
        known = ", ".join(name for name in _SHAPES if name is not None)
        raise RequestError(
            f"the gateway's endpoint is of type {external.type!r}; there are {known}, or none"
        )
    own = {name.lower() for name, _ in headers}
    typed = () if "content-type" in own else (("Content-Type", JSON),)
    return HttpRequest(
        url=_ttn_url(external.url, command.device) if external.type == "ttnv3" else external.url,
        method=external.method or "POST",
        headers=typed + headers,
        body=msgspec.json.encode(shape(command)),
        timeout_s=TIMEOUT_S,
    )


def _end(command: Command, request: HttpRequest, reply: Answer | Failure) -> CommandUpdate:
    update = CommandUpdate(
        application=command.application,
        device=command.device,
        name=command.name,
        id=command.id,
        state=CommandState.FAILED,
    )
    if isinstance(reply, Failure):
        return msgspec.structs.replace(update, error=f"{request.endpoint}: {reply.reason}")
    said = reply.body[:LONGEST_ANSWER_BYTES].decode(errors="replace")
    if not 200 <= reply.status < 300:
        error = f"{request.endpoint}: it answered {reply.status} {quoted(said)}"
        return msgspec.structs.replace(update, error=error)
    answer = said.encode() or None
    return msgspec.structs.replace(update, state=CommandState.ANSWERED, answer=answer)


def _plain(command: Command) -> Any:
    return {
        "application": command.application,
        "device": command.device,
        "command": command.name,
        "payload": _base64(command.data),
    }


def _ttn_v2(command: Command) -> Any:
    """The Things Network, version 2: "HTTP Integration", downlinks."""
    port = _port_of(command)
    downlink = {
        "dev_id": command.device,
        "port": DEFAULT_PORT if port is None else port,
        "confirmed": False,
    }
    if port is not None:
        return {**downlink, "payload_raw": _base64(command.data)}
    return {**downlink, "payload_fields": _as_fields(command)}


def _ttn_v3(command: Command) -> Any:
    """The Things Stack, version 3: "Scheduling downlinks with webhooks"."""
    port = _port_of(command)
    data = command.data if port is not None else msgspec.json.encode(_as_fields(command))
    f_port = DEFAULT_PORT if port is None else port
    return {"downlinks": [{"f_port": f_port, "frm_payload": _base64(data)}]}


def _ttn_url(url: str, device: str) -> str:
    """With the device, and what is wanted, behind its path; a broken URL fails when it is used."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    path = f"{parts.path.rstrip('/')}/{quote(device, safe='')}/down/replace"
    return urlunsplit(parts._replace(path=path))


def _port_of(command: Command) -> int | None:
    """The port that ``port:<n>`` names."""
    if not command.name.startswith(_PORT_PREFIX):
        return None
    number = command.name.removeprefix(_PORT_PREFIX)
    if not (number.isascii() and number.isdigit() and len(number) <= 3 and int(number) <= 255):
        raise RequestError(f"{quoted(number)} is no port; there are 0 to 255", path="name")
    return int(number)


def _as_fields(command: Command) -> dict[str, str]:
    return {"command": command.name, "command_payload": _base64(command.data)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_SHAPES: Final[dict[str | None, Callable[[Command], Any]]] = {
    None: _plain,
    "ttn": _ttn_v2,
    "ttnv2": _ttn_v2,
    "ttnv3": _ttn_v3,
}
"""What the request says, by the endpoint's type."""
