"""The keys that work where the user is."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

HIDDEN = frozenset(
    {"screen.copy_text", "app.focus_next", "app.focus_previous"}
    | {f"{how}_{where}" for how in ("scroll", "page") for where in ("left", "right")}
)


class HelpScreen(ModalScreen[None]):
    """Help for ``about``, made from its own bindings.

    Args:
        about: The screen to explain.
        text: What it is for.
    """

    CSS = """
    HelpScreen {
        align: center middle;
        background: $background 60%;
        & #help {
            width: 70; max-width: 90%; height: auto; max-height: 90%;
            border: round $primary; background: $background; padding: 0 2;
            border-subtitle-color: $quiet;
            scrollbar-size-vertical: 1; scrollbar-background: $background;
            scrollbar-color: $foreground 20%;
        }
        & Static { margin: 1 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter,q", "dismiss", "Close")
    ]

    def __init__(self, about: Screen[object], text: str) -> None:
        super().__init__()
        self._text = text
        self._keys = _keys(about)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_title = "help"
            box.border_subtitle = "Esc closes"
            yield Static(Content(self._text))
            width = max((len(keys) for keys, _ in self._keys), default=0)
            lines = [
                Content.assemble((keys.rjust(width), "$text-primary bold"), "  ", what)
                for keys, what in self._keys
            ]
            yield Static(Content("\n").join(lines))


def _keys(about: Screen[object]) -> list[tuple[str, str]]:
    """Collect ``(keys, what they do)`` in the order of the bindings, one line an action."""
    found: dict[str, tuple[list[str], str]] = {}
    for active in about.active_bindings.values():
        binding = active.binding
        if binding.action in HIDDEN or not (binding.description or active.tooltip):
            continue
        keys, _ = found.setdefault(binding.action, ([], active.tooltip or binding.description))
        shown = about.app.get_key_display(binding)
        if shown not in keys:
            keys.append(shown)
    return [(" ".join(keys), what) for keys, what in found.values()]
