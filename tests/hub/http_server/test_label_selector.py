import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub.http_server.drogue.errors import InvalidRequestError
from leafhub.http_server.drogue.label_selector import PATTERN, parse

LABELS = {"zone": "eu", "floor": "1", "foo/bar": "baz", "empty": "", "0": "x"}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("zone", True),
        ("empty", True),
        ("city", False),
        ("!city", True),
        ("!zone", False),
        ("! city", True),  # before a key, blanks are allowed
        ("zone=eu", True),
        ("zone=us", False),
        ("zone = eu ", True),
        (" zone=eu", True),
        ("\tzone\t=\teu\t", True),
        ("zone!=us", True),
        ("zone !=us", True),
        ("zone!=eu", False),
        ("city!=eu", False),  # not there
        ("zone in (us, eu)", True),
        ("zone in (us,eu)", True),
        ("zone in(eu)", True),
        ("zone in ( eu , us )", True),
        ("zone in (us)", False),
        ("zone in ()", False),
        ("zone notin ()", True),
        ("zone notin (us, de)", True),
        ("zone notin (us, eu)", False),
        ("city notin (us)", False),  # not there
        ("foo/bar", True),
        ("foo/bar=baz", True),
        ("foo.baz/bar", False),
        ("0", True),
        ("0=x", True),
        ("zone,floor=1", True),
        ("zone,floor=2", False),
        ("zone, floor=1", True),
        ("zone = eu , floor", True),
        ("zone in (eu),floor", True),
        ("zone,!city,floor!=2,foo/bar in (baz)", True),
    ],
)
def test_selectors(text: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    assert parse(text).fits(LABELS) is fits


@pytest.mark.parametrize(
    "text",
    [
        "zone , floor",
        "zone in (eu) , floor",
        " !zone",
        "zone, !floor",
        "zone ",
        " ",
        ",",
        "zone,",
        ",zone",
        "zone,,floor",
        "zone==eu",
        "zone=",
        "zone = eu us",
        "zone=eu,us=",
        "!zone=eu",
        "!!zone",
        "zonein (eu)",
        "zone in",
        "zone in eu",
        "zone in (eu",
        "zone in (eu,)",
        "zone in ( )",
        "zone isin (eu)",
        "zone\nin (eu)",
        "foo/",
        "/bar",
        "foo/bar/baz",
        "foo-bar/baz",
        "0foo/bar",
        "-zone",
        "_zone",
        ".zone",
        "zöne",
        "zone=ü",
        "zone=٣",  # a digit, but none of ASCII's
        "zone,#",
    ],
)
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="no label selector"):
        parse(text)


def test_the_message_says_where_it_goes_wrong() -> None:
    with pytest.raises(InvalidRequestError, match="from character 5 on: 'zone , floor'"):
        parse("zone , floor")


@pytest.mark.parametrize(
    "text", ["a" * 60_000 + "#", "a in (" + "b," * 30_000, "a" + " " * 60_000]
)
def test_long_nonsense_costs_no_more_than_reading_it(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse(text)


PREFIX = st.from_regex(r"[A-Za-z][A-Za-z0-9.]{0,3}/\Z") | st.just("")
WORD = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,3}\Z")
KEY = st.sampled_from(["a", "b", "p.q/c"]) | st.builds("".join, st.tuples(PREFIX, WORD))
VALUE = st.sampled_from(["1", "2"]) | WORD
GAP = st.sampled_from(["", " ", "\t", "  "])
TERM = st.one_of(
    st.tuples(GAP, KEY),
    st.tuples(st.just("!"), GAP, KEY),
    st.tuples(GAP, KEY, GAP, st.sampled_from(["=", "!="]), GAP, VALUE, GAP),
    st.tuples(
        GAP,
        KEY,
        st.sampled_from([" in(", " in (", "\tnotin (", " notin("]),
        st.lists(st.builds("".join, st.tuples(GAP, VALUE, GAP)), max_size=3).map(",".join),
        st.just(")"),
    ),
).map("".join)
SELECTOR = st.lists(TERM, max_size=4).map(",".join)
DAMAGED = st.tuples(SELECTOR, st.integers(0, 40), st.text(" ,=!()ain/-", max_size=2)).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
)
NEARLY = st.text("ab1 ,=!()in/", max_size=12)


@given(SELECTOR | DAMAGED | NEARLY, st.dictionaries(KEY, VALUE, max_size=4))
def test_it_reads_and_selects_like_a_plain_reader(text: str, labels: dict[str, str]) -> None:
    expected = reference(text, labels)
    assert (re.search(PATTERN, text) is None) is (expected is None)
    if expected is None:
        with pytest.raises(InvalidRequestError):
            parse(text)
    else:
        assert parse(text).fits(labels) is expected


def reference(text: str, labels: Mapping[str, str]) -> bool | None:
    """The grammar read letter by letter, each form of a term in turn; ``None``: no selector."""
    if not text:
        return True
    verdicts: list[bool] = []
    rest = text
    while True:
        for form in (_set_term, _compared_term, _plain_term):
            read = form(rest, labels)
            if read is not None:
                break
        else:
            return None
        verdict, rest = read
        verdicts.append(verdict)
        if not rest:
            return all(verdicts)
        if not rest.startswith(","):
            return None
        rest = rest[1:]


def _word(text: str) -> tuple[str, str] | None:
    size = 0
    while (
        size < len(text)
        and text[size].isascii()
        and (text[size].isalnum() or (size and text[size] in "_-."))
    ):
        size += 1
    return (text[:size], text[size:]) if size else None


def _key(text: str) -> tuple[str, str] | None:
    text = text.lstrip(" \t")
    prefix, slash, rest = text.partition("/")
    if slash and re.fullmatch(r"[A-Za-z][A-Za-z0-9.]*", prefix):
        word = _word(rest)
        if word is not None:
            return f"{prefix}/{word[0]}", word[1]
    return _word(text)


def _value(text: str) -> tuple[str, str] | None:
    word = _word(text.lstrip(" \t"))
    return None if word is None else (word[0], word[1].lstrip(" \t"))


def _set_term(text: str, labels: Mapping[str, str]) -> tuple[bool, str] | None:
    key = _key(text)
    if key is None or key[1][:1] not in {" ", "\t"}:
        return None
    rest = key[1].lstrip(" \t")
    for operator in ("notin", "in"):
        if not rest.startswith(operator):
            continue
        inner = rest.removeprefix(operator).lstrip(" \t")
        if not inner.startswith("("):
            return None
        inner, values = inner[1:], set[str]()
        value = _value(inner)
        while value is not None:
            values.add(value[0])
            inner = value[1]
            value = _value(inner[1:]) if inner.startswith(",") else None
        if not inner.startswith(")"):
            return None
        there = labels.get(key[0])
        return there is not None and (there in values) is (operator == "in"), inner[1:]
    return None


def _compared_term(text: str, labels: Mapping[str, str]) -> tuple[bool, str] | None:
    key = _key(text)
    if key is None:
        return None
    rest = key[1].lstrip(" \t")
    for operator in ("!=", "="):
        if rest.startswith(operator):
            value = _value(rest.removeprefix(operator))
            if value is None:
                return None
            there = labels.get(key[0])
            return there is not None and (there == value[0]) is (operator == "="), value[1]
    return None


def _plain_term(text: str, labels: Mapping[str, str]) -> tuple[bool, str] | None:
    key = _key(text.removeprefix("!"))
    if key is None:
        return None
    return (key[0] in labels) is not text.startswith("!"), key[1]
