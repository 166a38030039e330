"""A device's newest values."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from leafhub_tui import words
from leafhub_tui.series import number
from leafhub_tui.state import Device
from leafhub_tui.widgets.rows import Cell, Column, Rows

ROOMY = 54


class ValuesTable(Rows[str]):
    """One line for each scalar: path, value, age. A chart follows its cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Large chart")]

    def __init__(self) -> None:
        super().__init__(_columns(0), id="values")

    def show_device(self, device: Device, now_us: int) -> None:
        """Show what ``device`` said last."""
        found = {path: leaf for leaves in device.values.values() for path, leaf in leaves.items()}
        self.set_columns(_columns(self.size.width))
        room, roomy = self.flexible_width(), self.size.width >= ROOMY

        def cells(path: str) -> list[Cell]:
            leaf = found[path]
            numeric = number(leaf.value) is not None
            age = words.age(now_us, leaf.time_us)
            return [
                (words.shorten_path(words.one_line(path) or "(no channel)", room), ""),
                (words.scalar(leaf.value), "number" if numeric else ""),
                (age if roomy else age.removesuffix(" ago"), "dim"),
            ]

        self.show(sorted(found), cells)


def _columns(width: int) -> list[Column]:
    value, age = (24, 10) if width >= ROOMY else (8, 6)
    return [
        Column(key="channel", title="channel", width=0),
        Column(key="value", title="value", width=value, right=True),
        Column(key="age", title="age", width=age, right=True),
    ]
