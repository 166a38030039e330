"""Send a command and watch its life line."""

from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from leafhub.contract.operator_api import CommandRequest
from leafhub_tui import words
from leafhub_tui.state import Device, LifeLine

INKS = {  # in the order of a life
    "queued": "$quiet",
    "sent": "$text-warning",
    "acknowledged": "$text-warning",
    "answered": "$text-success",
    "delivered": "$text-success",
    "failed": "$text-error",
    "expired": "$text-error",
}


class CommandInput(Input):
    """An input that says at the foot of the screen what its keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send"),
        Binding("tab", "app.focus_next", "Next field"),
    ]


class CommandBox(Vertical):
    """Two inputs, and below them what became of the commands."""

    DEFAULT_CSS = """
    CommandBox {
        & Input { border: none; height: 1; padding: 0 1; background: $panel; }
        & Input:focus { background: $primary 20%; border: none; }
        & #command-inputs { height: 1; }
        & #command-name { width: 2fr; }
        & #command-data { width: 3fr; margin-left: 1; }
        & #command-error { height: auto; color: $text-error; padding: 0 1; display: none; }
        & #command-error.-shown { display: block; }
        & #command-hint { height: auto; color: $quiet; padding: 0 1; }
        & #life-lines { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    }
    """

    class Wanted(Message):
        """The user wants to send this."""

        def __init__(self, request: CommandRequest) -> None:
            super().__init__()
            self.request = request

    def __init__(self) -> None:
        super().__init__(id="commands")
        self._said = (Content(""), "")
        self._known: list[str] = []

    def compose(self) -> ComposeResult:
        with Horizontal(id="command-inputs"):
            yield CommandInput(placeholder="command", id="command-name", select_on_focus=False)
            yield CommandInput(placeholder="argument (JSON)", id="command-data")
        yield Static(id="command-error", markup=False)
        yield Static(id="command-hint", markup=False)
        with VerticalScroll(id="life-lines", can_focus=False):
            yield Static(id="life-lines-text")

    def start(self) -> None:
        """Let the user type a command."""
        self.query_one("#command-name", Input).focus()

    def complain(self, text: str) -> None:
        """Say why a command was not sent; empty: it was."""
        error = self.query_one("#command-error", Static)
        error.update(text)
        error.set_class(bool(text), "-shown")

    def show_device(self, device: Device, now_us: int) -> None:
        """Show the commands of ``device``."""
        if device.known_commands != self._known:
            self._known = list(device.known_commands)
            name = self.query_one("#command-name", Input)
            name.suggester = SuggestFromList(self._known, case_sensitive=False)
        lines = sorted(device.commands.values(), key=lambda line: -line.command.created_us)
        said = Content("\n").join(life_line(line, now_us, self.size.width - 2) for line in lines)
        hint = f"known: {', '.join(self._known)}" if self._known else ""
        if not lines and not hint:
            hint = "Nothing sent yet. Enter sends."
        if (said, hint) != self._said:
            self._said = said, hint
            self.query_one("#life-lines-text", Static).update(said)
            hint_line = self.query_one("#command-hint", Static)
            hint_line.update(hint)
            hint_line.display = bool(hint)

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        name = self.query_one("#command-name", Input).value.strip()
        text = self.query_one("#command-data", Input).value.strip()
        if not name:
            self.complain("Say which command.")
            return
        if not text:
            self.complain("")
            self.post_message(self.Wanted(CommandRequest(name=name)))
            return
        try:
            msgspec.json.decode(text)
        except msgspec.DecodeError:
            self.complain(f'{text} is not JSON; text needs quotes, like "{text.strip(chr(34))}".')
            return
        self.complain("")
        self.post_message(self.Wanted(CommandRequest(name=name, data=msgspec.Raw(text.encode()))))


def life_line(line: LifeLine, now_us: int, width: int) -> Content:
    """Write a command and its steps: what, then each state and when since it was queued.

    Where ``width`` has no room for that, only the last state says when, or stands alone.
    """
    command = line.command
    data = bytes(command.data)
    argument = "" if data in {b"", b"null"} else " " + words.scalar(words.decode(data))
    parts: list[Content | tuple[str, str] | str] = [
        (words.one_line(command.name), "bold"),
        f"{argument}\n  ",
    ]
    wait = "" if command.final else f" … {words.span(now_us - command.updated_us)}"
    room = width - len("  ") - len(wait)
    parts += [_steps(line, room), (wait, "$quiet")]
    if command.error:
        parts.append((f"\n  {words.one_line(command.error)}", "$text-error"))
    elif command.answer is not msgspec.UNSET:
        answer = words.scalar(words.decode(bytes(command.answer)))
        parts += [("\n  answer ", "$quiet"), answer]
    return Content.assemble(*parts)


def _steps(line: LifeLine, room: int) -> Content:
    created_us = line.command.created_us
    steps = sorted(line.steps.items(), key=_in_order)
    whole = [_step(state, time_us - created_us) for state, time_us in steps]
    brief = [Content.styled(state, INKS[state]) for state, _ in steps[:-1]] + whole[-1:]
    arrow = Content.styled(" → ", "$quiet")
    forms = [arrow.join(whole), arrow.join(brief), whole[-1]]
    return next((form for form in forms if form.cell_length <= room), forms[-1])


def _step(state: str, after_us: int) -> Content:
    when = "" if state == "queued" else f" +{words.span(after_us)}"
    return Content.styled(state + when, INKS[state])


def _in_order(step: tuple[str, int]) -> tuple[int, int]:
    return step[1], list(INKS).index(step[0])
