"""Topic names and topic filters (MQTT 5.0 §4.7)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")


def matching(topic_filter: str, topic_name: str, statements: str) -> Row:
    """Make a row: who subscribed to the filter gets what is published to the name."""
    return Row(
        f"{topic_filter} gets {topic_name}",
        f"{statements} MQTT-3.3.2-3",
        f"""
        a connects
        a > SUBSCRIBE {{ 0001 {{}} "{topic_filter}" 00 }}
        a < SUBACK {{ 0001 {{}} 00 }}
        a > PUBLISH {{ "{topic_name}" {{}} }}
        a < PUBLISH {{ "{topic_name}" {{}} }}
        """,
    )


def apart(topic_filter: str, topic_name: str, statements: str) -> Row:
    """Make a row: who subscribed to the filter gets nothing that is published to the name."""
    return Row(
        f"{topic_filter} does not get {topic_name}",
        f"{statements} MQTT-3.3.2-3",
        f"""
        a connects
        a > SUBSCRIBE {{ 0001 {{}} "{topic_filter}" 00 }}
        a < SUBACK {{ 0001 {{}} 00 }}
        a > PUBLISH {{ "{topic_name}" {{}} }}
        a quiet
        """,
    )


FILTERS = cases(
    LEVEL_5_0,
    *(
        offence(
            f"no filter: {topic_filter!r}",
            statements,
            f'SUBSCRIBE {{ 0001 {{}} "{topic_filter}" 00 }}',
            "81",
        )
        for topic_filter, statements in (
            ("a#", "MQTT-4.7.1-1"),
            ("a/#/b", "MQTT-4.7.1-1"),
            ("#/a", "MQTT-4.7.1-1"),
            ("##", "MQTT-4.7.1-1"),
            ("a+", "MQTT-4.7.1-2"),
            ("+a/b", "MQTT-4.7.1-2"),
            ("a/b+/c", "MQTT-4.7.1-2"),
            ("++", "MQTT-4.7.1-2"),
            ("", "MQTT-4.7.3-1"),
        )
    ),
    offence("no filter to unsubscribe from", "MQTT-4.7.1-1", 'UNSUBSCRIBE { 0001 {} "a#" }'),
)
MATCHING = cases(
    LEVEL_5_0,
    matching("a/b/#", "a/b", "MQTT-4.7.1-1"),
    matching("a/b/#", "a/b/c", "MQTT-4.7.1-1"),
    matching("a/b/#", "a/b/c/d/e", "MQTT-4.7.1-1"),
    matching("#", "a/b", "MQTT-4.7.1-1"),
    matching("#", "/a", "MQTT-4.7.1-1"),
    apart("a/b/#", "a/bc", "MQTT-4.7.1-1"),
    apart("a/b/#", "a", "MQTT-4.7.1-1"),
    matching("a/+/c", "a/b/c", "MQTT-4.7.1-2"),
    matching("a/+", "a/", "MQTT-4.7.1-2"),
    matching("+/+", "/a", "MQTT-4.7.1-2"),
    matching("/+", "/a", "MQTT-4.7.1-2"),
    matching("+/b/#", "a/b/c", "MQTT-4.7.1-1 MQTT-4.7.1-2"),
    apart("a/+", "a", "MQTT-4.7.1-2"),
    apart("a/+", "a/b/c", "MQTT-4.7.1-2"),
    apart("+", "/a", "MQTT-4.7.1-2"),
    apart("#", "$t/b", "MQTT-4.7.2-1"),
    apart("+/b", "$t/b", "MQTT-4.7.2-1"),
    matching("$t/#", "$t/b", "MQTT-4.7.2-1"),
    matching("$t/+", "$t/b", "MQTT-4.7.2-1"),
    matching("a/+", "a/$b", "MQTT-4.7.2-1"),
    apart("a/b", "A/b", "MQTT-4.7.3-4"),
    apart("a/b", "a//b", "MQTT-4.7.3-4"),
    apart("a/b", "a/b/", "MQTT-4.7.3-4"),
    apart("a/b", "a/b ", "MQTT-4.7.3-4"),
    apart("\N{LATIN SMALL LETTER E WITH ACUTE}", "e\N{COMBINING ACUTE ACCENT}", "MQTT-4.7.3-4"),
    matching("a b/\N{THERMOMETER}", "a b/\N{THERMOMETER}", "MQTT-4.7.3-4"),
    matching("/", "/", "MQTT-4.7.3-1"),
    matching("a", "a", "MQTT-4.7.3-1"),
)
LENGTH = cases(
    LEVEL_5_0,
    Row(
        "65,535 bytes",
        "MQTT-4.7.3-3",
        """
        a connects
        a > SUBSCRIBE { 0001 {} [ 'x'*65535 ] 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { [ 'x'*65535 ] {} }
        a < PUBLISH { [ 'x'*65535 ] {} }
        """,
    ),
)


@pytest.mark.parametrize("case", FILTERS)
async def test_filter(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", MATCHING)
async def test_matching(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", LENGTH)
async def test_length(case: Case, player: Player) -> None:
    await player.play(case)
