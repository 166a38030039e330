"""Numbers over time: those in a value, their recent course, how often something happens."""

from collections import deque
from collections.abc import Iterable, Iterator

LEAVES_PER_VALUE = 64  # a wide JSON value must not fill the screen, nor the memory
LEAF_DEPTH = 8
CHARTABLE = 1e30  # no sensor says more, and arithmetic on it stays finite
SERIES_POINTS = 360  # an hour at one reading in ten seconds; wider than any chart in braille dots
RATE_WINDOW_S = 60
RATE_SETTLES_S = 10  # a rate over less says more about chance than about the device


def leaves(channel: str, value: object) -> Iterator[tuple[str, object]]:
    """Take ``value`` apart into ``(path, scalar)``, like ``("climate.inside[0]", 21.5)``.

    At most ``LEAVES_PER_VALUE``, at most ``LEAF_DEPTH`` deep; what is deeper, or empty,
    stands as it is.
    """
    left = LEAVES_PER_VALUE
    waiting: list[tuple[str, object, int]] = [(channel, value, 0)]
    while waiting and left:
        path, item, depth = waiting.pop()
        if isinstance(item, dict) and item and depth < LEAF_DEPTH:
            children = [(f"{path}.{k}" if path else str(k), v) for k, v in item.items()]
        elif isinstance(item, list) and item and depth < LEAF_DEPTH:
            children = [(f"{path}[{i}]", v) for i, v in enumerate(item)]
        else:
            yield path, item
            left -= 1
            continue
        waiting += [(p, v, depth + 1) for p, v in reversed(children[:left])]


def number(value: object) -> float | None:
    """Return ``value`` as a float if a chart can show it; a switch is 0 or 1."""
    if isinstance(value, (bool, int, float)) and -CHARTABLE <= value <= CHARTABLE:
        return float(value)
    return None


class Series:
    """The newest ``SERIES_POINTS`` values of one path, by time; one value a moment."""

    __slots__ = ("_points",)

    def __init__(self) -> None:
        self._points: deque[tuple[int, float]] = deque(maxlen=SERIES_POINTS)

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return iter(self._points)

    def add(self, points: Iterable[tuple[int, float]]) -> None:
        """Take ``(time_us, value)`` in any order, old ones too."""
        late = []
        for point in points:
            if not self._points or point[0] > self._points[-1][0]:
                self._points.append(point)
            else:
                late.append(point)
        if late:
            merged = sorted((dict(self._points) | dict(late)).items())
            self._points = deque(merged, maxlen=SERIES_POINTS)

    def newest(self, count: int) -> list[float]:
        """Return the last ``count`` values, oldest first."""
        skip = max(0, len(self._points) - count)
        return [value for i, (_, value) in enumerate(self._points) if i >= skip]


class Rate:
    """How often something happened in the last ``RATE_WINDOW_S``, counted by the second."""

    __slots__ = ("_buckets", "_since_s")

    def __init__(self, now_us: int) -> None:
        self._since_s = now_us // 1_000_000
        self._buckets: deque[list[int]] = deque()  # [second, count]; bounded by the window

    def add(self, now_us: int) -> None:
        """Count one more."""
        second = now_us // 1_000_000
        if self._buckets and self._buckets[-1][0] >= second:  # a clock set back counts as now
            self._buckets[-1][1] += 1
        else:
            self._buckets.append([second, 1])
        self._forget(second)

    def per_minute(self, now_us: int) -> float | None:
        """Return the rate; ``None`` while it was watched for less than ``RATE_SETTLES_S``."""
        second = now_us // 1_000_000
        watched_s = min(RATE_WINDOW_S, second - self._since_s)
        if watched_s < RATE_SETTLES_S:
            return None
        self._forget(second)
        return sum(count for _, count in self._buckets) * 60 / watched_s

    def _forget(self, second: int) -> None:
        while self._buckets and self._buckets[0][0] <= second - RATE_WINDOW_S:
            self._buckets.popleft()
