"""Topic names and topic filters (MQTT 3.1.1 §4.7)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

_MATCHING = (
    ("#", "MQTT-4.7.1-2", ("t", "t/u", "/", "/t", "t/", "//"), ("$t", "$t/u", "$")),
    ("t/#", "MQTT-4.7.1-2", ("t", "t/", "t/u", "t/u/v", "t//"), ("tt", "T/u", "/t/u", "u/t")),
    ("t/u/#", "MQTT-4.7.1-2", ("t/u", "t/u/v/w"), ("t", "t/uu", "t//u")),
    ("/#", "MQTT-4.7.1-2", ("/", "/t", "//", "/t/u"), ("t", "t/")),
    ("+", "MQTT-4.7.1-3", ("t", " "), ("t/u", "/t", "t/", "/", "$t")),
    ("+/+", "MQTT-4.7.1-3", ("t/u", "/t", "t/", "/"), ("t", "t/u/v", "//", "$t/u")),
    ("/+", "MQTT-4.7.1-3", ("/t", "/"), ("t", "t/u", "/t/u")),
    ("+/", "MQTT-4.7.1-3", ("t/", "/"), ("t", "/t")),
    ("t/+", "MQTT-4.7.1-3", ("t/u", "t/"), ("t", "t/u/v", "t/u/")),
    ("t/+/v", "MQTT-4.7.1-3", ("t/u/v", "t//v"), ("t/v", "t/u/v/", "t/u/w", "t/u/x/v")),
    ("+/u/#", "MQTT-4.7.1-2 MQTT-4.7.1-3", ("t/u", "t/u/v", "/u/"), ("u", "$t/u", "t/v/u")),
    ("+/+/+", "MQTT-4.7.1-3", ("t/u/v", "//"), ("t/u", "t/u/v/w", "$t/u/v")),
    ("#", "MQTT-4.7.2-1", ("t$/u", "t/$u"), ("$t", "$SYS/broker/uptime")),
    ("$t/#", "MQTT-4.7.2-1", ("$t", "$t/u"), ("t/u", "t/$t", "$tt/u")),
    ("$t/+", "MQTT-4.7.2-1", ("$t/u",), ("$t", "$t/u/v")),
    ("t", "MQTT-4.7.3-4", ("t",), ("T", "t/", "/t", " t", "t ", "tt")),
    ("/t", "MQTT-4.7.3-4", ("/t",), ("t", "//t", "/t/")),
    ("t//u", "MQTT-4.7.3-4", ("t//u",), ("t/u", "t///u")),
    ("/", "MQTT-4.7.3-1 MQTT-4.7.3-4", ("/",), ("//", "t", "t/")),
    ("two words/ and more", "MQTT-4.7.3-4", ("two words/ and more",), ("twowords/andmore",)),
    ("t/../u", "MQTT-4.7.3-4", ("t/../u",), ("u", "t/u")),
    ("caf\u00e9", "MQTT-4.7.3-4", ("caf\u00e9",), ("cafe\u0301", "cafe", "CAF\u00c9")),
    ("\u212b", "MQTT-4.7.3-4", ("\u212b",), ("\u00c5", "A\u030a")),
    ("t*", "MQTT-4.7.3-4", ("t*",), ("tt", "t")),
)
"""Filter, statements, topic names that it matches, and others that it does not match."""


def _script(topic_filter: str, matched: tuple[str, ...], others: tuple[str, ...]) -> str:
    others_first = " ".join(f"PUBLISH {{ \"{name}\" 'no' }}" for name in others)
    then = " ".join(f"PUBLISH {{ \"{name}\" 'yes' }}" for name in matched)
    return f"""
    a connects
    a > SUBSCRIBE {{ 0001 "{topic_filter}" 00 }}
    a < SUBACK {{ 0001 00 }}
    b connects
    b > {others_first} {then}
    a < {then}
    """


MATCHING = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"{topic_filter!a} gets {', '.join(map(ascii, matched))}",
            f"{statements} MQTT-3.3.2-3",
            _script(topic_filter, matched, others),
        )
        for topic_filter, statements, matched, others in _MATCHING
    ),
)

LENGTHS = cases(
    LEVEL_3_1_1,
    Row(
        "a topic name of one character",
        "MQTT-4.7.3-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        a > PUBLISH { "t" 'm' }
        a < PUBLISH { "t" 'm' }
        """,
    ),
    Row(
        "topic name and filter of 65,535 bytes",
        "MQTT-4.7.3-3",
        """
        a connects
        a > SUBSCRIBE { 0001 [ 't'*65535 ] 00 }
        a < SUBACK { 0001 00 }
        a > PUBLISH { [ 't'*65535 ] 'm' }
        a < PUBLISH { [ 't'*65535 ] 'm' }
        """,
    ),
    Row(
        "a hundred levels",
        "MQTT-4.7.1-3",
        """
        a connects
        a > SUBSCRIBE { 0001 [ '+/'*99 '+' ] 00 }
        a < SUBACK { 0001 00 }
        a > PUBLISH { [ 't/'*99 't' ] 'm' }
        a < PUBLISH { [ 't/'*99 't' ] 'm' }
        """,
    ),
    *(
        Row(
            f"more than 128 levels in {packet.split()[0]}",
            "MQTT-4.7.3-3",
            f"""
            a connects
            a > {packet}
            a end
            """,
        )
        for packet in (
            "PUBLISH { [ 't/'*128 't' ] }",
            "SUBSCRIBE { 0001 [ '+/'*128 '+' ] 00 }",
            "UNSUBSCRIBE { 0001 [ '+/'*128 '+' ] }",
        )
    ),
)


@pytest.mark.parametrize("case", MATCHING)
async def test_matching(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", LENGTHS)
async def test_lengths(case: Case, player: Player) -> None:
    await player.play(case)
