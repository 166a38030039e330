"""``python -m leafhub_tui.picture``: the dashboard of a running hub as an SVG, without a terminal.

The pictures in the documentation are made by it: the real dashboard looks at a real hub for a
while, so that courses and charts have something to show.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from textual.pilot import Pilot

from leafhub.contract.operator_api import CommandRequest
from leafhub_tui.app import FRAME_S, WatchApp
from leafhub_tui.hub_client import HubClient
from leafhub_tui.login import read_login
from leafhub_tui.screens.device import DeviceScreen
from leafhub_tui.source import EXIT_USAGE, WatchError
from leafhub_tui.state import Key, LinkState

PATIENCE_S = 30.0
LOOK_S = 0.1  # between looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A device's page to take a picture of.

    Attributes:
        device: The device's name.
        file: Where the picture goes.
        request: A command that is sent, and ended, before.
    """

    device: str
    file: Path
    request: CommandRequest | None


def picture(
    file: Annotated[Path, typer.Argument(help="Where the picture of the fleet goes.")],
    *,
    data: Annotated[Path, typer.Option(envvar="LEAFHUB_DATA", help="The hub's data folder.")],
    size: Annotated[str, typer.Option(help="Columns and lines.")] = "110x30",
    after: Annotated[float, typer.Option(help="Seconds to watch before.")] = 8.0,
    device: Annotated[str, typer.Option(help="Name of a device for a second picture.")] = "",
    page: Annotated[Path | None, typer.Option(help="Where the picture of its page goes.")] = None,
    command: Annotated[str, typer.Option(help="Send it this command before.")] = "",
    argument: Annotated[str, typer.Option(help="The command's argument, JSON.")] = "",
) -> None:
    """Take a picture of the fleet, and of one device's page."""
    try:
        columns, lines = _size(size)
        wanted = None
        if page is not None:
            request = _request(command, argument) if command else None
            wanted = Page(device=device, file=page, request=request)
        asyncio.run(_take(data, (columns, lines), after, file, wanted))
    except WatchError as exc:
        typer.echo(f"picture: {exc}", err=True)
        raise typer.Exit(exc.exit_code) from exc


def _size(text: str) -> tuple[int, int]:
    columns, _, lines = text.partition("x")
    if not (columns.isdecimal() and lines.isdecimal() and int(columns) and int(lines)):
        raise WatchError(f"{text!r} is no size.", "One looks like 110x30.", exit_code=EXIT_USAGE)
    return int(columns), int(lines)


def _request(name: str, argument: str) -> CommandRequest:
    if not argument:
        return CommandRequest(name=name)
    try:
        msgspec.json.decode(argument)
    except msgspec.DecodeError as exc:
        raise WatchError(f"{argument!r} is not JSON.", exit_code=EXIT_USAGE) from exc
    return CommandRequest(name=name, data=msgspec.Raw(argument.encode()))


async def _take(
    data: Path, size: tuple[int, int], after_s: float, file: Path, page: Page | None
) -> None:
    async with aclosing(HubClient(read_login(data))) as client:
        app = WatchApp(client)
        async with app.run_test(size=size) as pilot:
            await _until(
                lambda: app.state.link.state is LinkState.UP,
                lambda: f"Not connected: {app.state.link.reason or 'no answer'}.",
            )
            await asyncio.sleep(after_s)
            await _save(pilot, file)
            if page is not None:
                await _open(app, page)
                await _save(pilot, page.file)


async def _until(seen: Callable[[], bool], complaint: Callable[[], str]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if seen():
                    return
                await asyncio.sleep(LOOK_S)
    except TimeoutError as exc:
        raise WatchError(complaint()) from exc


async def _open(app: WatchApp, page: Page) -> None:
    key = _key(app, page.device)
    app.open_device(key)
    if page.request is not None:
        sent = await app.source.send(key, page.request)
        await _until(
            lambda: _ended(app, key, sent.id),
            lambda: f"The command {sent.name!r} to {page.device} came to no end.",
        )
    await _until(
        lambda: isinstance(app.screen, DeviceScreen) and app.screen.loaded,
        lambda: f"The page of {page.device} could not be loaded.",
    )


def _key(app: WatchApp, name: str) -> Key:
    for key, device in app.state.devices.items():
        if device.summary.name == name:
            return key
    names = ", ".join(sorted(device.summary.name for device in app.state.devices.values()))
    raise WatchError(f"No device is called {name!r}.", f"There are: {names}.")


def _ended(app: WatchApp, key: Key, command: str) -> bool:
    line = app.state.devices[key].commands.get(command)
    return line is not None and line.command.final


async def _save(pilot: Pilot[None], file: Path) -> None:
    await pilot.pause(2 * FRAME_S)
    await asyncio.to_thread(file.write_text, pilot.app.export_screenshot())


if __name__ == "__main__":
    typer.run(picture)
