"""A number over time."""

from datetime import tzinfo

from textual.color import Color
from textual_plotext import PlotextPlot

from leafhub_tui import words
from leafhub_tui.series import Series


class Chart(PlotextPlot):
    """The course of one series, as lines of braille dots.

    Args:
        zone: Time zone of the axis; ``None``: the machine's.
    """

    DEFAULT_CSS = """
    Chart { height: 1fr; min-height: 4; }
    """

    def __init__(self, *, zone: tzinfo | None) -> None:
        super().__init__(id="chart")
        self._zone = zone
        self._drawn: object = None

    def show(self, series: Series | None) -> None:
        """Draw ``series``."""
        points = list(series) if series is not None else []
        look = (points, self.size, self.app.theme)
        if look == self._drawn:
            return
        self._drawn = look
        plt = self.plt
        plt.clear_data()
        plt.clear_figure()
        self.display = len(points) > 1
        if len(points) > 1:
            self._draw(points)
        self.refresh()

    def _draw(self, points: list[tuple[int, float]]) -> None:
        plt = self.plt
        times = [time_us / 1_000_000 for time_us, _ in points]
        values = [value for _, value in points]
        ink = Color.parse(self.app.theme_variables["primary"]).rgb
        plt.plot(times, values, marker="braille", color=ink)
        low, high = min(values), max(values)
        if high == low:
            low, high = low - 1, high + 1
        rows = 3 if self.size.height < 12 else 5
        marks = [low + (high - low) * step / (rows - 1) for step in range(rows)]
        plt.ylim(low, high)
        plt.yticks(marks, _even([words.figure(float(f"{mark:.4g}")) for mark in marks]))
        columns = max(2, min(8, self.size.width // 16))
        start, end = times[0], times[-1]
        moments = [start + (end - start) * step / (columns - 1) for step in range(columns)]
        plt.xlim(start, end)
        plt.xticks(moments, [words.clock(int(t * 1_000_000), self._zone) for t in moments])
        plt.xaxes(True, False)  # noqa: FBT003 - plotext takes no keywords: lower, upper
        plt.yaxes(True, False)  # noqa: FBT003 - left, right


def _even(labels: list[str]) -> list[str]:
    width = max(len(label) for label in labels)
    return [label.rjust(width) for label in labels]
