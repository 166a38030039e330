"""``leafhub demo``: a hub, one virtual leaf per dialect, and the dashboard, all live."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from leafhub.contract import operator_login
from leafhub.contract.client import HubClient, HubUnreachableError
from leafhub.contract.operator_login import OperatorLogin
from leafhub.errors import HubError, UnavailableError
from leafhub_tools import bringing, demo_fleet
from leafhub_tools.virtual_leaf import VirtualLeaf

START_TIME_S = 30.0
"""The hub answers by then, or something is wrong; a Raspberry Pi Zero needs 10 s for its keys."""
STOP_TIME_S = 10.0

Say = Callable[[str], None]


def demo(
    data: Annotated[
        Path, typer.Option(help="Data folder of the demonstration; made if it is not there.")
    ] = Path("data"),
    interval: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two readings of a leaf.")
    ] = 2.0,
    *,
    dashboard: Annotated[
        bool | None,
        typer.Option(
            help="Open the dashboard; without it, one line per thing that happens. "
            "Default: if there is a terminal."
        ),
    ] = None,
) -> None:
    """Start a hub, one virtual leaf per dialect and the dashboard; Ctrl-C ends it all.

    The leaves are the real firmware in a real MicroPython. Each enrolls itself the way its dialect
    does, keeps what it got in its folder under the data folder, and logs in with that the next
    time.
    """
    has_screen = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        asyncio.run(_run(data.resolve(), interval, has_screen if dashboard is None else dashboard))
    except (HubError, bringing.BringError) as exc:
        typer.echo(f"leafhub: {exc}", err=True)
        raise typer.Exit(1) from exc


async def _run(data: Path, interval_s: float, dashboard: bool) -> None:  # noqa: FBT001 -- private
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        say = _say
        log = (
            stack.enter_context((data.parent / f"{data.name}.log").open("a"))
            if dashboard
            else None
        )
        if not (data / operator_login.FILE_NAME).exists():
            say(f"making the data folder {data}: CA, certificate, operator login")
            await _finish(_leafhub("init", "--data", str(data)))
        say("starting the hub")
        tell: Say = (lambda line: print(line, file=log, flush=True)) if log else say
        hub = await stack.enter_async_context(_hub(data, tell))
        login = await _until_it_answers(data, hub)
        plans = await asyncio.to_thread(_declare, data, login, interval_s)
        for plan in plans:
            say(f"starting the {plan.dialect} leaf {plan.name!r}")
            await stack.enter_async_context(_leaf(data, plan, tell))
        if dashboard:
            await _watch(data, stop)
        else:
            say("all is running; Ctrl-C ends it")
            await _first({stop.wait(), hub.wait()})
        say("stopping")
    if hub.returncode not in {0, None}:
        raise UnavailableError(
            f"the hub ended with exit code {hub.returncode}; its words are above"
        )


def _declare(data: Path, login: OperatorLogin, interval_s: float) -> list[demo_fleet.LeafPlan]:
    """Tell the hub of the fleet, and make a plan for each leaf."""
    document = demo_fleet.make_document(data)
    with HubClient(login) as client:
        client.apply(document)
        registry = client.registry()
    leaf_hub = {
        "host": login.mqtt.host,
        "port": login.mqtt.port,
        "tls": login.mqtt.tls,
        "ca": str(data / "ca.der"),
        "interval_s": interval_s,
    }
    return demo_fleet.plan(document, registry, leaf_hub)


@contextlib.asynccontextmanager
async def _hub(data: Path, tell: Say) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await _leafhub("run", "--data", str(data))
    assert process.stdout is not None  # noqa: S101 -- it was asked for
    pump = asyncio.create_task(_pass_lines(process.stdout, tell), name="lines of the hub")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIME_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await pump


@contextlib.asynccontextmanager
async def _leaf(data: Path, plan: demo_fleet.LeafPlan, tell: Say) -> AsyncIterator[None]:
    leaf = VirtualLeaf(data / "leaves" / plan.dialect, plan.settings)
    await leaf.start()
    pump = asyncio.create_task(_pass_on(leaf, plan.name, tell), name=f"lines of {plan.name}")
    try:
        yield
    finally:
        await leaf.stop()
        await pump  # its goodbye too


async def _leafhub(*arguments: str) -> asyncio.subprocess.Process:
    """Start this Leafhub's own command line; Ctrl-C in the terminal is for us, we stop it."""
    return await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("leafhub"),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def _finish(starting: Awaitable[asyncio.subprocess.Process]) -> None:
    process = await starting
    output, _ = await process.communicate()
    if process.returncode:
        raise UnavailableError(output.decode(errors="replace").strip())


async def _until_it_answers(data: Path, hub: asyncio.subprocess.Process) -> OperatorLogin:
    """Wait for the hub; gives the login, which the hub has pointed at its ports by then."""

    def ask() -> OperatorLogin:
        login = operator_login.load(data)
        with HubClient(login) as client:
            client.status()
        return login

    deadline_s = asyncio.get_running_loop().time() + START_TIME_S
    while hub.returncode is None:
        try:
            return await asyncio.to_thread(ask)
        except HubUnreachableError:
            if asyncio.get_running_loop().time() > deadline_s:
                raise
            await asyncio.sleep(0.1)
    raise UnavailableError("the hub did not start; its words are above, or in the log")


async def _watch(data: Path, stop: asyncio.Event) -> None:
    """Run the dashboard in this terminal until it ends, or somebody wants everything to end."""
    dashboard = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("leafhub"), "watch", "--data", str(data)
    )
    await _first({stop.wait(), dashboard.wait()})
    if dashboard.returncode is None:
        dashboard.terminate()
        await dashboard.wait()


async def _first(waits: set[Awaitable[object]]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _pass_lines(stream: asyncio.StreamReader, tell: Say) -> None:
    while line := await stream.readline():
        tell(line.decode(errors="replace").rstrip())


async def _pass_on(leaf: VirtualLeaf, name: str, tell: Say) -> None:
    async for line in leaf.lines():
        tell(f"{name}: {line}")


def _say(line: str) -> None:
    typer.echo(line)
