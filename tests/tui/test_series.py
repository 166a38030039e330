import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub_tui.series import (
    LEAVES_PER_VALUE,
    RATE_WINDOW_S,
    SERIES_POINTS,
    Rate,
    Series,
    leaves,
    number,
)

SECOND = 1_000_000
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_value_comes_apart_into_paths() -> None:
    value = {"inside": [21.5, 22], "door": {"open": True}, "note": None, "list": []}
    assert list(leaves("climate", value)) == [
        ("climate.inside[0]", 21.5),
        ("climate.inside[1]", 22),
        ("climate.door.open", True),
        ("climate.note", None),
        ("climate.list", []),
    ]


@given(json_values)
def test_no_value_has_more_leaves_than_the_bound(value: object) -> None:
    assert 1 <= len(list(leaves("c", value))) <= LEAVES_PER_VALUE


def test_a_bottomless_value_ends() -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    assert len(list(leaves("c", deep))) == 1


@pytest.mark.parametrize("value", ["21.5", None, [], {}, 10**400, float("inf"), float("nan")])
def test_what_is_no_number_is_not_drawn(value: object) -> None:
    assert number(value) is None


@given(json_values)
def test_any_value_from_json_is_a_number_or_not(value: object) -> None:
    assert number(json.loads(json.dumps(value))) is None or isinstance(value, (int, float))


points = st.dictionaries(st.integers(0, 10**16), st.floats(-1e9, 1e9), max_size=40)


@given(points, st.randoms())
def test_points_stand_by_time_however_they_come(found: dict[int, float], random: object) -> None:
    shuffled = list(found.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis does not type its Random
    series = Series()
    for point in shuffled:
        series.add([point])
    assert list(series) == sorted(found.items())


def test_a_series_keeps_the_newest_points() -> None:
    series = Series()
    series.add((time, float(time)) for time in range(SERIES_POINTS + 5))
    series.add([(1, 99.0)])  # too old by now
    assert len(series) == SERIES_POINTS
    assert next(iter(series))[0] == 5
    assert series.newest(2) == [SERIES_POINTS + 3, SERIES_POINTS + 4]


def test_a_rate_is_not_known_at_once() -> None:
    rate = Rate(0)
    rate.add(SECOND)
    assert rate.per_minute(9 * SECOND) is None
    assert rate.per_minute(10 * SECOND) == 6


def test_a_rate_forgets_after_its_window() -> None:
    rate = Rate(0)
    for second in range(30):
        rate.add(second * SECOND)
    assert rate.per_minute(RATE_WINDOW_S * SECOND) == 29
    assert rate.per_minute(200 * SECOND) == 0


@given(st.lists(st.integers(-(10**9), 10**9), max_size=50))
def test_a_rate_survives_a_clock_that_jumps(moments: list[int]) -> None:
    rate = Rate(0)
    for moment in moments:
        rate.add(moment * SECOND)
        assert (rate.per_minute(moment * SECOND) or 0) >= 0
