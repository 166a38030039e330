"""What happened, newest first."""

from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import ClassVar

from textual.binding import Binding, BindingType

from leafhub_tui import words
from leafhub_tui.state import Key, LogEntry
from leafhub_tui.widgets.rows import Cell, Column, Rows

WIDE = 100
INKS = {"connection": "dim", "registry": "dim", "occurrence": "warn", "answer": "good"}


class EventsLog(Rows[tuple[str, str]]):
    """One line a message: when, which device (for a fleet), channel, value.

    Args:
        zone: Time zone; ``None``: the machine's.
        fleet: Whether it shows many devices.
        name: Its id on the screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Show")]

    def __init__(self, *, zone: tzinfo | None, fleet: bool, name: str) -> None:
        super().__init__(_columns(0, fleet=fleet), head=False, follow_first=True, id=name)
        self._zone = zone
        self._fleet = fleet
        self._entries: dict[tuple[str, str], LogEntry] = {}
        self._name_of: Callable[[Key], str] = lambda key: key[1]

    def entry(self, key: tuple[str, str]) -> LogEntry | None:
        """Return the entry of a line."""
        return self._entries.get(key)

    def show_entries(self, entries: Iterable[LogEntry], name_of: Callable[[Key], str]) -> None:
        """Show ``entries``, given oldest first; ``name_of`` says what a device is called."""
        self._name_of = name_of
        self._entries = {entry.key: entry for entry in entries}
        self.set_columns(_columns(self.size.width, fleet=self._fleet))
        self.show(list(reversed(self._entries)), self._cells)

    def _cells(self, key: tuple[str, str]) -> list[Cell]:
        entry = self._entries[key]
        ink = INKS.get(entry.kind, "")
        cells: list[Cell] = [
            (words.clock(entry.time_us, self._zone), "dim"),
            (words.one_line(entry.channel or entry.kind), ink or "dim"),
            (said(entry), ink),
        ]
        if self._fleet:
            cells.insert(1, (words.one_line(self._name_of(entry.device)), ""))
        return cells


def _columns(width: int, *, fleet: bool) -> list[Column]:
    wide = width >= WIDE
    columns = [
        Column(key="time", title="time", width=8),
        Column(key="channel", title="channel", width=24 if wide else 12),
        Column(key="value", title="value", width=0),
    ]
    if fleet:
        columns.insert(1, Column(key="device", title="device", width=28 if wide else 14))
    return columns


def said(entry: LogEntry) -> str:
    """Say what a message means in one line."""
    value = words.decode(entry.data)
    if entry.kind == "connection" and isinstance(value, dict):
        return "connected" if value.get("connected") is True else "disconnected"
    if entry.kind == "registry":
        return "changed in the registry"
    return words.gist(value)
