"""``leafhub watch``: opens the dashboard, or says once how things are."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from leafhub.contract.operator_api import DeviceSummary, HubStatus
from leafhub.contract.operator_login import OperatorLogin, default_folder
from leafhub_tui.app import WatchApp
from leafhub_tui.hub_client import HubClient, NotPermittedError
from leafhub_tui.login import login_from_words, read_login
from leafhub_tui.source import EXIT_USAGE, WatchError


def watch(
    *,
    data: Annotated[
        Path | None,
        typer.Option(envvar="LEAFHUB_DATA", help="The hub's data folder, with its operator.json."),
    ] = None,
    hub: Annotated[
        str | None, typer.Option(help="A hub elsewhere, like https://pi.local:8443.")
    ] = None,
    name: Annotated[str, typer.Option(help="Operator's name, with --hub.")] = "",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="LEAFHUB_TOKEN", help="Operator's token, with --hub.", show_default=False
        ),
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="File with the hub's CA.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Say once how things are, as JSON lines, and end.")
    ] = False,
) -> None:
    """Watch the whole fleet in this terminal.

    Exit codes: 0 done, 1 no login or one that the hub refuses, 2 wrong call,
    3 no answer from the hub (with --json; the dashboard waits for it).
    """
    try:
        login = _login(data, hub=hub, name=name, token=token, ca=ca)
        if json:
            asyncio.run(_say_once(login))
        else:
            _need_terminal()
            asyncio.run(_open(login))
    except WatchError as exc:
        typer.echo(f"leafhub watch: {exc}", err=True)
        raise typer.Exit(exc.exit_code) from exc


def _login(
    data: Path | None, *, hub: str | None, name: str, token: str | None, ca: Path | None
) -> OperatorLogin:
    if hub is not None and token is not None:
        return login_from_words(hub=hub, name=name, token=token, ca=ca)
    login = read_login(data if data is not None else default_folder())
    if hub is not None:
        there = login_from_words(hub=hub, name="", token="", ca=None)
        login = msgspec.structs.replace(login, http=there.http, mqtt=there.mqtt)
    if ca is not None:
        login = msgspec.structs.replace(login, ca=str(ca))
    if token is not None:
        login = msgspec.structs.replace(login, token=token)
    return msgspec.structs.replace(login, name=name) if name else login


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WatchError(
            "The dashboard needs a terminal.",
            "In scripts say 'leafhub watch --json'.",
            exit_code=EXIT_USAGE,
        )
    if os.environ.get("TERM") in {None, "", "dumb"}:
        raise WatchError(
            "This terminal can't be drawn on (TERM is not set, or dumb).",
            "Set TERM to what it is, like xterm-256color.",
            exit_code=EXIT_USAGE,
        )


async def _open(login: OperatorLogin) -> None:
    async with aclosing(HubClient(login)) as client:
        app = WatchApp(client)
        for number in (signal.SIGTERM, signal.SIGHUP):  # the terminal is given back as it was
            asyncio.get_running_loop().add_signal_handler(number, app.exit)
        await app.run_async()


class _StatusLine(msgspec.Struct, frozen=True):
    status: HubStatus


class _DeviceLine(msgspec.Struct, frozen=True):
    device: DeviceSummary


async def _say_once(login: OperatorLogin) -> None:
    async with aclosing(HubClient(login)) as client:
        lines: list[_StatusLine | _DeviceLine] = []
        with suppress(NotPermittedError):  # who sees some applications only has no such line
            lines.append(_StatusLine(await client.status()))
        lines += [_DeviceLine(device) for device in await client.devices()]
    for line in lines:
        typer.echo(msgspec.json.encode(line))
