"""PUBLISH: flags, topic name, answers (MQTT 5.0 §3.3.1, §3.3.2.1, §3.3.4)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = cases(
    LEVEL_5_0,
    offence("QoS 3", "MQTT-3.3.1-4", 'PUBLISH+qos1+qos2 { "t" 0001 {} }'),
    offence("DUP at QoS 0", "MQTT-3.3.1-2", 'PUBLISH+dup { "t" {} }', "82"),
    offence("no topic name", "MQTT-3.3.2-1", "PUBLISH {}"),
    offence("a + in the topic name", "MQTT-3.3.2-2 MQTT-4.7.0-1", 'PUBLISH { "a/+" {} }', "90"),
    offence("a # in the topic name", "MQTT-3.3.2-2 MQTT-4.7.0-1", 'PUBLISH { "#" {} }', "90"),
    offence("an empty topic name", "MQTT-4.7.3-1", 'PUBLISH { "" {} }', "82"),
)
FLAGS = cases(
    LEVEL_5_0,
    Row(
        "a DUP that comes in does not go out",
        "MQTT-3.3.1-3 MQTT-4.3.2-2 MQTT-4.3.3-2",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos1+dup { "t" 0001 {} 'one' }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 {} 'one' }
        b > PUBLISH+qos2+dup { "t" 0002 {} 'two' }
        b < PUBREC { 0002 }
        a < PUBLISH+qos2 { "t" 0002 {} 'two' }
        """,
    ),
    Row(
        "every byte may stand in a payload",
        "MQTT-3.3.2-3",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "t" {} 00 0a c328 eda080 ff }
        a < PUBLISH { "t" {} 00 0a c328 eda080 ff }
        """,
    ),
    Row(
        "an empty payload",
        "MQTT-3.3.2-3",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "t" {} }
        a < PUBLISH { "t" {} }
        """,
    ),
)
ANSWER = cases(
    LEVEL_5_0,
    Row(
        "none at QoS 0",
        "MQTT-3.3.4-1 MQTT-4.3.1-1",
        """
        a connects
        a > PUBLISH { "t" {} }
        a quiet
        """,
    ),
    Row(
        "PUBACK at QoS 1",
        "MQTT-3.3.4-1 MQTT-2.2.1-5 MQTT-3.4.2-1 MQTT-4.3.2-4",
        """
        a connects
        a > PUBLISH+qos1 { "t" ffff {} }
        a < PUBACK { ffff }
        """,
    ),
    Row(
        "PUBREC at QoS 2",
        "MQTT-3.3.4-1 MQTT-2.2.1-5 MQTT-3.5.2-1 MQTT-4.3.3-8 MQTT-4.3.3-11 MQTT-3.7.2-1",
        """
        a connects
        a > PUBLISH+qos2 { "t" ffff {} }
        a < PUBREC { ffff }
        a > PUBREL { ffff }
        a < PUBCOMP { ffff }
        """,
    ),
    Row(
        "none of a refusal at QoS 0",
        "MQTT-3.3.4-1",
        """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > PUBLISH { "t" {} }
        a quiet
        """,
    ),
    Row(
        "a refusal at QoS 1",
        "MQTT-3.3.4-1 MQTT-3.4.2-1",
        """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > PUBLISH+qos1 { "t" 0001 {} }
        a < PUBACK { 0001 87 { reason-string "Not authorized" } }
        """,
    ),
    Row(
        "a refusal at QoS 2",
        "MQTT-3.3.4-1 MQTT-3.5.2-1",
        """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > PUBLISH+qos2 { "t" 0001 {} }
        a < PUBREC { 0001 87 { reason-string "Not authorized" } }
        """,
    ),
)
OVERLAP = cases(
    LEVEL_5_0,
    Row(
        "one copy at the highest QoS",
        "MQTT-3.3.4-2",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "a/#" 00 "a/+" 02 "a/b" 01 }
        a < SUBACK { 0001 {} 00 02 01 }
        b connects
        b > PUBLISH+qos2 { "a/b" 0001 {} }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "a/b" 0001 {} }
        """,
    ),
    Row(
        "with the identifiers of all",
        "MQTT-3.3.4-3 MQTT-3.3.4-4",
        """
        a connects
        a > SUBSCRIBE { 0001 { subscription-identifier 01 } "a/#" 00 }
        a < SUBACK { 0001 {} 00 }
        a > SUBSCRIBE { 0002 { subscription-identifier 02 } "a/+" 00 }
        a < SUBACK { 0002 {} 00 }
        a > SUBSCRIBE { 0003 {} "a/b" 00 }
        a < SUBACK { 0003 {} 00 }
        a > SUBSCRIBE { 0004 { subscription-identifier 04 } "c" 00 }
        a < SUBACK { 0004 {} 00 }
        b connects
        b > PUBLISH { "a/b" {} }
        a < PUBLISH { "a/b" { subscription-identifier 01 subscription-identifier 02 } }
        """,
    ),
    Row(
        "Retain As Published of one is enough",
        "MQTT-3.3.4-4 MQTT-3.3.1-13",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "a/#" 00 "a/b" 08 }
        a < SUBACK { 0001 {} 00 00 }
        b connects
        b > PUBLISH+retain { "a/b" {} 'kept' }
        a < PUBLISH+retain { "a/b" {} 'kept' }
        """,
    ),
    Row(
        "No Local of one does not silence the other",
        "MQTT-3.8.3-3 MQTT-3.3.4-2",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "a/#" 00 "a/b" 05 }
        a < SUBACK { 0001 {} 00 01 }
        a > PUBLISH+qos1 { "a/b" 0001 {} }
        a < PUBACK { 0001 } & PUBLISH { "a/b" {} }
        """,
    ),
)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FLAGS)
async def test_passed_on(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", ANSWER)
async def test_answer(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", OVERLAP)
async def test_overlapping_subscriptions(case: Case, player: Player) -> None:
    await player.play(case)
