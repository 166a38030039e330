"""What every screen of the dashboard shares: the picture it draws and the beat it draws at."""

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.screen import Screen

if TYPE_CHECKING:
    from leafhub_tui.app import WatchApp

T = TypeVar("T")


class LiveScreen(Screen[T], Generic[T]):
    """A screen that ``draw`` brings up to date; the app calls it at most five times a second."""

    HELP_TEXT: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "app.help", "Help", key_display="?"),
        Binding("r", "app.retry", "Try now"),
    ]

    @property
    def dashboard(self) -> "WatchApp":
        """The app, as what it is."""
        return cast("WatchApp", self.app)

    def draw(self, now_us: int) -> None:
        """Show the state as of ``now_us``."""
        raise NotImplementedError

    def on_screen_resume(self) -> None:
        self.dashboard.draw_soon()

    def on_resize(self) -> None:
        self.dashboard.draw_soon()
