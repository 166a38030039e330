"""The line that says whether the hub is well."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from leafhub_tui import words
from leafhub_tui.state import FleetState, LinkState

TROUBLES_SHOWN = 3
WIDE = 130


class HubLine(Vertical):
    """State of the link, the hub's pace, and below it what is wrong, in words."""

    DEFAULT_CSS = """
    HubLine {
        height: auto;
        background: $panel;
        padding: 0 1;
        & > #hub-link { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #hub-trouble { height: auto; color: $text-error; text-style: bold; display: none; }
        & > #hub-trouble.-shown { display: block; }
    }
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place
        self._said: tuple[Content, str] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="hub-link")
        yield Static(id="hub-trouble", markup=False)

    def show(self, state: FleetState, now_us: int) -> None:
        """Say how things stand."""
        lines = state.troubles(now_us)
        if state.link.state is LinkState.DOWN:
            lines = [self._away(state, now_us)]
        said = self._link(state, now_us), "\n".join(lines[:TROUBLES_SHOWN])
        if said == self._said:
            return
        self._said = said
        self.query_one("#hub-link", Static).update(said[0])
        trouble = self.query_one("#hub-trouble", Static)
        trouble.update(said[1])
        trouble.set_class(bool(lines), "-shown")

    def _link(self, state: FleetState, now_us: int) -> Content:
        glyph = {
            LinkState.UP: ("● connected", "$text-success"),
            LinkState.DOWN: ("○ disconnected", "$text-error"),
            LinkState.CONNECTING: ("◌ connecting", "$text-warning"),
        }[state.link.state]
        head = Content.assemble(("leafhub", "bold"), "  ", glyph)
        status = state.status
        if status is None or state.link.state is not LinkState.UP:
            return Content.assemble(head, "  ", (self._place, "$quiet"))
        parts = [
            f"{status.messages_per_second:.1f} messages/s",
            f"commit {words.figure(round(status.commit_ms, 1))} ms",
        ]
        if status.store_waiting:
            parts.append(f"{status.store_waiting} waiting to be stored")
        if self.size.width >= WIDE:
            parts += [
                f"{status.connections} connections",
                f"store {words.size(status.store_bytes)}",
                f"up {words.span(now_us - status.started_us)}",
                self._place,
                f"v{status.version}",
            ]
        dot = (" · ", "$quiet")
        return Content.assemble(head, *(piece for part in parts for piece in (dot, part)))

    @staticmethod
    def _away(state: FleetState, now_us: int) -> str:
        link = state.link
        left_s = -(-((link.retry_us or now_us) - now_us) // 1_000_000)
        again = f"trying again in {left_s} s" if left_s > 0 else "trying again"
        reason = link.reason[:1].upper() + link.reason[1:]
        old = " — what you see may be old" if state.loaded else ""
        return f"{reason}, {again}{old}."
