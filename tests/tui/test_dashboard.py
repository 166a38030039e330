"""Journeys through the dashboard, with keys and mouse, on a fleet that stands still."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from dashboard_pilot import said, until_said
from dashboard_world import (
    FLEET,
    GARDEN,
    LIFE,
    NOW_US,
    QUICK_FRAME_S,
    SECOND,
    FakeHub,
    connected,
    dashboard,
    device,
    empty,
    gone,
    heard,
    settle,
    status,
)
from textual.pilot import Pilot
from textual.widgets import Input, Static

from leafhub_tui.app import FRAME_S, WatchApp
from leafhub_tui.screens.device import DeviceScreen
from leafhub_tui.screens.event import EventScreen
from leafhub_tui.screens.fleet import FleetScreen
from leafhub_tui.screens.help import HelpScreen
from leafhub_tui.source import WatchError
from leafhub_tui.state import EventHeard, FleetTaken, LifeLine, LinkUp, StatusTaken
from leafhub_tui.widgets.chart import Chart
from leafhub_tui.widgets.command_box import life_line
from leafhub_tui.widgets.events_log import EventsLog
from leafhub_tui.widgets.fleet_table import FleetTable
from leafhub_tui.widgets.values_table import ValuesTable


@asynccontextmanager
async def opened(
    hub: FakeHub, size: tuple[int, int] = (120, 40), frame_s: float = QUICK_FRAME_S
) -> AsyncIterator[tuple[WatchApp, Pilot[None]]]:
    app = dashboard(hub, frame_s=frame_s)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield app, pilot


def names(app: WatchApp) -> list[str]:
    return [key[1] for key in app.screen.query_one(FleetTable)._keys]


async def test_the_first_screen_says_whether_all_is_well() -> None:
    async with opened(connected()) as (app, _):
        text = said(app)
    assert "5 online of 7" in text
    assert "● connected" in text
    assert "temperature = 181.25" in text
    assert "2.4 messages/s" in text


async def test_what_happens_is_seen_with_the_next_frame() -> None:
    hub = connected()
    async with opened(hub) as (app, pilot):
        hub.tell(EventHeard(event=heard("level", 42, key=("garden", "rain-barrel"))))
        await settle(pilot)
        assert "level = 42" in said(app)


async def test_many_messages_are_drawn_at_most_five_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = connected()
    async with opened(hub, frame_s=FRAME_S) as (_, pilot):
        drawn = 0
        draw = FleetScreen.draw

        def counted(screen: FleetScreen, now_us: int) -> None:
            nonlocal drawn
            drawn += 1
            draw(screen, now_us)

        monkeypatch.setattr(FleetScreen, "draw", counted)
        started_s = time.monotonic()
        for k in range(50):
            hub.tell(EventHeard(event=heard("n", k, event_id=f"n{k}")))
            await asyncio.sleep(FRAME_S / 20)
        await settle(pilot)
        passed_s = time.monotonic() - started_s
    assert 1 <= drawn <= passed_s / FRAME_S + 1


async def test_the_filter_narrows_as_one_types_and_escape_widens() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.press("slash", *"cloud lathe")
        await settle(pilot)
        assert names(app) == ["lathe-spindle"]
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen.focused, FleetTable)
        await pilot.press("escape")
        await settle(pilot)
        assert len(names(app)) == len(FLEET)


async def test_a_filter_that_matches_nothing_says_so() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.press("slash", *"zzz")
        await settle(pilot)
        assert names(app) == []
        assert "0 shown" in said(app)


async def test_any_column_sorts_and_turns() -> None:
    async with opened(connected()) as (app, pilot):
        assert names(app)[0] == "boiler"
        await pilot.press("s")  # by application
        await settle(pilot)
        assert names(app)[:2] == ["greenhouse-1", "rain-barrel"]
        await pilot.press("S")
        await settle(pilot)
        assert names(app)[0] == "compressor"
        await pilot.press("s", "s")  # by when it was last seen
        await settle(pilot)
        assert names(app)[0] == "lathe-spindle"
        assert names(app)[-1] == "front-door"


async def test_a_click_on_a_head_sorts() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.click(FleetTable, offset=(2, 0))
        await settle(pilot)
        assert names(app)[-1] == "front-door"
        await pilot.click(FleetTable, offset=(2, 0))
        await settle(pilot)
        assert names(app)[0] == "front-door"


async def test_a_second_click_opens_the_device() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.click(FleetTable, offset=(15, 4))
        await pilot.click(FleetTable, offset=(15, 4))
        await settle(pilot)
        assert isinstance(app.screen, DeviceScreen)
        assert app.screen.key == GARDEN


async def test_the_cursor_stays_on_its_device_when_the_order_changes() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.press("down", "down", "down")
        await settle(pilot)
        table = app.screen.query_one(FleetTable)
        assert table.cursor_key == GARDEN
        await pilot.press("S")
        await settle(pilot)
        assert table.cursor_key == GARDEN


async def test_a_device_opens_with_its_history_in_the_chart() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.press("down", "down", "down", "enter")
        await settle(pilot)
        assert isinstance(app.screen, DeviceScreen)
        text = said(app)
        assert "climate.temperature" in text
        assert "121 values" in text
        assert app.screen.query_one(Chart).display
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, FleetScreen)


async def test_the_chart_follows_the_cursor_in_the_values() -> None:
    async with opened(connected()) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        await pilot.press("up")  # from climate.temperature
        await settle(pilot)
        assert app.screen.query_one("#chart-panel").border_title == "climate.humidity"
        await pilot.press("home", "down", "down")
        await settle(pilot)
        assert "Not a number." in said(app)


async def test_enter_on_a_value_makes_the_chart_large_and_escape_small_again() -> None:
    async with opened(connected()) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.screen.query_one("#chart-panel").size.width > 100
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, DeviceScreen)
        assert app.screen.query_one("#chart-panel").size.width < 70


async def test_a_command_is_sent_and_its_life_line_goes_on() -> None:
    hub = connected()
    async with opened(hub) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        await pilot.press("c", *"set-fan", "tab", *'{"on":true}', "enter")
        await settle(pilot)
        assert [(r.name, r.data) for r in hub.sent] == [("set-fan", msgspec.Raw(b'{"on":true}'))]
        text = said(app)
    assert "queued → sent +12 ms → answered +310 ms" in text
    assert 'answer {"ok":true}' in text


async def test_a_known_command_is_suggested() -> None:
    async with opened(connected()) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        await pilot.press("c", *"reb")
        await settle(pilot)
        await pilot.press("right")
        await settle(pilot)
        assert app.screen.query_one("#command-name", Input).value == "reboot"


async def test_an_argument_that_is_no_json_is_not_sent() -> None:
    hub = connected()
    async with opened(hub) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        await pilot.press("c", *"mode", "tab", *"on", "enter")
        await settle(pilot)
        assert 'on is not JSON; text needs quotes, like "on".' in said(app)
    assert hub.sent == []


async def test_a_refused_command_says_why() -> None:
    hub = connected()
    async with opened(hub) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        hub.refusal = WatchError("The device may not take commands.")
        await pilot.press("c", *"mode", "enter")
        await settle(pilot)
        assert "The device may not take commands." in said(app)


async def test_a_page_that_can_not_be_loaded_says_so_and_stays() -> None:
    hub = connected()
    hub.refusal = WatchError("The hub is busy.")
    async with opened(hub) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        assert "The hub is busy." in said(app)
        assert isinstance(app.screen, DeviceScreen)


async def test_a_message_is_shown_as_it_came_beside_what_it_means() -> None:
    async with opened(connected()) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        await pilot.press("e", "enter")
        await settle(pilot)
        assert isinstance(app.screen, EventScreen)
        text = said(app)
        assert "on climate" in text
        assert '"temperature": 24.88' in text
        assert '{"temperature":24.88' in text
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, DeviceScreen)


async def test_an_event_of_the_fleet_leads_to_its_device() -> None:
    async with opened(connected()) as (app, pilot):
        app.screen.query_one(EventsLog).focus()
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DeviceScreen)
        assert app.screen.key == ("workshop", "lathe-spindle")


async def test_help_lists_the_keys_of_the_screen_it_is_asked_on() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        text = said(app)
        assert "Sort by the next column" in text
        await pilot.press("escape")
        await settle(pilot)
        app.open_device(GARDEN)
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        text = said(app)
        assert "Command" in text
        assert "Sort by the next column" not in text


async def test_the_palette_goes_to_a_device() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.press("ctrl+p", *"go to oven")
        await until_said(pilot, "Go to device oven-2 (lab)")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DeviceScreen)
        assert app.screen.key == ("lab", "oven-2")


async def test_a_hub_that_is_away_is_named_with_the_wait_and_can_be_hurried() -> None:
    hub = gone()
    async with opened(hub) as (app, pilot):
        assert "does not answer, trying again in 4 s" in said(app)
        await pilot.press("r")
        await settle(pilot)
        assert hub.retried == 1
        hub.tell(LinkUp())
        await settle(pilot)
        assert "does not answer" not in said(app)
        await pilot.press("r")
        await settle(pilot)
    assert hub.retried == 1  # nothing to hurry


async def test_a_hub_that_was_never_there_says_how_to_start_it() -> None:
    async with opened(gone(fleet=False)) as (app, _):
        assert "leafhub run" in said(app)


async def test_an_empty_fleet_says_what_to_do_and_fills_by_itself() -> None:
    hub = empty()
    async with opened(hub) as (app, pilot):
        assert "leafhub apply devices.toml" in said(app)
        assert "The store is full: free some space on /var." in said(app)
        hub.tell(FleetTaken(devices=FLEET, asked_us=NOW_US))
        await settle(pilot)
        assert "5 online of 7" in said(app)


async def test_trouble_that_is_over_is_no_longer_shown() -> None:
    hub = empty()
    async with opened(hub) as (app, pilot):
        hub.tell(StatusTaken(status=status()))
        await settle(pilot)
        assert "The store is full" not in said(app)


async def test_a_device_that_leaves_the_registry_while_it_is_looked_at_is_told() -> None:
    hub = connected()
    async with opened(hub) as (app, pilot):
        app.open_device(GARDEN)
        await settle(pilot)
        hub.tell(FleetTaken(devices=FLEET[1:], asked_us=NOW_US))
        await settle(pilot)
        assert "greenhouse-1 is no longer in the registry." in said(app)


async def test_a_thousand_devices_scroll() -> None:
    many = [device("farm", f"sensor-{k:04}", "drogue") for k in range(1000)]
    hub = FakeHub((0, FleetTaken(devices=many, asked_us=NOW_US)), (0, LinkUp()))
    async with opened(hub, (80, 24)) as (app, pilot):
        await pilot.press("end")
        await settle(pilot)
        assert "sensor-0999" in said(app)
        await pilot.press("pageup", "home")
        await settle(pilot)
        assert "sensor-0000" in said(app)


async def test_hostile_names_and_values_stay_text() -> None:
    evil = device("farm", "[red]x[/red]\x1b[2J", "drogue", latest=("[b]", "\x1b]0;x\x07[/]"))
    hub = FakeHub((0, FleetTaken(devices=[evil], asked_us=NOW_US)), (0, LinkUp()))
    async with opened(hub) as (app, _):
        text = said(app)
    assert "[red]x[/red]" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("theme", ["leafhub-light", "textual-dark", "nord"])
async def test_other_themes_work(theme: str) -> None:
    async with opened(connected()) as (app, pilot):
        app.theme = theme
        app.open_device(GARDEN)
        await settle(pilot)
        assert "climate.temperature" in said(app)


async def test_a_terminal_that_shrinks_keeps_the_state_and_the_name() -> None:
    async with opened(connected(), (200, 60)) as (app, pilot):
        assert "trend" in said(app)
        await pilot.resize_terminal(60, 20)
        await settle(pilot)
        text = said(app)
    assert "trend" not in text
    assert "● online" in text


async def test_the_page_of_a_silent_device_says_so() -> None:
    async with opened(connected()) as (app, pilot):
        app.open_device(("house", "front-door"))
        await settle(pilot)
        assert "Nothing to draw yet: no numbers came." in said(app)
        assert app.screen.query_one(ValuesTable).cursor_key is None
        assert str(app.screen.query_one("#command-hint", Static).render()).startswith("Nothing")


async def test_ages_go_on_between_messages() -> None:
    hub = connected()
    async with opened(hub) as (app, pilot):
        assert "31 s ago" in said(app)
        hub.now_us += 2 * SECOND
        await settle(pilot)
        assert "33 s ago" in said(app)


async def test_what_happens_names_devices_as_people_do() -> None:
    fridge = msgspec.structs.replace(
        device("kitchen", "dev-6b018fae453eba04f45dd6b5", "cloudplugs"), name="Fridge"
    )
    hub = FakeHub((0, FleetTaken(devices=[fridge], asked_us=NOW_US)), (0, LinkUp()))
    async with opened(hub) as (app, pilot):
        hub.tell(EventHeard(event=heard("door", "open", key=("kitchen", fridge.id))))
        await settle(pilot)
        assert "Fridge" in said(app)
        assert "dev-6b01" not in said(app)
        app.open_device(("kitchen", fridge.id))
        await settle(pilot)
        assert f"Fridge  ● online · cloudplugs · kitchen · {fridge.id}" in said(app)
        hub.tell(FleetTaken(devices=[], asked_us=NOW_US))
        await settle(pilot)
        assert "Fridge is no longer in the registry." in said(app)


async def test_an_empty_fleet_offers_no_keys_for_the_table() -> None:
    hub = empty()
    async with opened(hub) as (app, pilot):
        assert "Filter" not in said(app)
        hub.tell(FleetTaken(devices=FLEET, asked_us=NOW_US))
        await settle(pilot)
        assert "/ Filter" in said(app)
        assert isinstance(app.screen.focused, FleetTable)


async def test_the_foot_of_the_screen_says_what_keys_do_in_an_input() -> None:
    async with opened(connected()) as (app, pilot):
        await pilot.press("slash")
        await settle(pilot)
        assert "Clear filter" in said(app)
        app.open_device(GARDEN)
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert "Send" in said(app)


def test_steps_of_a_command_give_way_where_there_is_no_room() -> None:
    line = LifeLine(command=LIFE[-1], steps={step.state: step.updated_us for step in LIFE})
    forms = {width: life_line(line, NOW_US, width).plain.splitlines()[1] for width in (60, 36, 20)}
    assert forms == {
        60: "  queued → sent +12 ms → answered +310 ms",
        36: "  queued → sent → answered +310 ms",
        20: "  answered +310 ms",
    }
