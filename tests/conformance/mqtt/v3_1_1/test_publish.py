"""PUBLISH from a client, and its handshakes (MQTT 3.1.1 §3.3 to §3.7, §4.3)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWERS = cases(
    LEVEL_3_1_1,
    Row(
        "QoS 0 is answered by nothing",
        "MQTT-3.3.4-1 MQTT-2.3.1-5 MQTT-4.3.1-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        a > PUBLISH { "t" 'm' }
        a < PUBLISH { "t" 'm' }
        a quiet
        """,
    ),
    Row(
        "QoS 1 is answered by PUBACK",
        "MQTT-3.3.4-1 MQTT-2.3.1-6 MQTT-4.3.2-2",
        """
        a connects
        a > PUBLISH+qos1 { "t" abcd 'm' }
        a < PUBACK { abcd }
        """,
    ),
    Row(
        "QoS 2 is answered by PUBREC, and PUBREL by PUBCOMP",
        "MQTT-3.3.4-1 MQTT-2.3.1-6 MQTT-4.3.3-2",
        """
        a connects
        a > PUBLISH+qos2 { "t" abcd 'm' }
        a < PUBREC { abcd }
        a > PUBREL { abcd }
        a < PUBCOMP { abcd }
        """,
    ),
    Row(
        "the packet id ffff",
        "MQTT-2.3.1-6",
        """
        a connects
        a > PUBLISH+qos1 { "t" ffff 'm' }
        a < PUBACK { ffff }
        a > PUBLISH+qos2 { "t" ffff 'm' }
        a < PUBREC { ffff }
        a > PUBREL { ffff }
        a < PUBCOMP { ffff }
        """,
    ),
    Row(
        "an empty message",
        "MQTT-3.3.4-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > PUBLISH { "t" }
        a < PUBLISH { "t" }
        a > PUBLISH+qos1 { "t" 0002 }
        a < PUBACK { 0002 } & PUBLISH+qos1 { "t" 0001 }
        a > PUBACK { 0001 }
        """,
    ),
    Row(
        "nobody subscribed: it is acknowledged all the same",
        "MQTT-3.3.4-1",
        """
        a connects
        a > PUBLISH+qos1 { "nobody" 0001 'm' } PUBLISH+qos2 { "nobody" 0002 'm' }
        a < PUBACK { 0001 } PUBREC { 0002 }
        a > PUBREL { 0002 }
        a < PUBCOMP { 0002 }
        """,
    ),
    Row(
        "PUBACKs and PUBRECs come in the order of the messages",
        "MQTT-4.6.0-2 MQTT-4.6.0-3",
        """
        a connects
        a > PUBLISH+qos1 { "t" 0009 } PUBLISH+qos1 { "u" 0003 } PUBLISH+qos1 { "t" 0007 }
        a < PUBACK { 0009 } PUBACK { 0003 } PUBACK { 0007 }
        a > PUBLISH+qos2 { "t" 0008 } PUBLISH+qos2 { "u" 0002 } PUBLISH+qos2 { "t" 0006 }
        a < PUBREC { 0008 } PUBREC { 0002 } PUBREC { 0006 }
        a > PUBREL { 0002 } PUBREL { 0006 } PUBREL { 0008 }
        a < PUBCOMP { 0002 } PUBCOMP { 0006 } PUBCOMP { 0008 }
        """,
    ),
    Row(
        "PUBRELs come in the order of the PUBRECs",
        "MQTT-4.6.0-4 MQTT-4.3.3-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 '1' } PUBLISH+qos2 { "t" 0002 '2' }
        b < PUBREC { 0001 } PUBREC { 0002 }
        a < PUBLISH+qos2 { "t" 0001 '1' } PUBLISH+qos2 { "t" 0002 '2' }
        a > PUBREC { 0002 } PUBREC { 0001 }
        a < PUBREL { 0002 } PUBREL { 0001 }
        a > PUBCOMP { 0001 } PUBCOMP { 0002 }
        """,
    ),
)

