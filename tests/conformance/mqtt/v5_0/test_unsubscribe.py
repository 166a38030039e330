"""UNSUBSCRIBE and UNSUBACK (MQTT 5.0 §3.10, §3.11)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = cases(
    LEVEL_5_0,
    offence("flags 0000", "MQTT-3.10.1-1", 'a0 { 0001 {} "t" }'),
    offence("flags 0011", "MQTT-3.10.1-1", 'a3 { 0001 {} "t" }'),
    offence("a filter that is not UTF-8", "MQTT-3.10.3-1", "UNSUBSCRIBE { 0001 {} [ c328 ] }"),
    offence("no filter", "MQTT-3.10.3-2", "UNSUBSCRIBE { 0001 {} }", "82"),
)
ANSWER = cases(
    LEVEL_5_0,
    Row(
        "the subscription ends",
        "MQTT-3.10.4-1 MQTT-3.10.4-2 MQTT-3.10.4-4 MQTT-3.10.4-5 MQTT-2.2.1-6 MQTT-3.11.3-2",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        a > UNSUBSCRIBE { 1234 {} "t" }
        a < UNSUBACK { 1234 {} 00 }
        a > PUBLISH+qos1 { "t" 0002 {} }
        a < PUBACK { 0002 }
        a quiet
        """,
    ),
    Row(
        "where there was none, that is told",
        "MQTT-3.10.4-5 MQTT-3.11.3-2",
        """
        a connects
        a > UNSUBSCRIBE { 0001 {} "t" }
        a < UNSUBACK { 0001 {} 11 }
        """,
    ),
    Row(
        "filters are compared letter by letter",
        "MQTT-3.10.4-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "a/b" 00 "a/+" 00 }
        a < SUBACK { 0001 {} 00 00 }
        a > UNSUBSCRIBE { 0002 {} "a/#" "a/B" "+/b" "a/b/" "$share/s/a/b" }
        a < UNSUBACK { 0002 {} 11 11 11 11 11 }
        a > UNSUBSCRIBE { 0003 {} "a/+" }
        a < UNSUBACK { 0003 {} 00 }
        a > PUBLISH { "a/b" {} }
        a < PUBLISH { "a/b" {} }
        """,
    ),
    Row(
        "a code for each filter, in their order",
        "MQTT-3.10.4-6 MQTT-3.11.3-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 "u" 00 }
        a < SUBACK { 0001 {} 00 00 }
        a > UNSUBSCRIBE { 0002 {} "t" "v" "u" "t" }
        a < UNSUBACK { 0002 {} 00 11 00 11 }
        """,
    ),
    Row(
        "neither reason string nor user properties, so there is always room",
        "MQTT-3.11.2-1 MQTT-3.11.2-2",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000020 } "a" login }
        a < accepted
        a > UNSUBSCRIBE { 0001 {} "t" }
        a < UNSUBACK { 0001 {} 11 }
        """,
    ),
)
UNDER_WAY = cases(
    LEVEL_5_0,
    Row(
        "a QoS 2 delivery is completed",
        "MQTT-3.10.4-3",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 {} }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a > UNSUBSCRIBE { 0002 {} "t" }
        a < UNSUBACK { 0002 {} 00 }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 }
        a quiet
        """,
    ),
    Row(
        "a delivery is sent again though its subscription is gone",
        "MQTT-3.10.4-3 MQTT-4.4.0-1",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 {} }
        a > UNSUBSCRIBE { 0002 {} "t" }
        a < UNSUBACK { 0002 {} 00 }
        a cut
        a returns
        a < PUBLISH+qos1+dup { "t" 0001 {} }
        """,
    ),
)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", ANSWER)
async def test_answer(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", UNDER_WAY)
async def test_under_way(case: Case, player: Player) -> None:
    await player.play(case)
