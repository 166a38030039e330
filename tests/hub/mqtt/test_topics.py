"""Topic names and filters, and the tree of filters."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub.mqtt.topics import (
    TopicTree,
    filter_covers,
    is_topic_filter,
    is_topic_name,
    topic_matches,
)

levels = st.sampled_from(["a", "b", "", "$s"])
names = st.lists(levels, min_size=1, max_size=4).map("/".join).filter(bool)


@st.composite
def filters(draw: st.DrawFn) -> str:
    parts = draw(st.lists(levels | st.just("+"), max_size=4))
    if not parts or draw(st.booleans()):
        parts.append(draw(st.sampled_from(["#", "a", "+"])))
    return "/".join(parts)


@pytest.mark.spec("MQTT-4.7.1-1")
@pytest.mark.parametrize(
    "topic_filter",
    ["a", "/", "+", "#", "a/#", "+/+", "/+", "a/+/b", "a//b", "$SYS/#", " ", "x" * 65_535],
)
def test_well_formed_filters(topic_filter: str) -> None:
    assert is_topic_filter(topic_filter)


@pytest.mark.spec("MQTT-4.7.1-2")
@pytest.mark.parametrize(
    "topic_filter", ["", "a#", "a/#/b", "#/", "a+", "+a/b", "a/b+", "a\0", "x" * 65_536, "##"]
)
def test_ill_formed_filters(topic_filter: str) -> None:
    assert not is_topic_filter(topic_filter)


@pytest.mark.spec("MQTT-4.7.3-1")
@pytest.mark.parametrize(
    ("topic_name", "good"),
    [("a", True), ("/", True), ("$x", True), ("", False), ("a/+", False), ("#", False)],
)
def test_topic_names(topic_name: str, good: bool) -> None:  # noqa: FBT001  # a table column
    assert is_topic_name(topic_name) is good


@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_the_length_of_a_topic_counts_bytes(character: str) -> None:
    most = 65_535 // len(character.encode())
    assert is_topic_name(character * most)
    assert not is_topic_name(character * (most + 1))


MATCHES = [
    ("a/b", "a/b"),
    ("a/#", "a"),
    ("a/#", "a/b/c"),
    ("a/+", "a/"),
    ("+/+", "/a"),
    ("/+", "/a"),
    ("#", "a/b"),
    ("$s/#", "$s/a"),
    ("$s/+", "$s/a"),
    ("a/+/#", "a/b"),
    ("+", "a"),
]
MISSES = [
    ("a/b", "a/B"),
    ("a/+", "a"),
    ("a/+", "a/b/c"),
    ("+", "/a"),
    ("#", "$s/a"),
    ("+/a", "$s/a"),
    ("a", "a/"),
    ("a/#", "ab"),
    ("a/+/#", "a"),
]


@pytest.mark.spec("MQTT-4.7.2-1")
@pytest.mark.parametrize(("topic_filter", "topic_name"), MATCHES)
def test_matches(topic_filter: str, topic_name: str) -> None:
    assert topic_matches(topic_filter, topic_name)


@pytest.mark.spec("MQTT-4.7.2-1")
@pytest.mark.parametrize(("topic_filter", "topic_name"), MISSES)
def test_misses(topic_filter: str, topic_name: str) -> None:
    assert not topic_matches(topic_filter, topic_name)


@pytest.mark.parametrize(
    "narrow",
    ["p/x/r", "p/x/r/+", "p/x/r/level", "p/x/r/#", "p/x/r/+/#", "p/x/r/a/b", "p/x/r/"],
)
def test_a_filter_covers_what_lies_inside(narrow: str) -> None:
    assert filter_covers("p/x/r/#", narrow)


@pytest.mark.parametrize("narrow", ["#", "p/#", "p/x/#", "p/+/r/#", "+/x/r", "p/x", "p/x/ra"])
def test_a_filter_does_not_cover_what_is_wider(narrow: str) -> None:
    assert not filter_covers("p/x/r/#", narrow)


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [
        ("#", "#", True),
        ("+/#", "#", True),
        ("#", "+", True),
        ("+", "#", False),
        ("#", "$SYS/#", False),
        ("+/a", "$SYS/a", False),
        ("$SYS/#", "$SYS/a", True),
        ("a/+", "a/#", False),
        ("a", "+", False),
    ],
)
def test_covering_at_the_borders(wide: str, narrow: str, covers: bool) -> None:  # noqa: FBT001  # a table column
    assert filter_covers(wide, narrow) is covers


@given(filters(), filters(), names)
def test_a_cover_matches_all_that_it_covers(wide: str, narrow: str, topic_name: str) -> None:
    if filter_covers(wide, narrow) and topic_matches(narrow, topic_name):
        assert topic_matches(wide, topic_name)


@given(filters())
def test_every_filter_covers_itself(topic_filter: str) -> None:
    assert filter_covers(topic_filter, topic_filter)


small_filters = (
    st.lists(st.sampled_from(["a", "+"]), max_size=3)
    .flatmap(lambda parts: st.sampled_from([parts, [*parts, "#"]]))
    .filter(bool)
    .map("/".join)
)
ALL_NAMES = ["/".join(name) for size in (1, 2, 3, 4, 5) for name in product("az", repeat=size)]


@given(small_filters, small_filters)
def test_covering_is_exactly_matching_every_name(wide: str, narrow: str) -> None:
    matched = [name for name in ALL_NAMES if topic_matches(narrow, name)]
    assert filter_covers(wide, narrow) is all(topic_matches(wide, name) for name in matched)


@given(st.lists(filters(), max_size=12), names)
def test_the_tree_finds_what_matching_one_by_one_finds(
    topic_filters: list[str], topic_name: str
) -> None:
    tree: TopicTree[int] = TopicTree()
    for number, topic_filter in enumerate(topic_filters):
        tree.add(topic_filter, number, number)
    expected = [
        number
        for number, topic_filter in enumerate(topic_filters)
        if topic_matches(topic_filter, topic_name)
    ]
    assert sorted(tree.match(topic_name)) == expected
    for number, topic_filter in enumerate(topic_filters):
        assert tree.remove(topic_filter, number)
    assert not tree


def test_the_same_key_under_the_same_filter_is_replaced() -> None:
    tree: TopicTree[str] = TopicTree()
    tree.add("a/+", "client", "old")
    tree.add("a/+", "client", "new")
    assert tree.match("a/b") == ["new"]


def test_removing_what_is_not_there_changes_nothing() -> None:
    tree: TopicTree[str] = TopicTree()
    tree.add("a/b", "client", "value")
    assert not tree.remove("a/b", "other")
    assert not tree.remove("a", "client")
    assert not tree.remove("a/b/c", "client")
    assert tree.match("a/b") == ["value"]


def test_a_topic_as_deep_as_topics_get() -> None:
    tree: TopicTree[str] = TopicTree()
    deep = "/" * 65_535
    tree.add(deep, "client", "value")
    tree.add("#", "client", "all")
    assert sorted(tree.match(deep)) == ["all", "value"]
    assert topic_matches(deep, deep)
    assert tree.remove(deep, "client")
    assert tree.match(deep) == ["all"]
