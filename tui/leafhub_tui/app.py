"""The dashboard itself: takes what the hub tells into the state and beats the time for drawing."""

import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider

from leafhub_tui.screens.device import DeviceScreen
from leafhub_tui.screens.fleet import FleetScreen
from leafhub_tui.screens.help import HelpScreen
from leafhub_tui.screens.live import LiveScreen
from leafhub_tui.source import Source
from leafhub_tui.state import Change, FleetState, Key, LinkState
from leafhub_tui.themes import DARK, DEFAULTS, LIGHT

if TYPE_CHECKING:
    from textual.screen import Screen

FRAME_S = 0.2  # five times a second is as fast as one reads
AGES_EVERY_US = 1_000_000  # ages and countdowns move even when nothing happens


class DeviceCommands(Provider):
    """``Go to device ...`` in the command palette."""

    async def discover(self) -> Hits:
        for name, call in self._devices():
            yield DiscoveryHit(name, call)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, call in self._devices():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), call)

    def _devices(self) -> Iterator[tuple[str, Callable[[], None]]]:
        app = cast("WatchApp", self.app)
        for key, device in app.state.devices.items():
            name = f"Go to device {device.summary.name} ({device.summary.application})"
            yield name, partial(app.open_device, key)


class WatchApp(App[None]):
    """The dashboard.

    Args:
        source: The hub.
        clock_us: Microseconds since the epoch.
        zone: Time zone of what is shown; ``None``: the machine's.
        frame_s: Seconds between two drawings, at least.
    """

    TITLE = "leafhub"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = App.COMMANDS | {DeviceCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True)
    ]

    def __init__(
        self,
        source: Source,
        *,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        zone: tzinfo | None = None,
        frame_s: float = FRAME_S,
    ) -> None:
        super().__init__()
        self.source = source
        self.state = FleetState()
        self.zone = zone
        self._clock_us = clock_us
        self._frame_s = frame_s
        self._drawn: tuple[int, int] | None = None  # revision, second

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DEFAULTS

    @property
    def place(self) -> str:
        """Where the hub is."""
        return self.source.place

    def on_mount(self) -> None:
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.push_screen(FleetScreen())
        self.set_interval(self._frame_s, self._frame)
        self.run_worker(self._listen(), name="hub", group="hub")

    async def _listen(self) -> None:
        async with aclosing(self.source.changes()) as changes:
            async for change in changes:
                self.take(change)

    def take(self, change: Change) -> None:
        """Take a change in; it is seen with the next frame."""
        was = self.state.link.state
        self.state.apply(change, self._clock_us())
        if self.state.link.state is not was:
            self.screen.refresh_bindings()

    # -- drawing

    def _frame(self) -> None:
        now_us = self._clock_us()
        mark = self.state.revision, now_us // AGES_EVERY_US
        if mark != self._drawn:
            self._draw(now_us)
            self._drawn = mark

    def draw_soon(self) -> None:
        """Draw with the next frame."""
        self._drawn = None

    def draw_now(self) -> None:
        """Draw at once: the user did something."""
        self._draw(self._clock_us())

    def _draw(self, now_us: int) -> None:
        screen = self.screen
        if isinstance(screen, LiveScreen) and screen.is_mounted:
            screen.draw(now_us)

    # -- what the user wants

    def open_device(self, key: Key) -> None:
        """Show a device's page."""
        if isinstance(self.screen, DeviceScreen):
            self.switch_screen(DeviceScreen(key))
        else:
            self.push_screen(DeviceScreen(key))

    def action_help(self) -> None:
        screen = self.screen
        if isinstance(screen, LiveScreen):
            self.push_screen(HelpScreen(cast("Screen[object]", screen), screen.HELP_TEXT))

    def action_retry(self) -> None:
        self.source.retry()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "retry":
            return self.state.link.state is LinkState.DOWN
        return super().check_action(action, parameters)
