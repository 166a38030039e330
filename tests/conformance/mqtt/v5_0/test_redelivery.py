"""What is sent again when a client is back, and what is not (MQTT 5.0 §4.4)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENT_AGAIN = cases(
    LEVEL_5_0,
    Row(
        "QoS 1 without PUBACK: with DUP and the same id",
        "MQTT-4.4.0-1 MQTT-3.3.1-1 MQTT-4.3.2-3 MQTT-4.1.0-1",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} 'one' }
        b > PUBLISH+qos1 { "t" 0002 {} 'two' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        a < PUBLISH+qos1 { "t" 0001 {} 'one' }
        a < PUBLISH+qos1 { "t" 0002 {} 'two' }
        a > PUBACK { 0001 }
        a cut
        a returns
        a < PUBLISH+qos1+dup { "t" 0002 {} 'two' }
        a > PUBACK { 0002 }
        a quiet
        """,
    ),
    Row(
        "QoS 2 without PUBREC: with DUP and the same id",
        "MQTT-4.4.0-1 MQTT-3.3.1-1 MQTT-4.3.3-3",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 {} }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a cut
        a returns
        a < PUBLISH+qos2+dup { "t" 0001 {} }
        """,
    ),
    Row(
        "QoS 2 after PUBREC: PUBREL alone",
        "MQTT-4.4.0-1 MQTT-4.3.3-5 MQTT-4.3.3-6",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 {} }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a cut
        a returns
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 }
        a cut
        a returns
        a quiet
        """,
    ),
    Row(
        "not while the client is there",
        "MQTT-4.4.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 {} }
        wait 1.1 s
        a quiet
        """,
    ),
    Row(
        "not what was refused by PUBACK or PUBREC",
        "MQTT-4.4.0-2 MQTT-4.3.3-4",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} }
        b > PUBLISH+qos2 { "t" 0002 {} }
        b < PUBACK { 0001 } PUBREC { 0002 }
        a < PUBLISH+qos1 { "t" 0001 {} }
        a < PUBLISH+qos2 { "t" 0002 {} }
        a > PUBACK { 0001 80 } PUBREC { 0002 80 }
        a quiet
        a cut
        a returns
        a quiet
        """,
    ),
    Row(
        "what waited comes after what is sent again",
        "MQTT-4.4.0-1 MQTT-4.6.0-5",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} 'one' }
        b > PUBLISH+qos1 { "t" 0002 {} 'two' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        a < PUBLISH+qos1 { "t" 0001 {} 'one' }
        a < PUBLISH+qos1 { "t" 0002 {} 'two' }
        a cut
        b > PUBLISH+qos1 { "t" 0003 {} 'three' }
        b < PUBACK { 0003 }
        a returns
        a < PUBLISH+qos1+dup { "t" 0001 {} 'one' }
        a < PUBLISH+qos1+dup { "t" 0002 {} 'two' }
        a < PUBLISH+qos1 { "t" 0003 {} 'three' }
        """,
    ),
)


@pytest.mark.parametrize("case", SENT_AGAIN)
async def test_sent_again(case: Case, player: Player) -> None:
    await player.play(case)
