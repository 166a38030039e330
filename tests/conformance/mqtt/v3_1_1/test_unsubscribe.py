"""UNSUBSCRIBE and UNSUBACK (MQTT 3.1.1 §3.10, §3.11)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSUBSCRIBE = cases(
    LEVEL_3_1_1,
    Row(
        "no new messages after UNSUBACK",
        "MQTT-3.10.4-1 MQTT-3.10.4-2 MQTT-3.10.4-4 MQTT-2.3.1-7",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > UNSUBSCRIBE { abcd "t" }
        a < UNSUBACK { abcd }
        a > PUBLISH+qos1 { "t" 0002 'm' }
        a < PUBACK { 0002 }
        a quiet
        """,
    ),
    Row(
        "what is under way is brought to its end",
        "MQTT-3.10.4-3",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 'm' }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 'm' }
        a > UNSUBSCRIBE { 0002 "t" }
        a < UNSUBACK { 0002 }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 }
        """,
    ),
    Row(
        "what is under way is sent again after a break, too",
        "MQTT-3.10.4-3 MQTT-4.4.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 'm' }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 'm' }
        a > UNSUBSCRIBE { 0002 "t" }
        a < UNSUBACK { 0002 }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 'm' }
        a > PUBACK { 0001 }
        """,
    ),
    Row(
        "a filter that is not subscribed",
        "MQTT-3.10.4-5 MQTT-3.10.4-4",
        """
        a connects
        a > UNSUBSCRIBE { 0001 "t" }
        a < UNSUBACK { 0001 }
        """,
    ),
    Row(
        "only the same filter, letter by letter",
        "MQTT-3.10.4-1 MQTT-4.7.3-4",
        """
        a connects
        a > SUBSCRIBE { 0001 "t/u" 00 }
        a < SUBACK { 0001 00 }
        a > UNSUBSCRIBE { 0002 "#" "t/+" "T/u" "t/u/" "/t/u" }
        a < UNSUBACK { 0002 }
        a > PUBLISH { "t/u" 'm' }
        a < PUBLISH { "t/u" 'm' }
        """,
    ),
    Row(
        "a wildcard filter goes, the filter that it covers stays",
        "MQTT-3.10.4-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "#" 00 "t" 00 }
        a < SUBACK { 0001 00 00 }
        a > UNSUBSCRIBE { 0002 "#" }
        a < UNSUBACK { 0002 }
        a > PUBLISH { "u" 'no' } PUBLISH { "t" 'yes' }
        a < PUBLISH { "t" 'yes' }
        """,
    ),
    Row(
        "many filters, one UNSUBACK",
        "MQTT-3.10.4-6",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 "u" 00 "v" 00 }
        a < SUBACK { 0001 00 00 00 }
        a > UNSUBSCRIBE { 0002 "t" "nobody" "v" }
        a < UNSUBACK { 0002 }
        a > PUBLISH { "t" 'm' } PUBLISH { "v" 'm' } PUBLISH { "u" 'm' }
        a < PUBLISH { "u" 'm' }
        """,
    ),
    Row(
        "subscriptions of others are not touched",
        "MQTT-3.10.4-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        b connects
        b > UNSUBSCRIBE { 0001 "t" }
        b < UNSUBACK { 0001 }
        b > PUBLISH { "t" 'm' }
        a < PUBLISH { "t" 'm' }
        """,
    ),
)

VIOLATIONS = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"{packet} ({name})",
            f"{statements} MQTT-4.8.0-1",
            f"""
            a connects
            a > {packet}
            a end
            """,
        )
        for name, statements, packet in (
            ("no filter", "MQTT-3.10.3-2", "UNSUBSCRIBE { 0001 }"),
            ("packet id 0", "MQTT-2.3.1-1", 'UNSUBSCRIBE { 0000 "t" }'),
            ("no packet id", "MQTT-2.3.1-1", "UNSUBSCRIBE {}"),
            ("no UTF-8", "MQTT-3.10.3-1 MQTT-1.5.3-1", "UNSUBSCRIBE { 0001 [ ff ] }"),
            ("a filter cut short", "MQTT-3.10.3-1", "UNSUBSCRIBE { 0001 0003 't' }"),
            ("an empty filter", "MQTT-4.7.3-1", 'UNSUBSCRIBE { 0001 "" }'),
        )
    ),
)


@pytest.mark.parametrize("case", UNSUBSCRIBE)
async def test_unsubscribe(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", VIOLATIONS)
async def test_violations(case: Case, player: Player) -> None:
    await player.play(case)
