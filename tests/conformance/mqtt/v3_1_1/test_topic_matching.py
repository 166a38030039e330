"""Matching (MQTT 3.1.1 §4.7) against a slow reference that is written as the standard tells it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from player import Player
from table import LEVEL_3_1_1, Case, Row

from leafhub.mqtt.topics import TopicTree, is_topic_filter, topic_matches

LEVELS = ("a", "b", "aa", "", " ", "A", "é", ".", "$t")
WILDCARDS = {"+": "[^/]*", "#": ".*"}


def reference(topic_filter: str, topic_name: str) -> bool:
    """Say whether the filter, as a regular expression, matches the whole topic name."""
    if topic_name.startswith("$") and topic_filter[0] in WILDCARDS:
        return False
    parts = [WILDCARDS.get(level) or re.escape(level) for level in topic_filter.split("/")]
    expression = "/".join(parts)
    if topic_filter == "#" or not topic_filter.endswith("/#"):
        return re.fullmatch(expression, topic_name, re.DOTALL) is not None
    parent = expression.removesuffix("/.*")
    return re.fullmatch(f"{parent}(/.*)?", topic_name, re.DOTALL) is not None


topic_names = st.lists(st.sampled_from(LEVELS), min_size=1, max_size=5).map("/".join).filter(bool)
topic_filters = st.builds(
    lambda levels, tail: "/".join([*levels, *tail]),
    st.lists(st.sampled_from((*LEVELS, "+", "+")), max_size=4),
    st.sampled_from(((), ("#",))),
).filter(is_topic_filter)


@pytest.mark.spec("MQTT-4.7.1-2")
@pytest.mark.spec("MQTT-4.7.1-3")
@pytest.mark.spec("MQTT-4.7.2-1")
@pytest.mark.spec("MQTT-4.7.3-4")
@given(topic_filters, topic_names)
def test_one_filter(topic_filter: str, topic_name: str) -> None:
    assert topic_matches(topic_filter, topic_name) is reference(topic_filter, topic_name)


@given(st.lists(topic_filters, unique=True, max_size=20), topic_names)
def test_many_filters(some_filters: list[str], topic_name: str) -> None:
    tree: TopicTree[str] = TopicTree()
    for topic_filter in some_filters:
        tree.add(topic_filter, topic_filter, topic_filter)
    assert sorted(tree.match(topic_name)) == sorted(
        topic_filter for topic_filter in some_filters if reference(topic_filter, topic_name)
    )


def script(filters: list[str], names: list[str]) -> str:
    """One client for each filter gets what the reference says, in the order of publishing."""
    lines = ["publisher connects"]
    for number, topic_filter in enumerate(filters):
        lines += [
            f"c{number} connects",
            f'c{number} > SUBSCRIBE {{ 0001 "{topic_filter}" 00 }}',
            f"c{number} < SUBACK {{ 0001 00 }}",
        ]
    lines += [f'publisher > PUBLISH {{ "{name}" }}' for name in names]
    for number, topic_filter in enumerate(filters):
        lines += [
            f'c{number} < PUBLISH {{ "{name}" }}'
            for name in names
            if reference(topic_filter, name)
        ]
    return "\n".join(lines)


@pytest.mark.spec("MQTT-4.7.1-2")
@pytest.mark.spec("MQTT-4.7.1-3")
@pytest.mark.spec("MQTT-4.7.2-1")
@pytest.mark.spec("MQTT-4.7.3-4")
@pytest.mark.spec("MQTT-3.3.2-3")
@pytest.mark.asyncio(loop_scope="module")
@settings(max_examples=20, deadline=None)
@given(
    st.lists(topic_filters, unique=True, min_size=1, max_size=6),
    st.lists(topic_names, min_size=1, max_size=12),
)
async def test_through_the_hub(player: Player, filters: list[str], names: list[str]) -> None:
    await player.play(Case(Row("drawn", "", script(filters, names)), LEVEL_3_1_1))


@pytest.mark.spec("MQTT-4.7.2-1")
@pytest.mark.spec("MQTT-3.3.2-3")
@pytest.mark.asyncio(loop_scope="module")
@settings(max_examples=20, deadline=None)
@given(topic_filters, st.lists(topic_names, unique=True, min_size=1, max_size=4))
async def test_what_is_retained(player: Player, topic_filter: str, names: list[str]) -> None:
    lines = ["a connects"]
    for name in names:
        lines += [f"a > PUBLISH+qos1+retain {{ \"{name}\" 0001 'm' }}", "a < PUBACK { 0001 }"]
    answers = ["SUBACK { 0002 00 }"]
    answers += [
        f"PUBLISH+retain {{ \"{name}\" 'm' }}" for name in names if reference(topic_filter, name)
    ]
    lines += [f'a > SUBSCRIBE {{ 0002 "{topic_filter}" 00 }}', f"a < {' & '.join(answers)}"]
    await player.play(Case(Row("drawn", "", "\n".join(lines)), LEVEL_3_1_1))
