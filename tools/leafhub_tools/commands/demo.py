"""``leafhub demo``: a hub, a virtual leaf for each vendor, and the dashboard, all live."""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from leafhub.contract import operator_login
from leafhub.contract.client import HubClient
from leafhub.contract.operator_login import OperatorLogin
from leafhub.errors import ConfigurationError, HubError, UnavailableError
from leafhub_tools import bringing, demo_fleet
from leafhub_tools.leash import Leash, leash
from leafhub_tools.virtual_leaf import VirtualLeaf

START_TIME_S = 30.0
"""The hub answers by then, or something is wrong; a Raspberry Pi Zero needs 10 s for its keys."""
STOP_TIME_S = 10.0
LAST_WORDS = 5
"""Lines of the hub that are repeated on the screen when it fails behind the dashboard."""

LOCK = "demo.lock"
LOG = "demo.log"

_LEAFHUB = Path(sys.executable).with_name("leafhub")

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
    """Start a hub, a virtual leaf for each vendor and the dashboard; Ctrl-C ends it all.

    The leaves are the real firmware in a real MicroPython. Each enrolls itself the way its dialect
    does, keeps what it got in its folder under the data folder, and logs in with that the next
    time.
    """
    has_screen = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        asyncio.run(_run(data.resolve(), interval, has_screen if dashboard is None else dashboard))
    except bringing.BringError as exc:
        typer.echo(f"leafhub: {exc}", err=True)
        raise typer.Exit(1) from exc


async def _run(data: Path, interval_s: float, dashboard: bool) -> None:  # noqa: FBT001 -- private
    """Let it live until it ends, or until somebody wants it to: Ctrl-C, a closed terminal."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    living = asyncio.create_task(_live(data, interval_s, dashboard), name="demonstration")
    await _first({stop.wait(), living})
    with contextlib.suppress(asyncio.CancelledError):
        await living


async def _live(data: Path, interval_s: float, dashboard: bool) -> None:  # noqa: FBT001 -- private
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_alone(data))
        held = stack.enter_context(leash())
        tell = stack.enter_context(_log(data)) if dashboard else _say
        _say(f"starting the hub; its data are in {data}")
        hub = await stack.enter_async_context(_hub(data, tell, held))
        login = await _until_it_answers(data, hub)
        stack.callback(_say, "stopping")
        for plan in await asyncio.to_thread(_declare, data, login, interval_s):
            _say(f"starting the {plan.dialect} leaf {plan.name!r}")
            await stack.enter_async_context(_leaf(data, plan, tell, held))
        if dashboard:
            await _watch(data, hub, held)
        else:
            _say("all is running; Ctrl-C ends it")
            await hub.wait()
        if hub.ended:
            raise hub.failure()


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Make the data folder and hold it: two at once would fight for ports and credentials.

    Raises:
        UnavailableError: Another demonstration holds it.
        ConfigurationError: It cannot be made.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (data / LOCK).open("a+")
    except OSError as exc:
        raise ConfigurationError(
            f"cannot be used ({exc.strerror}); name another data folder with --data",
            path=str(data),
        ) from exc
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system frees it, come what may
        except BlockingIOError as exc:
            file.seek(0)
            raise UnavailableError(
                f"a demonstration is running in {data} already (process {file.read()}); "
                "end that one with Ctrl-C where it was started"
            ) from exc
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def _log(data: Path) -> Iterator[Say]:
    """A file for what happens while the dashboard has the screen; this time's only."""
    path = data / LOG
    path.touch(mode=0o600)
    with path.open("w") as file:
        yield lambda line: print(line, file=file, flush=True)


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


class _Hub:
    """The hub's process, and the last it said."""

    def __init__(self, process: asyncio.subprocess.Process, tell: Say) -> None:
        self._process = process
        self._tell = tell
        self._last: deque[str] = deque(maxlen=LAST_WORDS)
        self._pump = asyncio.create_task(self._pass_on(), name="lines of the hub")

    async def wait(self) -> None:
        """Until it has ended and all its words are passed on."""
        await asyncio.shield(self._pump)
        await self._process.wait()

    async def stop(self) -> None:
        """Let it end, but not for long."""
        await _end(self._process, signal.SIGTERM)
        await self._pump

    @property
    def ended(self) -> bool:
        """Whether there is no hub any more."""
        return self._process.returncode is not None

    def failure(self) -> UnavailableError:
        """What to tell when it has ended unasked; its last words are on the screen by then."""
        if self._tell is not _say:
            for line in self._last:
                _say(line)
        code = self._process.returncode
        return UnavailableError(f"the hub has ended (exit code {code}), as it said above")

    async def _pass_on(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 -- it was asked for
        while line := await self._process.stdout.readline():
            text = line.decode(errors="replace").rstrip()
            self._last.append(text)
            self._tell(text)


@contextlib.asynccontextmanager
async def _hub(data: Path, tell: Say, held: Leash) -> AsyncIterator[_Hub]:
    process = await asyncio.create_subprocess_exec(
        _LEAFHUB,
        "run",
        "--data",
        data,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the hub
    )
    held.hold(process.pid)
    hub = _Hub(process, tell)
    try:
        yield hub
    finally:
        await hub.stop()
        held.release(process.pid)


@contextlib.asynccontextmanager
async def _leaf(
    data: Path, plan: demo_fleet.LeafPlan, tell: Say, held: Leash
) -> AsyncIterator[None]:
    leaf = VirtualLeaf(data / "leaves" / plan.dialect, plan.settings)
    await leaf.start()
    held.hold(leaf.pid)
    pump = asyncio.create_task(_pass_on(leaf, plan.name, tell), name=f"lines of {plan.name}")
    try:
        yield
    finally:
        await leaf.stop()
        await pump  # its goodbye too
        held.release(leaf.pid)


async def _until_it_answers(data: Path, hub: _Hub) -> OperatorLogin:
    """Wait for the hub; gives the login, which the hub has pointed at its ports by then."""

    def ask() -> OperatorLogin:
        login = operator_login.load(data)
        with HubClient(login) as client:
            client.status()
        return login

    deadline_s = asyncio.get_running_loop().time() + START_TIME_S
    while not hub.ended:
        try:
            return await asyncio.to_thread(ask)
        except HubError:  # no login yet, no answer yet, or another hub's answer on the same port
            if asyncio.get_running_loop().time() > deadline_s:
                raise
            await asyncio.sleep(0.1)
    await hub.wait()
    raise hub.failure()


async def _watch(data: Path, hub: _Hub, held: Leash) -> None:
    """Run the dashboard in this terminal until it or the hub ends."""
    dashboard = await asyncio.create_subprocess_exec(_LEAFHUB, "watch", "--data", data)
    held.hold(dashboard.pid)
    try:
        await _first({dashboard.wait(), hub.wait()})
    finally:
        await _end(dashboard, signal.SIGINT)  # SIGTERM would leave the terminal in disorder
        held.release(dashboard.pid)


async def _end(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """End a process by a signal that it knows, or else by force."""
    for ending in (number, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            process.send_signal(ending)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIME_S):
                await process.wait()
                return


async def _first(waits: set[Awaitable[object]]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _pass_on(leaf: VirtualLeaf, name: str, tell: Say) -> None:
    async for line in leaf.lines():
        tell(f"{name}: {line}")


def _say(line: str) -> None:
    """Print a line. Who reads no more (a closed terminal, ``| head``) wants no more: all ends."""
    try:
        print(line, flush=True)  # noqa: T201 - this command's output
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGHUP)
