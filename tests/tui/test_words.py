import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from leafhub_tui import words
from leafhub_tui.series import CHARTABLE


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "now"),
        (0, "now"),
        (1, "1 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
    ],
)
def test_an_age_is_said_in_the_largest_whole_unit(seconds: int, said: str) -> None:
    assert words.age(10**15, 10**15 - seconds * 1_000_000) == said


def test_what_was_never_seen_has_no_age() -> None:
    assert words.age(10**15, None) == "never"


@given(
    st.text(), st.one_of(st.text(), st.floats(allow_nan=False), st.integers()), st.integers(1, 60)
)
def test_a_reading_keeps_to_its_width(channel: str, value: object, width: int) -> None:
    assert len(words.reading(channel, value, width)) <= width


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (30, "climate.temperature = 21.5"),
        (20, "temperature = 21.5"),
        (13, "tempe… = 21.5"),
    ],
)
def test_a_path_gives_way_before_its_value(width: int, said: str) -> None:
    assert words.reading("climate.temperature", 21.5, width) == said


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (40, "tele/plug/LWT = Online"),
        (15, "LWT = Online"),
        (11, "LWT = Onli…"),
    ],
)
def test_a_topic_gives_way_before_its_value(width: int, said: str) -> None:
    assert words.reading("tele/plug/LWT", "Online", width) == said


def test_a_reading_of_several_words_is_said_as_a_person_would() -> None:
    assert words.reading("bridge/state", {"state": "online"}, 30) == "bridge/state = state online"


def test_a_topic_may_end_with_an_empty_level() -> None:
    assert words.reading("front/door/", "open", 14) == "front/… = open"


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (14, "Küche/温度"),
        (9, "…che/温度"),
        (8, "…he/温度"),
        (4, "…度"),
        (1, "…"),
    ],
)
def test_a_path_is_cut_to_cells_of_the_screen(width: int, said: str) -> None:
    assert words.shorten_path("Küche/温度", width) == said


@given(st.text(), st.integers(1, 40))
def test_a_shortened_path_keeps_to_its_width(path: str, width: int) -> None:
    assert cell_len(words.shorten_path(words.one_line(path), width)) <= width


@given(st.lists(st.floats(-CHARTABLE, CHARTABLE)))
def test_a_sparkline_has_one_mark_a_value(values: list[float]) -> None:
    line = words.sparkline(values)
    assert len(line) == len(values)
    assert set(line) <= set(words.SPARKS)


@given(st.text())
def test_nothing_from_a_device_moves_the_cursor(text: str) -> None:
    assert words.one_line(text).isprintable()


@given(st.binary())
def test_a_hex_dump_holds_every_byte(data: bytes) -> None:
    payload = b"\xff" + data  # never text
    lines = words.raw(payload).splitlines()
    assert bytes.fromhex("".join(line[6:29] for line in lines)) == payload


def test_text_is_shown_as_it_came() -> None:
    assert words.raw(b'{"t": 21}\n') == '{"t": 21}\n'


@given(st.integers(-(2**63), 2**63))
def test_any_clock_of_a_device_can_be_shown(time_us: int) -> None:
    assert len(words.clock(time_us, None)) == 8


@pytest.mark.parametrize(
    ("microseconds", "said"),
    [(12_400, "12 ms"), (1_240_000, "1.2 s"), (61_000_000, "1 min"), (7_500_000_000, "2 h 5 min")],
)
def test_a_span_is_said_briefly(microseconds: int, said: str) -> None:
    assert words.span(microseconds) == said


def test_an_object_is_said_without_braces() -> None:
    assert words.gist({"temperature": 21.5, "fan": False}) == "temperature 21.5 · fan false"
