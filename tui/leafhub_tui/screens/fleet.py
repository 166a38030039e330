"""Every device on one screen."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Center, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Footer, Input, Static

from leafhub_tui.screens.live import LiveScreen
from leafhub_tui.state import Device, LinkState
from leafhub_tui.widgets.events_log import EventsLog
from leafhub_tui.widgets.fleet_table import SORTS, FleetTable, matches
from leafhub_tui.widgets.hub_line import HubLine
from leafhub_tui.widgets.rows import Rows

LOG_LINES = 6  # below the table at least so many, or none


class FilterInput(Input):
    """An input that says at the foot of the screen what its keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "To the table"),
        Binding("escape", "screen.clear_filter", "Clear filter"),
    ]


class FleetScreen(LiveScreen[None]):
    """Table, filter, and what happens below them where there is room."""

    HELP_TEXT = (
        "Every device the hub knows. A filled dot is connected now. The filter takes words that "
        "may stand anywhere in the line: name, id, application, dialect, state."
    )
    CSS = """
    FleetScreen {
        background: $background;
        & #counters { height: 1; padding: 0 1; margin-top: 1; }
        & #counted { width: 1fr; }
        & #filter { width: 32; height: 1; border: none; padding: 0 1; background: $surface; }
        & #filter:focus { border: none; background: $primary 20%; }
        & #filter.-idle { display: none; }
        & #empty { height: 1fr; align: center middle; display: none; }
        & #empty-text { width: auto; height: auto; }
        & #happens { height: 1fr; }
        & #happens-title { height: 1; padding: 0 1; margin-top: 1; color: $quiet; }
        & #fleet-log { height: 1fr; }
        &.-empty #empty { display: block; }
        &.-empty #fleet { display: none; }
        &.-empty #counters { display: none; }
        &.-empty #happens { display: none; }
        &.-crowded #happens { display: none; }
        &.-crowded #fleet { height: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("s", "sort(1)", "Sort", tooltip="Sort by the next column"),
        Binding("S", "turn", "Reverse", tooltip="Turn the order round"),
        Binding("escape", "clear_filter", "Clear filter", show=False),
        Binding("q", "app.quit", "Quit"),
    ]
    AUTO_FOCUS = "FleetTable"

    def compose(self) -> ComposeResult:
        yield HubLine(self.dashboard.place)
        with Horizontal(id="counters"):
            yield Static(id="counted")
            yield FilterInput(placeholder="filter", id="filter", classes="-idle")
        yield FleetTable()
        with Center(id="empty"):
            yield Static(id="empty-text")
        with Vertical(id="happens"):
            yield Static("what happens", id="happens-title")
            yield EventsLog(zone=self.dashboard.zone, fleet=True, name="fleet-log")
        yield Footer()

    def draw(self, now_us: int) -> None:
        state = self.dashboard.state
        self.query_one(HubLine).show(state, now_us)
        needle = self.query_one("#filter", Input).value
        shown = [device for device in state.devices.values() if matches(device, needle)]
        if self.has_class("-empty") is bool(state.devices):
            self.set_class(not state.devices, "-empty")
            self.refresh_bindings()
            if state.devices and self.focused is None:  # the table lost it when it was hidden
                self.call_after_refresh(self.query_one(FleetTable).focus)
        if not state.devices:
            self.query_one("#empty-text", Static).update(self._nothing())
            return
        room = self.size.height - 6 - LOG_LINES - 2
        self.set_class(len(shown) > room, "-crowded")
        self.query_one("#counted", Static).update(self._counted(shown))
        self.query_one(FleetTable).show_devices(
            shown, now_us, old=state.link.state is LinkState.DOWN
        )
        if self.query_one("#happens").display:
            self.query_one(EventsLog).show_entries(state.recent.values(), state.name_of)

    def _counted(self, shown: list[Device]) -> Content:
        state = self.dashboard.state
        parts: list[str | tuple[str, str]] = [
            (f"{state.online}", "bold"),
            f" online of {len(state.devices)}",
        ]
        away = sum(device.state == "offline" for device in state.devices.values())
        never = len(state.devices) - state.online - away
        if away:
            parts.append((f" · {away} offline", "$quiet"))
        if never:
            parts.append((f" · {never} never seen", "$quiet"))
        if len(shown) != len(state.devices):
            parts.append((f" · {len(shown)} shown", "$text-warning"))
        return Content.assemble(*parts)

    def _nothing(self) -> Content:
        state = self.dashboard.state
        if not state.loaded:
            if state.link.state is LinkState.DOWN:
                return Content.assemble(
                    ("The hub is not there yet.", "bold"),
                    "\n\nStart it with\n\n  ",
                    ("leafhub run", "$text-primary bold"),
                    "\n\nThis screen goes on by itself.",
                )
            return Content(f"Asking {self.dashboard.place} …")
        return Content.assemble(
            ("No devices yet.", "bold"),
            "\n\nDescribe them in a file and load it:\n\n  ",
            ("leafhub apply devices.toml", "$text-primary bold"),
            "\n\nThey appear here by themselves.",
        )

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in {"filter", "sort", "turn"}:
            return bool(self.dashboard.state.devices)
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.remove_class("-idle")
        field.focus()

    def action_clear_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.value = ""
        field.add_class("-idle")
        self.query_one(FleetTable).focus()

    def action_sort(self, by: int) -> None:
        table = self.query_one(FleetTable)
        order = list(SORTS)
        table.sort_by(order[(order.index(table.sort_column) + by) % len(order)])
        table.sort_down = False
        self.dashboard.draw_now()

    def action_turn(self) -> None:
        table = self.query_one(FleetTable)
        table.sort_by(table.sort_column)
        self.dashboard.draw_now()

    @on(Input.Changed, "#filter")
    def _filter_changed(self) -> None:
        self.dashboard.draw_now()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        field = self.query_one("#filter", Input)
        field.set_class(not field.value, "-idle")
        self.query_one(FleetTable).focus()

    @on(Rows.HeadClicked, "#fleet")
    def _head_clicked(self, event: Rows.HeadClicked) -> None:
        self.query_one(FleetTable).sort_by(event.column)
        self.dashboard.draw_now()

    @on(Rows.Opened, "#fleet")
    def _device_opened(self, event: Rows.Opened) -> None:
        self.dashboard.open_device(event.key)

    @on(Rows.Opened, "#fleet-log")
    def _event_opened(self, event: Rows.Opened) -> None:
        entry = self.query_one(EventsLog).entry(event.key)
        if entry is not None and entry.device in self.dashboard.state.devices:
            self.dashboard.open_device(entry.device)
