"""The handshakes of QoS 1 and 2, and DUP (MQTT 3.1.1 §3.3.1.1, §3.4 to §3.7, §4.3)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGAIN = cases(
    LEVEL_3_1_1,
    Row(
        "QoS 1: the same packet id is a new message, with DUP or without",
        "MQTT-4.3.2-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a connects
        a > PUBLISH+qos1 { "t" 0001 'one' }
        a < PUBACK { 0001 }
        a > PUBLISH+qos1 { "t" 0001 'two' }
        a < PUBACK { 0001 }
        a > PUBLISH+qos1+dup { "t" 0001 'three' }
        a < PUBACK { 0001 }
        b < PUBLISH { "t" 'one' } PUBLISH { "t" 'two' } PUBLISH { "t" 'three' }
        """,
    ),
    Row(
        "QoS 2: the same packet id is the same message until PUBREL",
        "MQTT-4.3.3-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a connects
        a > PUBLISH+qos2 { "t" 0001 'one' }
        a < PUBREC { 0001 }
        a > PUBLISH+qos2+dup { "t" 0001 'one' }
        a < PUBREC { 0001 }
        a > PUBLISH+qos2 { "t" 0001 'one' }
        a < PUBREC { 0001 }
        b < PUBLISH { "t" 'one' }
        b quiet
        a > PUBREL { 0001 }
        a < PUBCOMP { 0001 }
        a > PUBLISH+qos2 { "t" 0001 'two' }
        a < PUBREC { 0001 }
        b < PUBLISH { "t" 'two' }
        """,
    ),
    Row(
        "PUBREL is answered each time",
        "MQTT-4.3.3-2",
        """
        a connects
        a > PUBLISH+qos2 { "t" 0001 'm' }
        a < PUBREC { 0001 }
        a > PUBREL { 0001 }
        a < PUBCOMP { 0001 }
        a > PUBREL { 0001 }
        a < PUBCOMP { 0001 }
        """,
    ),
    Row(
        "PUBREL for a message that nobody knows",
        "MQTT-4.3.3-2",
        """
        a connects
        a > PUBREL { 1234 }
        a < PUBCOMP { 1234 }
        """,
    ),
    Row(
        "PUBREC for a message that nobody knows",
        "MQTT-4.3.3-1",
        """
        a connects
        a > PUBREC { 1234 }
        a < PUBREL { 1234 }
        """,
    ),
    Row(
        "PUBACK and PUBCOMP for messages that nobody knows",
        "MQTT-4.3.2-1 MQTT-4.3.3-1",
        """
        a connects
        a > PUBACK { 1234 } PUBCOMP { 1235 }
        a quiet
        """,
    ),
    Row(
        "PUBREC again is answered by PUBREL again",
        "MQTT-4.3.3-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0007 'm' }
        b < PUBREC { 0007 }
        a < PUBLISH+qos2 { "t" 0001 'm' }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 }
        """,
    ),
    Row(
        "client and hub number their messages apart",
        "MQTT-2.3.1-4 MQTT-4.3.2-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > PUBLISH+qos1 { "t" 0001 'one' }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0001 'one' }
        a > PUBLISH+qos1 { "t" 0001 'two' }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0002 'two' }
        a > PUBACK { 0001 } PUBACK { 0002 }
        """,
    ),
)

DUP = cases(
    LEVEL_3_1_1,
    Row(
        "DUP of the publisher does not reach subscribers",
        "MQTT-3.3.1-3 MQTT-4.3.2-1",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 01 }
        b < SUBACK { 0001 01 }
        a connects
        a > PUBLISH+qos1+dup { "t" 0001 'm' }
        a < PUBACK { 0001 }
        b < PUBLISH+qos1 { "t" 0001 'm' }
        b > PUBACK { 0001 }
        """,
    ),
    Row(
        "nor with QoS 2",
        "MQTT-3.3.1-3 MQTT-4.3.3-1",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 02 }
        b < SUBACK { 0001 02 }
        a connects
        a > PUBLISH+qos2+dup { "t" 0001 'm' }
        a < PUBREC { 0001 }
        b < PUBLISH+qos2 { "t" 0001 'm' }
        b > PUBREC { 0001 }
        b < PUBREL { 0001 }
        b > PUBCOMP { 0001 }
        """,
    ),
    Row(
        "DUP with QoS 0",
        "MQTT-3.3.1-2 MQTT-4.8.0-1",
        """
        a connects
        a > PUBLISH+dup { "t" 'm' }
        a end
        """,
    ),
)


@pytest.mark.parametrize("case", AGAIN)
async def test_again(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", DUP)
async def test_dup(case: Case, player: Player) -> None:
    await player.play(case)
