"""SUBSCRIBE, SUBACK and what a subscription brings (MQTT 3.1.1 §3.8, §3.9)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PUBLISHED = (
    "b > PUBLISH { \"t\" 'm' }",
    """
    b > PUBLISH+qos1 { "t" 0007 'm' }
    b < PUBACK { 0007 }
    """,
    """
    b > PUBLISH+qos2 { "t" 0007 'm' }
    b < PUBREC { 0007 }
    b > PUBREL { 0007 }
    b < PUBCOMP { 0007 }
    """,
)
_DELIVERED = (
    "a < PUBLISH { \"t\" 'm' }",
    """
    a < PUBLISH+qos1 { "t" 0001 'm' }
    a > PUBACK { 0001 }
    """,
    """
    a < PUBLISH+qos2 { "t" 0001 'm' }
    a > PUBREC { 0001 }
    a < PUBREL { 0001 }
    a > PUBCOMP { 0001 }
    """,
)

SUBSCRIBE = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"QoS {qos} is granted",
            "MQTT-3.8.4-1 MQTT-3.8.4-2 MQTT-3.8.4-5 MQTT-3.9.3-2 MQTT-2.3.1-7",
            f"""
            a connects
            a > SUBSCRIBE {{ abcd "t" 0{qos} }}
            a < SUBACK {{ abcd 0{qos} }}
            """,
        )
        for qos in (0, 1, 2)
    ),
    Row(
        "many filters, one SUBACK, codes in their order",
        "MQTT-3.8.4-4 MQTT-3.8.4-5 MQTT-3.9.3-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 02 "u/+" 00 "v/#" 01 "t" 00 }
        a < SUBACK { 0001 02 00 01 00 }
        """,
    ),
    Row(
        "a refusal stands in its place among the codes",
        "MQTT-3.9.3-1 MQTT-3.9.3-2 MQTT-3.8.4-5",
        """
        a > CONNECT { head c2 003c "a" guest }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "open/1" 01 "closed" 01 "open/+/2" 00 "#" 02 }
        a < SUBACK { 0001 01 80 00 80 }
        """,
    ),
    Row(
        "what was refused brings nothing",
        "MQTT-3.8.4-5 MQTT-3.3.2-3",
        """
        a > CONNECT { head c2 003c "a" guest }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "closed" 00 "open/#" 00 }
        a < SUBACK { 0001 80 00 }
        b connects
        b > PUBLISH { "closed" 'no' } PUBLISH { "open/door" 'yes' }
        a < PUBLISH { "open/door" 'yes' }
        """,
    ),
    Row(
        "filters with wildcards are served",
        "MQTT-3.8.3-2",
        """
        a connects
        a > SUBSCRIBE { 0001 "+/+" 00 "x/#" 00 }
        a < SUBACK { 0001 00 00 }
        a > PUBLISH { "t/u" 'm' } PUBLISH { "x/y/z" 'n' }
        a < PUBLISH { "t/u" 'm' } PUBLISH { "x/y/z" 'n' }
        """,
    ),
    Row(
        "the same filter again replaces: another QoS",
        "MQTT-3.8.4-3 MQTT-3.8.4-6",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > SUBSCRIBE { 0002 "t" 00 }
        a < SUBACK { 0002 00 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 'm' }
        b < PUBACK { 0001 }
        a < PUBLISH { "t" 'm' }
        """,
    ),
    Row(
        "the same filter twice in one packet: the later one counts",
        "MQTT-3.8.4-3 MQTT-3.8.4-4",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 "t" 01 }
        a < SUBACK { 0001 00 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 'm' }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 'm' }
        a > PUBACK { 0001 }
        """,
    ),
    Row(
        "replacing loses no message that is under way",
        "MQTT-3.8.4-3",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 'one' }
        b < PUBACK { 0001 }
        a > SUBSCRIBE { 0002 "t" 01 }
        a < PUBLISH+qos1 { "t" 0001 'one' } & SUBACK { 0002 01 }
        b > PUBLISH+qos1 { "t" 0002 'two' }
        b < PUBACK { 0002 }
        a < PUBLISH+qos1 { "t" 0002 'two' }
        a > PUBACK { 0001 } PUBACK { 0002 }
        """,
    ),
    Row(
        "subscribers of another session are not touched",
        "MQTT-3.8.4-3",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        b connects
        b > SUBSCRIBE { 0001 "t" 01 }
        b < SUBACK { 0001 01 }
        b > PUBLISH+qos1 { "t" 0002 'm' }
        b < PUBACK { 0002 } & PUBLISH+qos1 { "t" 0001 'm' }
        a < PUBLISH { "t" 'm' }
        b > PUBACK { 0001 }
        """,
    ),
    Row(
        "# in an access list does not stand for topics that begin with $",
        "MQTT-4.7.2-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "$SYS/#" 00 "+/x" 00 "$t/x" 00 }
        a < SUBACK { 0001 80 00 00 }
        """,
    ),
    *(
        Row(
            f"published with QoS {published}, granted QoS {granted}",
            "MQTT-3.8.4-6 MQTT-3.3.4-1",
            f"""
            a connects
            a > SUBSCRIBE {{ 0001 "t" 0{granted} }}
            a < SUBACK {{ 0001 0{granted} }}
            b connects
            {_PUBLISHED[published]}
            {_DELIVERED[min(published, granted)]}
            """,
        )
        for published in range(3)
        for granted in range(3)
    ),
    Row(
        "overlapping filters: one message with the highest QoS",
        "MQTT-3.3.5-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t/#" 00 "t/+" 02 "t/u" 01 }
        a < SUBACK { 0001 00 02 01 }
        b connects
        b > PUBLISH+qos2 { "t/u" 0001 'm' }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t/u" 0001 'm' }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 }
        """,
    ),
    Row(
        "a subscriber gets what its filters match, and nothing else",
        "MQTT-3.3.2-3",
        """
        a connects
        a > SUBSCRIBE { 0001 "t/u" 00 }
        a < SUBACK { 0001 00 }
        b connects
        b > PUBLISH { "t" '1' } PUBLISH { "t/u/v" '2' } PUBLISH { "u/t" '3' } PUBLISH { "t/u" '4' }
        a < PUBLISH { "t/u" '4' }
        """,
    ),
    Row(
        "everybody who subscribed gets it",
        "MQTT-4.5.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 }
        c connects
        c > SUBSCRIBE { 0001 "+" 00 }
        c < SUBACK { 0001 00 }
        c > PUBLISH { "t" 'm' }
        a < PUBLISH { "t" 'm' }
        b < PUBLISH { "t" 'm' }
        c < PUBLISH { "t" 'm' }
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
            ("no filter", "MQTT-3.8.3-3", "SUBSCRIBE { 0001 }"),
            ("packet id 0", "MQTT-2.3.1-1", 'SUBSCRIBE { 0000 "t" 00 }'),
            ("no packet id", "MQTT-2.3.1-1", "SUBSCRIBE {}"),
            ("QoS 3", "MQTT-3.8.3-4", 'SUBSCRIBE { 0001 "t" 03 }'),
            ("reserved bit 2", "MQTT-3.8.3-4", 'SUBSCRIBE { 0001 "t" 04 }'),
            ("reserved bit 3", "MQTT-3.8.3-4", 'SUBSCRIBE { 0001 "t" 09 }'),
            ("reserved bit 4", "MQTT-3.8.3-4", 'SUBSCRIBE { 0001 "t" 10 }'),
            ("reserved bit 7", "MQTT-3.8.3-4", 'SUBSCRIBE { 0001 "t" 80 }'),
            ("bad in the second place", "MQTT-3.8.3-4", 'SUBSCRIBE { 0001 "t" 00 "u" 03 }'),
            ("a filter without QoS", "MQTT-3.8.3-4", 'SUBSCRIBE { 0001 "t" }'),
            ("a filter cut short", "MQTT-3.8.3-1", "SUBSCRIBE { 0001 0003 't' }"),
            ("no UTF-8", "MQTT-3.8.3-1 MQTT-1.5.3-1", "SUBSCRIBE { 0001 [ ff ] 00 }"),
            ("an empty filter", "MQTT-4.7.3-1", 'SUBSCRIBE { 0001 "" 00 }'),
            ("U+0000", "MQTT-4.7.3-2", "SUBSCRIBE { 0001 [ 61 00 ] 00 }"),
            ("# before the end", "MQTT-4.7.1-2", 'SUBSCRIBE { 0001 "t/#/u" 00 }'),
            ("# inside a level", "MQTT-4.7.1-2", 'SUBSCRIBE { 0001 "t/u#" 00 }'),
            ("# twice", "MQTT-4.7.1-2", 'SUBSCRIBE { 0001 "##" 00 }'),
            ("+ behind a letter", "MQTT-4.7.1-3", 'SUBSCRIBE { 0001 "t+" 00 }'),
            ("+ before a letter", "MQTT-4.7.1-3", 'SUBSCRIBE { 0001 "t/+u" 00 }'),
            ("++", "MQTT-4.7.1-3", 'SUBSCRIBE { 0001 "++" 00 }'),
        )
    ),
)


@pytest.mark.parametrize("case", SUBSCRIBE)
async def test_subscribe(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", VIOLATIONS)
async def test_violations(case: Case, player: Player) -> None:
    await player.play(case)
