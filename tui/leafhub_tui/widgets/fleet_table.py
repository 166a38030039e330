"""The fleet: a line a device."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from leafhub_tui import words
from leafhub_tui.state import Device, Key
from leafhub_tui.widgets.rows import Cell, Column, Rows

COURSE = 104  # from here on there is room for the trend of the last reading
WIDE = 120
VERY_WIDE = 160
GLYPHS = {
    "online": ("● online", "good"),
    "offline": ("○ offline", "dim"),
    "never": ("· never", "dim"),
}
SORTS: dict[str, Callable[[Device, int], Any]] = {
    "state": lambda device, _: ("online", "offline", "never").index(device.state),
    "name": lambda device, _: device.summary.name.casefold(),
    "application": lambda device, _: device.summary.application.casefold(),
    "dialect": lambda device, _: device.summary.dialect,
    "seen": lambda device, _: -(device.seen_us or 0),
    "reading": lambda device, _: words.scalar(_value(device)[0]).casefold(),
    "rate": lambda device, now_us: -(device.rate.per_minute(now_us) or 0),
}


def matches(device: Device, needle: str) -> bool:
    """Whether every word of ``needle`` is somewhere in the device's line."""
    summary = device.summary
    parts = (summary.name, summary.id, summary.application, summary.dialect, device.state)
    hay = " ".join(parts).casefold()
    return all(word in hay for word in needle.casefold().split())


def sort_devices(devices: list[Device], column: str, now_us: int, *, down: bool) -> list[Device]:
    """Sort by a column; equal ones by name."""
    by_name = sorted(devices, key=lambda device: (device.summary.name.casefold(), device.key))
    by = SORTS[column]
    return sorted(by_name, key=lambda device: by(device, now_us), reverse=down)


def _value(device: Device) -> tuple[object, str]:
    """Return what to say of the newest reading: one number of it if it has several."""
    if device.latest is None:
        return "", ""
    channel, _, data = device.latest
    if device.latest_path is not None:
        leaf = device.leaf(device.latest_path)
        if leaf is not None:
            return leaf.value, device.latest_path
    return words.decode(data), channel


class FleetTable(Rows[Key]):
    """Every device that passes the filter, sorted by ``sort_column``."""

    DEFAULT_CSS = "FleetTable { height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Open device")]

    def __init__(self) -> None:
        super().__init__(_columns(80), id="fleet")
        self.sort_column = "name"
        self.sort_down = False

    def sort_by(self, column: str) -> None:
        """Sort by ``column``; by the same again: the other way round."""
        if column not in SORTS:
            return
        self.sort_down = column == self.sort_column and not self.sort_down
        self.sort_column = column

    def show_devices(self, devices: Sequence[Device], now_us: int, *, old: bool) -> None:
        """Show ``devices`` as of ``now_us``; ``old``: the hub is away, they may have changed."""
        self.set_columns(_columns(self.size.width))
        self.mark_sorted(self.sort_column, down=self.sort_down)
        found = sort_devices(list(devices), self.sort_column, now_us, down=self.sort_down)
        by_key = {device.key: device for device in found}
        rooms = {c.key: c.width or self.flexible_width() for c in self._columns}

        def cells(key: Key) -> list[Cell]:
            drawn = _cells(by_key[key], now_us, rooms)
            return [(text, "dim") for text, _ in drawn] if old else drawn

        self.show(list(by_key), cells)


def _columns(width: int) -> list[Column]:
    wide, very_wide = width >= WIDE, width >= VERY_WIDE
    name, application = (28, 20) if very_wide else (18, 13) if wide else (13, 11)
    rate = "messages/min" if very_wide else "per min" if wide else "/min"
    seen, seen_width = ("last seen", 10) if wide else ("seen", 6)
    columns = [
        Column(key="state", title="state", width=9),
        Column(key="name", title="name", width=name),
        Column(key="application", title="application", width=application),
        Column(key="dialect", title="dialect", width=11 if wide else 10),
        Column(key="seen", title=seen, width=seen_width, right=True),
        Column(key="reading", title="last reading", width=36 if very_wide else 0),
        Column(key="rate", title=rate, width=len(rate), right=True),
    ]
    if width >= COURSE:
        columns.insert(6, Column(key="trend", title="trend", width=0 if very_wide else 14))
    return columns


def _cells(device: Device, now_us: int, rooms: dict[str, int]) -> list[Cell]:
    summary = device.summary
    online = device.state == "online"
    state = GLYPHS[device.state] if summary.enabled else ("⊘ locked", "warn")
    value, path = _value(device)
    age = words.age(now_us, device.seen_us)
    if rooms["seen"] < len("59 min ago"):
        age = age.removesuffix(" ago")
    cells: list[Cell] = [
        state,
        (words.one_line(summary.name), "" if online else "dim"),
        (words.one_line(summary.application), "dim"),
        (summary.dialect, "dim"),
        (age, "" if online else "dim"),
        (words.reading(words.one_line(path), value, rooms["reading"]), "" if online else "dim"),
        (words.rate(device.rate.per_minute(now_us)), "" if online else "dim"),
    ]
    if trend := rooms.get("trend"):
        cells.insert(6, (words.sparkline(device.recent(device.latest_path, trend)), "good"))
    return cells
