"""One device: its values, a chart, what it said, and commands to it."""

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from leafhub.contract.operator_api import CommandRequest
from leafhub_tui import words
from leafhub_tui.screens.event import EventScreen
from leafhub_tui.screens.live import LiveScreen
from leafhub_tui.series import number
from leafhub_tui.source import WatchError
from leafhub_tui.state import (
    COMMANDS_KEPT,
    LOG_ENTRIES,
    CommandMoved,
    DetailTaken,
    Device,
    HistoryTaken,
    Key,
)
from leafhub_tui.widgets.chart import Chart
from leafhub_tui.widgets.command_box import CommandBox
from leafhub_tui.widgets.events_log import EventsLog
from leafhub_tui.widgets.fleet_table import GLYPHS
from leafhub_tui.widgets.hub_line import HubLine
from leafhub_tui.widgets.rows import Rows
from leafhub_tui.widgets.values_table import ValuesTable

INKS = {"good": "$text-success", "dim": "$quiet", "warn": "$text-warning"}


class Panel(Vertical):
    """A part of the page that can fill it."""

    ALLOW_MAXIMIZE = True


class DeviceScreen(LiveScreen[None]):
    """The page of the device ``key``."""

    HELP_TEXT = (
        "One device. The chart follows the cursor in the values; Enter there makes it large. "
        "Enter in the events shows one message: what it means, and how it came. A command takes "
        "a name and, if it needs one, an argument in JSON."
    )
    CSS = """
    DeviceScreen {
        background: $background;
        & #who { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & #panels { grid-size: 2 2; grid-columns: 1fr 1fr; grid-rows: 1fr 1fr; height: 1fr; }
        & .panel {
            border: round $foreground 20%;
            border-title-color: $quiet;
            border-subtitle-color: $quiet;
            height: 100%;
            background: $surface;
        }
        & .panel:focus-within {
            border: round $primary;
            border-title-color: $foreground;
        }
        & .panel Rows { background: $surface; scrollbar-background: $surface; }
        & .panel Rows > .rows--head { background: $surface; }
        & #no-chart { color: $quiet; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("c", "command", "Command"),
        Binding("v", "look('values')", "Values"),
        Binding("e", "look('device-log')", "Events"),
        Binding("q", "app.quit", "Quit", show=False),
    ]
    AUTO_FOCUS = "ValuesTable"

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key
        self.loaded = False  # all that the hub had stored was fetched
        self._chosen: str | None = None  # the path in the chart
        self._called = key[1]  # what the device was last called

    def compose(self) -> ComposeResult:
        yield HubLine(self.dashboard.place)
        yield Static(id="who")
        with Grid(id="panels"):
            with Panel(classes="panel", id="values-panel") as panel:
                panel.border_title = "values"
                yield ValuesTable()
            with Panel(classes="panel", id="chart-panel"):
                yield Static(id="no-chart")
                yield Chart(zone=self.dashboard.zone)
            with Panel(classes="panel", id="events-panel") as panel:
                panel.border_title = "events"
                yield EventsLog(zone=self.dashboard.zone, fleet=False, name="device-log")
            with Panel(classes="panel", id="command-panel") as panel:
                panel.border_title = "commands"
                yield CommandBox()
        yield Footer()

    def on_mount(self) -> None:
        self.load()

    @work(exclusive=True, group="load")
    async def load(self) -> None:
        """Fetch what the live feed did not bring: values, history, commands."""
        source, take = self.dashboard.source, self.dashboard.take
        try:
            take(DetailTaken(detail=await source.device(self.key)))
            page = await source.events(self.key, limit=LOG_ENTRIES)
            take(HistoryTaken(events=page.events))
            for command in await source.commands(self.key, limit=COMMANDS_KEPT):
                take(CommandMoved(command=command))
            self.loaded = True
        except WatchError as exc:
            self.notify(str(exc), title="Not all could be loaded", severity="warning")

    def draw(self, now_us: int) -> None:
        self.query_one(HubLine).show(self.dashboard.state, now_us)
        device = self.dashboard.state.devices.get(self.key)
        who = self.query_one("#who", Static)
        if device is None:
            who.update(
                Content.styled(f"{self._called} is no longer in the registry.", "$text-error")
            )
            return
        self._called = words.one_line(device.summary.name)
        who.update(self._who(device, now_us))
        values = self.query_one(ValuesTable)
        if self._chosen is None and device.latest_path is not None:
            self._chosen = device.latest_path
            values.show_device(device, now_us)
            values.put_cursor(self._chosen)
        values.show_device(device, now_us)
        self._draw_chart(device)
        self.query_one(EventsLog).show_entries(device.log.values(), self.dashboard.state.name_of)
        self.query_one(CommandBox).show_device(device, now_us)

    def _who(self, device: Device, now_us: int) -> Content:
        summary = device.summary
        state, ink = GLYPHS[device.state] if summary.enabled else ("⊘ locked", "warn")
        parts: list[str | tuple[str, str]] = [(self._called, "bold"), "  ", (state, INKS[ink])]
        facts = [summary.dialect, summary.application]
        if summary.id != summary.name:
            facts.append(words.one_line(summary.id))
        if device.state != "online":
            facts.append(f"last seen {words.age(now_us, device.seen_us)}")
        rate = device.rate.per_minute(now_us)
        if rate is not None:
            facts.append(f"{words.rate(rate)} messages/min")
        facts += [f"from {address}" for address in device.addresses[:1]]
        for fact in facts:
            parts += [(" · ", "$quiet"), (fact, "$quiet")]
        return Content.assemble(*parts)

    def _draw_chart(self, device: Device) -> None:
        series = device.series.get(self._chosen) if self._chosen else None
        panel = self.query_one("#chart-panel")
        panel.border_title = words.one_line(self._chosen or "chart")
        count = 0 if series is None else len(series)
        numbers = list(series) if series is not None else []
        if numbers:
            low = words.figure(min(value for _, value in numbers))
            high = words.figure(max(value for _, value in numbers))
            panel.border_subtitle = f"{count} values, {low} to {high}"
        else:
            panel.border_subtitle = ""
        self.query_one(Chart).show(series)
        nothing = self.query_one("#no-chart", Static)
        nothing.display = count < 2
        if count < 2:
            nothing.update(self._no_chart(device))

    def _no_chart(self, device: Device) -> str:
        if self._chosen is None:
            return "Nothing to draw yet: no numbers came."
        leaf = device.leaf(self._chosen)
        if leaf is not None and number(leaf.value) is None:
            return "Not a number."
        return "One more value and there is a line to draw."

    # -- keys

    def action_back(self) -> None:
        if isinstance(self.focused, (ValuesTable, type(None))) or self.maximized:
            self._go_back()
        else:
            self.query_one(ValuesTable).focus()

    def _go_back(self) -> None:
        if self.maximized:
            self.minimize()
        else:
            self.dismiss()

    def action_command(self) -> None:
        self.query_one(CommandBox).start()

    def action_look(self, name: str) -> None:
        self.query_one(f"#{name}").focus()

    def action_large_chart(self) -> None:
        if self.maximized:
            self.minimize()
        else:
            self.maximize(self.query_one("#chart-panel"), container=False)

    @on(Rows.Moved, "#values")
    def _value_chosen(self, event: Rows.Moved) -> None:
        self._chosen = event.key
        self.dashboard.draw_soon()

    @on(Rows.Opened, "#values")
    def _value_opened(self) -> None:
        self.action_large_chart()

    @on(Rows.Opened, "#device-log")
    def _event_opened(self, event: Rows.Opened) -> None:
        self.show_event(event.key)

    @work(exclusive=True, group="event")
    async def show_event(self, key: tuple[str, str]) -> None:
        """Show a message; one that came live is first read from the store, for how it came."""
        device = self.dashboard.state.devices.get(self.key)
        entry = None if device is None else device.log.get(key)
        if device is None or entry is None:
            return
        if entry.topic is None:
            try:
                page = await self.dashboard.source.events(self.key, limit=LOG_ENTRIES)
                self.dashboard.take(HistoryTaken(events=page.events))
            except WatchError as exc:
                self.notify(str(exc), title="How it came is not known", severity="warning")
        self.app.push_screen(
            EventScreen(
                device.log.get(key, entry),
                sender=self.dashboard.state.name_of((self.key[0], entry.sender)),
            )
        )

    @on(CommandBox.Wanted)
    def _command_wanted(self, event: CommandBox.Wanted) -> None:
        self.send(event.request)

    @work(group="send")
    async def send(self, request: CommandRequest) -> None:
        """Send a command; its life line comes over the feed."""
        try:
            command = await self.dashboard.source.send(self.key, request)
            self.dashboard.take(CommandMoved(command=command))
        except WatchError as exc:
            self.query_one(CommandBox).complain(str(exc))
