"""What happened, newest first."""

from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import ClassVar

from rich.cells import cell_len
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
        super().__init__(_columns(0, 0 if fleet else None), head=False, follow_first=True, id=name)
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
        self.set_columns(self._columns_for(self.size.width))
        self.show(list(reversed(self._entries)), self._cells)

    def _columns_for(self, width: int) -> list[Column]:
        """No column wider than what stands in it, so that values have room."""
        entries = self._entries.values()
        channel = max((cell_len(_what(entry)) for entry in entries), default=0)
        device = None
        if self._fleet:
            names = {self._name_of(key) for key in {entry.device for entry in entries}}
            device = max(map(cell_len, names), default=0)
        wide = width >= WIDE
        return _columns(
            min(channel, 24 if wide else 12),
            None if device is None else min(device, 28 if wide else 14),
        )

    @property
    def _channel_width(self) -> int:
        return next(column.width for column in self._columns if column.key == "channel")

    def _cells(self, key: tuple[str, str]) -> list[Cell]:
        entry = self._entries[key]
        ink = INKS.get(entry.kind, "")
        cells: list[Cell] = [
            (words.clock(entry.time_us, self._zone), "dim"),
            (words.shorten_path(_what(entry), self._channel_width), ink or "dim"),
            (said(entry), ink),
        ]
        if self._fleet:
            cells.insert(1, (words.one_line(self._name_of(entry.device)), ""))
        return cells


def _columns(channel: int, device: int | None) -> list[Column]:
    columns = [
        Column(key="time", title="time", width=8),
        Column(key="channel", title="channel", width=max(1, channel)),
        Column(key="value", title="value", width=0),
    ]
    if device is not None:
        columns.insert(1, Column(key="device", title="device", width=max(1, device)))
    return columns


def _what(entry: LogEntry) -> str:
    return words.one_line(entry.channel or entry.kind)


def said(entry: LogEntry) -> str:
    """Say what a message means in one line."""
    value = words.decode(entry.data)
    if entry.kind == "connection" and isinstance(value, dict):
        return "connected" if value.get("connected") is True else "disconnected"
    if entry.kind == "registry":
        return "changed in the registry"
    return words.gist(value)
