"""Pictures of whole screens at three sizes; ``pytest --snapshot-update`` takes them anew."""

from collections.abc import Callable
from typing import Protocol

import pytest
from dashboard_world import GARDEN, FakeHub, connected, dashboard, empty, gone, settle
from textual.app import App
from textual.pilot import Pilot

from leafhub_tui.app import WatchApp

SIZES = [(80, 24), (120, 40), (200, 60)]


class SnapCompare(Protocol):
    def __call__(
        self,
        app: App[None],
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[None]], object],
    ) -> bool: ...


async def open_greenhouse(pilot: Pilot[None]) -> None:
    await settle(pilot)
    app = pilot.app
    assert isinstance(app, WatchApp)
    app.open_device(GARDEN)
    await settle(pilot)
    await pilot.press("c", *"set-fan", "enter", "escape")
    await settle(pilot)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("hub", [connected, gone, empty], ids=["connected", "gone", "empty"])
def test_fleet(
    snap_compare: SnapCompare, hub: Callable[[], FakeHub], size: tuple[int, int]
) -> None:
    assert snap_compare(dashboard(hub()), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_device(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(connected()), terminal_size=size, run_before=open_greenhouse)


def test_light_theme(snap_compare: SnapCompare) -> None:
    async def turn_light(pilot: Pilot[None]) -> None:
        pilot.app.theme = "leafhub-light"
        await open_greenhouse(pilot)

    assert snap_compare(dashboard(connected()), terminal_size=(120, 40), run_before=turn_light)


def test_help(snap_compare: SnapCompare) -> None:
    async def ask(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("question_mark")

    assert snap_compare(dashboard(connected()), terminal_size=(80, 24), run_before=ask)


def test_event(snap_compare: SnapCompare) -> None:
    async def show(pilot: Pilot[None]) -> None:
        await open_greenhouse(pilot)
        await pilot.press("e", "enter")
        await settle(pilot)

    assert snap_compare(dashboard(connected()), terminal_size=(80, 24), run_before=show)
