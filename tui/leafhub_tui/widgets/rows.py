"""A table that draws only the lines in sight, and redraws only those that changed.

The framework's own table keeps every cell and measures columns; a fleet that changes many times a
second needs neither.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

K = TypeVar("K", bound=Hashable)

ROOMY = 100  # from this width on two spaces stand between columns

Cell = tuple[str, str]  # text, ink: "", "dim", "good", "bad", "warn", "number"

_Look = tuple[str, tuple[Cell, ...]]  # ground and cells of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        key: Its name for messages.
        title: What its head says.
        width: Characters; 0: what the others leave.
        right: Whether it ends on a common edge, as numbers do.
    """

    key: str
    title: str
    width: int
    right: bool = False


class Rows(ScrollView, Generic[K], can_focus=True):
    """Rows with a cursor. ``show`` gives it the rows' keys and a way to draw one of them."""

    DEFAULT_CSS = """
    Rows {
        height: 1fr;
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-color: $foreground 20%;
        overflow-x: hidden;
        & > .rows--head { color: $quiet; background: $background; text-style: none; }
        & > .rows--sorted { color: $foreground; background: $background; text-style: bold; }
        & > .rows--dim { color: $quiet; }
        & > .rows--good { color: $text-success; }
        & > .rows--bad { color: $text-error; }
        & > .rows--warn { color: $text-warning; }
        & > .rows--number { text-style: bold; }
        & > .rows--cursor { background: $panel; }
        & > .rows--hover { background: $foreground 6%; }
        &:focus > .rows--cursor { background: $primary 30%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"rows--{part}"
        for part in (
            "head",
            "sorted",
            "dim",
            "good",
            "bad",
            "warn",
            "number",
            "cursor",
            "hover",
        )
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "jump(0)", "First", show=False),
        Binding("end,G", "jump(-1)", "Last", show=False),
        Binding("enter", "open", "Open", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, rows: "Rows[Any]", key: Any) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> "Rows[Any]":
            return self.rows

    class Opened(Moved):
        """The user wants to see the row."""

    class HeadClicked(Message):
        """The user clicked on a column's head."""

        def __init__(self, rows: "Rows[Any]", column: str) -> None:
            super().__init__()
            self.rows = rows
            self.column = column

        @property
        def control(self) -> "Rows[Any]":
            return self.rows

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        head: bool = True,
        follow_first: bool = False,
        id: str | None = None,  # noqa: A002 - the framework's name for it
    ) -> None:
        super().__init__(id=id)
        self._columns = list(columns)
        self._head = head
        self._follow_first = follow_first  # a log: its cursor stays at the top, seen with focus
        self._keys: Sequence[K] = []
        self._index: dict[K, int] = {}
        self._draw: Callable[[K], Sequence[Cell]] | None = None
        self._cursor: K | None = None
        self._hover: int | None = None
        self._mark: tuple[str, bool] | None = None
        self._shown: dict[int, _Look | None] = {}  # line -> what was last drawn there

    # -- in

    def show(self, keys: Sequence[K], draw: Callable[[K], Sequence[Cell]]) -> None:
        """Show these rows; ``draw`` gives the cells of one, a cell a column."""
        at_first = self._follow_first and self.cursor_row in {None, 0}
        old_row = self.cursor_row or 0
        self._keys, self._draw = keys, draw
        self._index = {key: row for row, key in enumerate(keys)}
        if keys and (at_first or self._cursor not in self._index):
            self._set_cursor(0 if at_first else min(old_row, len(keys) - 1))
        size = Size(0, len(keys) + self._head)
        if size != self.virtual_size:
            self.virtual_size = size
            self.refresh(layout=self.styles.height is not None and self.styles.height.is_auto)
        self._refresh_changed()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; the next ``show`` must draw as many cells."""
        if list(columns) != self._columns:
            self._columns = list(columns)
            self._forget()

    def mark_sorted(self, column: str, *, down: bool) -> None:
        """Mark the head of the column that the rows are sorted by."""
        if self._mark != (column, down):
            self._mark = column, down
            self._forget()

    @property
    def cursor_key(self) -> K | None:
        """The row under the cursor."""
        return self._cursor if self._cursor in self._index else None

    @property
    def cursor_row(self) -> int | None:
        """Its place, 0 is the first."""
        return None if self._cursor is None else self._index.get(self._cursor)

    def put_cursor(self, key: K) -> None:
        """Set the cursor on ``key`` if it is there."""
        if key in self._index:
            self._set_cursor(self._index[key])

    def flexible_width(self) -> int:
        """Return what the columns of width 0 get, each."""
        fixed = sum(column.width for column in self._columns)
        free = [column for column in self._columns if not column.width]
        gaps = self._gap * (len(self._columns) - 1) + 2  # and a margin on both sides
        room = self.scrollable_content_region.width - fixed - gaps
        return max(1, room // len(free)) if free else 0

    # -- keys and mouse

    def action_move(self, by: int) -> None:
        self.action_jump((self.cursor_row or 0) + by if self._keys else 0, clamp=True)

    def action_page(self, by: int) -> None:
        page = max(1, self.scrollable_content_region.height - self._head - 1)
        self.action_jump((self.cursor_row or 0) + by * page, clamp=True)

    def action_jump(self, row: int, *, clamp: bool = False) -> None:
        if self._keys:
            last = len(self._keys) - 1
            self._set_cursor(max(0, min(last, row)) if clamp else row % (last + 1))

    def action_open(self) -> None:
        if self._cursor is not None and self._cursor in self._index:
            self.post_message(self.Opened(self, self._cursor))

    def on_click(self, event: events.Click) -> None:
        line = event.y
        if self._head and line == 0:
            self._click_head(event.x)
            return
        row = self._row_at(line)
        if row is not None:
            again = row == self.cursor_row
            self._set_cursor(row)
            if again or event.chain == 2:
                self.action_open()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._set_hover(self._row_at(event.y))

    def on_leave(self) -> None:
        self._set_hover(None)

    def _click_head(self, x: int) -> None:
        edge = 1
        for column, width in zip(self._columns, self._widths(), strict=True):
            edge += width + self._gap
            if x < edge:
                self.post_message(self.HeadClicked(self, column.key))
                return

    def _row_at(self, line: int) -> int | None:
        row = self.scroll_offset.y + line - self._head
        return row if line >= self._head and 0 <= row < len(self._keys) else None

    def _set_hover(self, row: int | None) -> None:
        if row != self._hover:
            self._hover = row
            self._refresh_changed()

    def _set_cursor(self, row: int) -> None:
        key = self._keys[row]
        if key == self._cursor:
            return
        self._cursor = key
        self.post_message(self.Moved(self, key))
        height = self.scrollable_content_region.height - self._head
        top = self.scroll_offset.y
        if height > 0 and not top <= row < top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False)
        self._refresh_changed()

    # -- drawing

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport, width
        return len(self._keys) + self._head

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._forget()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._forget()

    def on_resize(self) -> None:
        self._forget()

    def on_focus(self) -> None:
        self._forget()

    def on_blur(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._shown.clear()
        self.refresh()

    @property
    def _gap(self) -> int:
        return 2 if self.size.width >= ROOMY else 1

    def _widths(self) -> list[int]:
        free = self.flexible_width()
        return [column.width or free for column in self._columns]

    def _refresh_changed(self) -> None:
        width = self.size.width
        for line in range(self._head, self.size.height):
            look = self._look(line)
            if line not in self._shown or self._shown[line] != look:
                self._shown[line] = look
                self.refresh(Region(0, line, width, 1))

    def _look(self, line: int) -> _Look | None:
        row = self._row_at(line)
        if row is None or self._draw is None:
            return None
        key = self._keys[row]
        cursor = key == self._cursor and (self.has_focus or not self._follow_first)
        ground = "cursor" if cursor else "hover" if row == self._hover else ""
        return ground, tuple(self._draw(key))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if self._head and y == 0:
            return self._render_head(width)
        look = self._look(y)
        self._shown[y] = look
        if look is None:
            return Strip.blank(width, base)
        ground, cells = look
        if ground:
            base += Style(bgcolor=self.get_component_rich_style(f"rows--{ground}").bgcolor)
        segments = [Segment(" ", base)]
        for (text, ink), column, room in zip(cells, self._columns, self._widths(), strict=True):
            style = base
            if ink:
                style += _foreground(self.get_component_rich_style(f"rows--{ink}", partial=True))
            segments.append(Segment(_fit(text, room, right=column.right), style))
            segments.append(Segment(" " * self._gap, base))
        return Strip(segments).adjust_cell_length(width, base)

    def _render_head(self, width: int) -> Strip:
        plain = self.get_component_rich_style("rows--head")
        marked = self.get_component_rich_style("rows--sorted")
        segments = [Segment(" ", plain)]
        for column, room in zip(self._columns, self._widths(), strict=True):
            title, style = column.title, plain
            if self._mark and self._mark[0] == column.key:
                arrow = "▼" if self._mark[1] else "▲"
                title, style = f"{title[: max(0, room - 2)]} {arrow}", marked
            segments.append(Segment(_fit(title, room, right=column.right), style))
            segments.append(Segment(" " * self._gap, plain))
        return Strip(segments).adjust_cell_length(width, plain)


def _foreground(style: Style) -> Style:
    return Style(color=style.color, bold=style.bold, italic=style.italic)


def _fit(text: str, width: int, *, right: bool) -> str:
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, max(0, width - 1)) + "…"
    return " " * (width - length) + text if right else text + " " * (width - length)
