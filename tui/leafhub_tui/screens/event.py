"""One message: what it means beside how it came."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from leafhub_tui import words
from leafhub_tui.state import LogEntry

if TYPE_CHECKING:
    from leafhub_tui.app import WatchApp


class EventScreen(ModalScreen[None]):
    """Meaning and raw payload of ``entry``, side by side.

    Args:
        entry: The message.
        sender: What people call the device that sent it.
    """

    CSS = """
    EventScreen {
        align: center middle;
        background: $background 60%;
        & #event {
            width: 90%; max-width: 130; height: 80%; max-height: 40;
            border: round $primary; background: $background; padding: 0 1;
            border-subtitle-color: $quiet;
        }
        & #event-facts { height: auto; margin-bottom: 1; color: $quiet; }
        & .side { width: 1fr; }
        & .side-title { color: $quiet; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "Close")]

    def __init__(self, entry: LogEntry, *, sender: str) -> None:
        super().__init__()
        self._entry = entry
        self._sender = sender

    def compose(self) -> ComposeResult:
        entry = self._entry
        zone = cast("WatchApp", self.app).zone
        meaning = words.pretty(entry.data)
        with Vertical(id="event") as box:
            box.border_title = words.one_line(entry.channel or entry.kind)
            box.border_subtitle = "Esc closes"
            facts = [entry.kind, words.date_and_clock(entry.time_us, zone), entry.datacontenttype]
            if entry.topic:
                facts.append(f"on {words.one_line(entry.topic)}")
            if entry.sender != entry.device[1]:
                facts.append(f"sent by {words.one_line(self._sender)}")
            yield Static(Content(" · ".join(facts)), id="event-facts")
            with Horizontal():
                with VerticalScroll(classes="side"):
                    yield Static("what it means", classes="side-title")
                    yield Static(Content(meaning))
                with VerticalScroll(classes="side"):
                    yield Static("how it came", classes="side-title")
                    yield Static(Content(self._raw()))

    def _raw(self) -> str:
        if self._entry.raw is not None:
            return words.raw(self._entry.raw)
        if self._entry.topic is None:
            return "Not known: it is not among the newest messages of the store."
        return words.raw(self._entry.data)
