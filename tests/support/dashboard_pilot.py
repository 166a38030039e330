"""Looking at the dashboard while it runs: what is on the screen, and when all of it is there."""

import asyncio
from collections.abc import Callable

from textual.pilot import Pilot

from leafhub_tui.app import WatchApp

PATIENCE_S = 30.0  # a loaded machine takes its time; a test that passes never waits so long

STILL_LOOKS = 4  # the foot of the screen is made anew in three steps, each of them a look
LOOK_S = 0.01  # between looks; each first lets every widget work off its messages


def said(app: WatchApp) -> str:
    """All that is on the screen."""
    return "\n".join(
        "".join(segment.text for segment in strip)
        for strip in app.screen._compositor.render_strips()
    )


async def until(pilot: Pilot[None], seen: Callable[[], bool], what: str = "") -> None:
    """Wait until ``seen``; ``what`` says in a failure what was waited for."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not seen():
                if pilot.app._exception is not None:
                    raise pilot.app._exception
                await pilot.pause(LOOK_S)
    except TimeoutError as exc:
        app = pilot.app
        assert isinstance(app, WatchApp)
        raise AssertionError(f"waited in vain for {what or seen}:\n{said(app)}") from exc


async def until_said(pilot: Pilot[None], text: str) -> None:
    """Wait until ``text`` is on the screen."""
    app = pilot.app
    assert isinstance(app, WatchApp)
    await until(pilot, lambda: text in said(app), repr(text))


async def settle(pilot: Pilot[None], idle: Callable[[], bool]) -> None:
    """Wait until the hub is ``idle``, workers are done, and a picture of that stands still."""
    app = pilot.app
    assert isinstance(app, WatchApp)

    def drawn() -> bool:
        working = any(not w.is_finished for w in app.workers if w.group != "hub")
        now = app.state.revision, app._clock_us() // 1_000_000
        return idle() and not working and app._drawn == now

    pictures: list[str] = []
    while len(pictures) < STILL_LOOKS or len(set(pictures[-STILL_LOOKS:])) > 1:
        await until(pilot, drawn, "a picture of all that the hub told")
        await pilot.pause(LOOK_S)
        pictures.append(said(app))
