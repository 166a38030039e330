"""The real dashboard, a real hub, a real leaf: what a person sees and does in one sitting."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio
from dashboard_pilot import said, until, until_said
from hub_process import HubProcess
from textual.widgets import Input

from leafhub_tools import demo_fleet
from leafhub_tools.virtual_leaf import VirtualLeaf
from leafhub_tui.app import WatchApp
from leafhub_tui.hub_client import HubClient
from leafhub_tui.login import read_login
from leafhub_tui.screens.device import DeviceScreen
from leafhub_tui.screens.fleet import FleetScreen
from leafhub_tui.widgets.chart import Chart

SIZE = (120, 36)
LEAF = "Bed 1"


@pytest.fixture(autouse=True)
def interpreter(micropython_interpreter: Path, umqtt_folder: Path) -> None:
    """Whatever must be built is built before a test's time runs."""
    assert micropython_interpreter.exists()
    assert umqtt_folder.exists()


@pytest_asyncio.fixture
async def leaf(hub: HubProcess, tmp_path: Path) -> AsyncIterator[VirtualLeaf]:
    document = demo_fleet.make_document(hub.folder)
    await hub.operator.apply(document)
    where = {
        "host": "127.0.0.1",
        "port": hub.tls_port,
        "tls": True,
        "ca": str(hub.folder / "ca.der"),
        "interval_s": 0.3,
    }
    plans = demo_fleet.plan(document, await hub.operator.registry(), where)
    settings = next(plan.settings for plan in plans if plan.name == LEAF)
    leaf = VirtualLeaf(tmp_path / "leaf", settings)
    await leaf.start()
    yield leaf
    await leaf.stop()


async def test_a_leaf_is_seen_opened_and_commanded_and_the_hub_may_go_and_come(
    hub: HubProcess, leaf: VirtualLeaf
) -> None:
    del leaf  # it is there, that is enough
    async with aclosing(HubClient(read_login(hub.folder))) as client:
        app = WatchApp(client)
        async with app.run_test(size=SIZE) as pilot:

            def row() -> str:
                return next((line for line in said(app).splitlines() if LEAF in line), "")

            await until(pilot, lambda: "● online" in row(), "the leaf, online")
            await until(pilot, lambda: "temperature = " in row(), "its reading")
            await until_said(pilot, "● connected")

            await pilot.press("enter")  # the cursor stands on the first row, by name
            await until(pilot, lambda: isinstance(app.screen, DeviceScreen), "its page")
            await until(pilot, lambda: app.screen.query_one(Chart).display, "a chart")
            await until_said(pilot, " values, ")
            assert f"{LEAF}  ● online · drogue · greenhouse · bed-1" in said(app)

            await pilot.press("c", *"set-temp", "tab", *"21", "enter")
            await until_said(pilot, "→ answered +")
            assert "answer 21" in said(app)
            assert app.screen.query_one("#command-name", Input).value == "set-temp"

            await pilot.press("escape", "escape")
            await until(pilot, lambda: isinstance(app.screen, FleetScreen), "the fleet again")
            await hub.kill()
            await until_said(pilot, "does not answer, trying again")
            assert "○ disconnected" in said(app)
            assert "what you see may be old" in said(app)

            await hub.start()
            await pilot.press("r")
            await until_said(pilot, "● connected")
            await until(pilot, lambda: "● online" in row(), "the leaf, online again")
            assert "does not answer" not in said(app)