VIOLATIONS = cases(
    LEVEL_3_1_1,
    *(
        Row(
            name,
            statements,
            f"""
            b connects
            b > SUBSCRIBE {{ 0001 "#" 00 }}
            b < SUBACK {{ 0001 00 }}
            a connects
            a > {packet}
            a end
            b quiet
            """,
        )
        for name, statements, packet in (
            ("QoS 3", "MQTT-3.3.1-4 MQTT-4.8.0-1", "PUBLISH+qos1+qos2 { \"t\" 0001 'm' }"),
            ("QoS 1 and packet id 0", "MQTT-2.3.1-1", "PUBLISH+qos1 { \"t\" 0000 'm' }"),
            ("QoS 2 and packet id 0", "MQTT-2.3.1-1", "PUBLISH+qos2 { \"t\" 0000 'm' }"),
            ("QoS 1 without a packet id", "MQTT-2.3.1-1", 'PUBLISH+qos1 { "t" }'),
            ("half a packet id", "MQTT-2.3.1-1", 'PUBLISH+qos1 { "t" 00 }'),
            ("no topic name", "MQTT-3.3.2-1", "PUBLISH {}"),
            ("a topic name cut short", "MQTT-3.3.2-1", "PUBLISH { 0003 'ab' }"),
            ("an empty topic name", "MQTT-4.7.3-1", "PUBLISH { \"\" 'm' }"),
            ("# in a topic name", "MQTT-3.3.2-2 MQTT-4.7.1-1", "PUBLISH { \"t/#\" 'm' }"),
            ("+ in a topic name", "MQTT-3.3.2-2 MQTT-4.7.1-1", "PUBLISH { \"t/+/u\" 'm' }"),
            ("+ inside a level", "MQTT-3.3.2-2 MQTT-4.7.1-1", "PUBLISH { \"t+\" 'm' }"),
            ("a topic name of no UTF-8", "MQTT-3.3.2-1 MQTT-1.5.3-1", "PUBLISH { [ c3 ] 'm' }"),
            ("U+0000 in a topic name", "MQTT-4.7.3-2 MQTT-1.5.3-2", "PUBLISH { [ 61 00 ] 'm' }"),
            ("PUBACK and packet id 0", "", "PUBACK { 0000 }"),
            ("PUBACK without a packet id", "", "PUBACK {}"),
            ("PUBACK with more than 3.1.1 has", "", "PUBACK { 0001 00 }"),
            ("PUBREC and packet id 0", "", "PUBREC { 0000 }"),
            ("PUBREL and packet id 0", "", "PUBREL { 0000 }"),
            ("PUBREL with more than 3.1.1 has", "", "PUBREL { 0001 00 }"),
            ("PUBCOMP and packet id 0", "", "PUBCOMP { 0000 }"),
        )
    ),
    Row(
        "PUBREC for a QoS 1 message",
        "MQTT-4.3.2-1 MQTT-4.8.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0007 'm' }
        b < PUBACK { 0007 }
        a < PUBLISH+qos1 { "t" 0001 'm' }
        a > PUBREC { 0001 }
        a end
        """,
    ),
    Row(
        "PUBACK for a QoS 2 message",
        "MQTT-4.3.3-1 MQTT-4.8.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0007 'm' }
        b < PUBREC { 0007 }
        a < PUBLISH+qos2 { "t" 0001 'm' }
        a > PUBACK { 0001 }
        a end
        """,
    ),
)

FORBIDDEN = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"QoS {qos}: acknowledged, and goes nowhere",
            "MQTT-3.3.5-2",
            f"""
            b connects
            b > SUBSCRIBE {{ 0001 "#" 00 }}
            b < SUBACK {{ 0001 00 }}
            a > CONNECT {{ head c2 003c "a" guest }}
            a < CONNACK {{ 00 00 }}
            a > PUBLISH{flags} {{ "closed" {packet_id} 'm' }}
            {answer}
            a quiet
            b quiet
            """,
        )
        for qos, flags, packet_id, answer in (
            (0, "", "", ""),
            (1, "+qos1", "0001", "a < PUBACK { 0001 }"),
            (2, "+qos2", "0001", "a < PUBREC { 0001 }"),
        )
    ),
    Row(
        "a retained message that may not be sent is not kept",
        "MQTT-3.3.5-2",
        """
        a > CONNECT { head c2 003c "a" guest }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos1+retain { "closed" 0001 'm' }
        a < PUBACK { 0001 }
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 }
        b quiet
        """,
    ),
    Row(
        "what may be sent goes through",
        "MQTT-3.3.5-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c2 003c "a" guest }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos1 { "open/door" 0001 'm' }
        a < PUBACK { 0001 }
        b < PUBLISH { "open/door" 'm' }
        """,
    ),
)


@pytest.mark.parametrize("case", ANSWERS)
async def test_answers(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", VIOLATIONS)
async def test_violations(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FORBIDDEN)
async def test_forbidden(case: Case, player: Player) -> None:
    await player.play(case)
