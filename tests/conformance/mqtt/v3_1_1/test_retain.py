"""Retained messages (MQTT 3.1.1 §3.3.1.3)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

RETAIN = cases(
    LEVEL_3_1_1,
    Row(
        "a new subscription gets it, with RETAIN 1",
        "MQTT-3.3.1-5 MQTT-3.3.1-6 MQTT-3.3.1-8",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        b connects
        b > SUBSCRIBE { 0001 "t" 01 }
        b < SUBACK { 0001 01 } & PUBLISH+qos1+retain { "t" 0001 'kept' }
        b > PUBACK { 0001 }
        """,
    ),
    *(
        Row(
            f"kept with QoS {kept}, subscribed with QoS {granted}",
            "MQTT-3.3.1-5 MQTT-3.3.1-6 MQTT-3.8.4-6",
            f"""
            a connects
            a > {publish}
            {answer}
            b connects
            b > SUBSCRIBE {{ 0001 "t" 0{granted} }}
            b < SUBACK {{ 0001 0{granted} }} & {message}
            """,
        )
        for kept, publish, answer, granted, message in (
            (0, "PUBLISH+retain { \"t\" 'm' }", "a quiet", 2, "PUBLISH+retain { \"t\" 'm' }"),
            (
                1,
                "PUBLISH+qos1+retain { \"t\" 0007 'm' }",
                "a < PUBACK { 0007 }",
                0,
                "PUBLISH+retain { \"t\" 'm' }",
            ),
            (
                1,
                "PUBLISH+qos1+retain { \"t\" 0007 'm' }",
                "a < PUBACK { 0007 }",
                2,
                "PUBLISH+qos1+retain { \"t\" 0001 'm' }",
            ),
            (
                2,
                "PUBLISH+qos2+retain { \"t\" 0007 'm' }",
                "a < PUBREC { 0007 }",
                1,
                "PUBLISH+qos1+retain { \"t\" 0001 'm' }",
            ),
            (
                2,
                "PUBLISH+qos2+retain { \"t\" 0007 'm' }",
                "a < PUBREC { 0007 }",
                2,
                "PUBLISH+qos2+retain { \"t\" 0001 'm' }",
            ),
        )
    ),
    Row(
        "the last one of each topic that matches",
        "MQTT-3.3.1-6 MQTT-3.3.1-5",
        """
        a connects
        a > PUBLISH+qos1+retain { "t/1" 0001 'old' } PUBLISH+qos1+retain { "t/1" 0002 'new' }
        a < PUBACK { 0001 } PUBACK { 0002 }
        a > PUBLISH+qos1+retain { "t/2" 0003 'other' } PUBLISH+qos1+retain { "u" 0004 'no' }
        a < PUBACK { 0003 } PUBACK { 0004 }
        b connects
        b > SUBSCRIBE { 0001 "t/+" 00 }
        b < SUBACK { 0001 00 } & PUBLISH+retain { "t/1" 'new' } & PUBLISH+retain { "t/2" 'other' }
        """,
    ),
    Row(
        "a subscription that is there gets RETAIN 0",
        "MQTT-3.3.1-9",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'm' }
        a < PUBACK { 0001 }
        b < PUBLISH { "t" 'm' }
        """,
    ),
    Row(
        "a QoS 0 message takes the place of one with QoS 1",
        "MQTT-3.3.1-7",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'old' }
        a < PUBACK { 0001 }
        a > PUBLISH+retain { "t" 'new' }
        a quiet
        b connects
        b > SUBSCRIBE { 0001 "t" 01 }
        b < SUBACK { 0001 01 } & PUBLISH+retain { "t" 'new' }
        """,
    ),
    Row(
        "an empty one goes to subscribers and removes what was kept",
        "MQTT-3.3.1-10 MQTT-3.3.1-11",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 } & PUBLISH+retain { "t" 'kept' }
        a > PUBLISH+qos1+retain { "t" 0002 }
        a < PUBACK { 0002 }
        b < PUBLISH { "t" }
        c connects
        c > SUBSCRIBE { 0001 "t" 00 }
        c < SUBACK { 0001 00 }
        c quiet
        """,
    ),
    Row(
        "an empty one is not kept",
        "MQTT-3.3.1-11",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 }
        a < PUBACK { 0001 }
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 }
        b quiet
        """,
    ),
    Row(
        "RETAIN 0 keeps nothing and replaces nothing",
        "MQTT-3.3.1-12",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        a > PUBLISH+qos1 { "t" 0002 'passing' } PUBLISH+qos1 { "u" 0003 'passing' }
        a < PUBACK { 0002 } PUBACK { 0003 }
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 } & PUBLISH+retain { "t" 'kept' }
        b quiet
        """,
    ),
    Row(
        "an empty message with RETAIN 0 removes nothing",
        "MQTT-3.3.1-12",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        a > PUBLISH+qos1 { "t" 0002 }
        a < PUBACK { 0002 }
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 } & PUBLISH+retain { "t" 'kept' }
        """,
    ),
    Row(
        "subscribing again brings it again",
        "MQTT-3.8.4-3 MQTT-3.3.1-6",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        a > SUBSCRIBE { 0002 "t" 00 }
        a < SUBACK { 0002 00 } & PUBLISH+retain { "t" 'kept' }
        a > SUBSCRIBE { 0003 "t" 00 }
        a < SUBACK { 0003 00 } & PUBLISH+retain { "t" 'kept' }
        """,
    ),
    Row(
        "coming back to a session does not",
        "MQTT-3.3.1-6",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        a > SUBSCRIBE { 0002 "t" 00 }
        a < SUBACK { 0002 00 } & PUBLISH+retain { "t" 'kept' }
        a > DISCONNECT {}
        a end
        a returns
        a quiet
        """,
    ),
    Row(
        "each filter of one SUBSCRIBE brings its own",
        "MQTT-3.3.1-6 MQTT-3.8.4-4",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        a > SUBSCRIBE { 0002 "t" 00 "+" 00 }
        a < SUBACK { 0002 00 00 } & PUBLISH+retain { "t" 'kept' } & PUBLISH+retain { "t" 'kept' }
        """,
    ),
    Row(
        "what a client may not see is not shown to it",
        "MQTT-3.3.1-6",
        """
        a connects
        a > PUBLISH+qos1+retain { "closed" 0001 'm' } PUBLISH+qos1+retain { "open/door" 0002 'm' }
        a < PUBACK { 0001 } PUBACK { 0002 }
        b > CONNECT { head c2 003c "b" guest }
        b < CONNACK { 00 00 }
        b > SUBSCRIBE { 0001 "open/#" 00 }
        b < SUBACK { 0001 00 } & PUBLISH+retain { "open/door" 'm' }
        """,
    ),
    Row(
        "topics that begin with $ are kept from wildcards",
        "MQTT-4.7.2-1 MQTT-3.3.1-6",
        """
        a connects
        a > PUBLISH+qos1+retain { "$t/x" 0001 'm' }
        a < PUBACK { 0001 }
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 }
        b > SUBSCRIBE { 0002 "+/x" 00 }
        b < SUBACK { 0002 00 }
        b quiet
        b > SUBSCRIBE { 0003 "$t/#" 00 }
        b < SUBACK { 0003 00 } & PUBLISH+retain { "$t/x" 'm' }
        """,
    ),
    Row(
        "a handed-on one is acknowledged and sent again as any",
        "MQTT-4.4.0-1 MQTT-3.3.1-1 MQTT-3.3.1-8",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        a > SUBSCRIBE { 0002 "t" 01 }
        a < SUBACK { 0002 01 } & PUBLISH+qos1+retain { "t" 0001 'kept' }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1+dup+retain { "t" 0001 'kept' }
        a > PUBACK { 0001 }
        """,
    ),
)


@pytest.mark.parametrize("case", RETAIN)
async def test_retain(case: Case, player: Player) -> None:
    await player.play(case)
