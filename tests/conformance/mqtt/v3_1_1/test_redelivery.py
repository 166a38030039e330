"""What is sent again after a break (MQTT 3.1.1 §4.3, §4.4, §4.6)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENT_AGAIN = cases(
    LEVEL_3_1_1,
    Row(
        "a QoS 1 PUBLISH without PUBACK",
        "MQTT-4.4.0-1 MQTT-3.3.1-1 MQTT-4.3.2-1 MQTT-3.3.1-3 MQTT-2.3.1-4",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0007 'm' }
        b < PUBACK { 0007 }
        a < PUBLISH+qos1 { "t" 0001 'm' }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 'm' }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 'm' }
        a > PUBACK { 0001 } DISCONNECT {}
        a end
        a returns
        a quiet
        """,
    ),
    Row(
        "a QoS 2 PUBLISH without PUBREC",
        "MQTT-4.4.0-1 MQTT-3.3.1-1 MQTT-4.3.3-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        a > PUBLISH+qos2 { "t" 0007 'm' }
        a < PUBREC { 0007 } & PUBLISH+qos2 { "t" 0001 'm' }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos2+dup { "t" 0001 'm' }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 } PUBREL { 0007 }
        a < PUBCOMP { 0007 }
        """,
    ),
    Row(
        "a PUBREL without PUBCOMP, and never the PUBLISH before it",
        "MQTT-4.4.0-1 MQTT-4.3.3-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0007 'm' }
        b < PUBREC { 0007 }
        b > PUBREL { 0007 }
        b < PUBCOMP { 0007 }
        a < PUBLISH+qos2 { "t" 0001 'm' }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBREL { 0001 }
        a > PUBCOMP { 0001 } DISCONNECT {}
        a end
        a returns
        a quiet
        """,
    ),
    Row(
        "all that is under way, in the order of the first time",
        "MQTT-4.6.0-1 MQTT-4.4.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 '1' } PUBLISH+qos1 { "t" 0002 '2' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        b > PUBLISH+qos2 { "t" 0003 '3' } PUBLISH+qos1 { "t" 0004 '4' }
        b < PUBREC { 0003 } PUBACK { 0004 }
        a < PUBLISH+qos1 { "t" 0001 '1' } PUBLISH+qos1 { "t" 0002 '2' }
        a < PUBLISH+qos2 { "t" 0003 '3' } PUBLISH+qos1 { "t" 0004 '4' }
        a > PUBACK { 0002 }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 '1' }
        a < PUBLISH+qos2+dup { "t" 0003 '3' } PUBLISH+qos1+dup { "t" 0004 '4' }
        a > PUBACK { 0001 } PUBREC { 0003 } PUBACK { 0004 }
        a < PUBREL { 0003 }
        a > PUBCOMP { 0003 }
        """,
    ),
    Row(
        "what is under way goes before what waited, which was not sent before",
        "MQTT-3.3.1-3 MQTT-4.6.0-6",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 'sent' }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 'sent' }
        a cut
        b > PUBLISH+qos1 { "t" 0002 'waits' }
        b < PUBACK { 0002 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 }
        a < PUBLISH+qos1+dup { "t" 0001 'sent' } PUBLISH+qos1 { "t" 0002 'waits' }
        a > PUBACK { 0001 } PUBACK { 0002 }
        """,
    ),
    Row(
        "a QoS 0 message is not",
        "MQTT-4.3.1-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        a > PUBLISH { "t" 'm' }
        a < PUBLISH { "t" 'm' }
        a cut
        a returns
        a quiet
        """,
    ),
    Row(
        "on a connection that stays nothing is",
        "MQTT-4.3.2-1 MQTT-4.4.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > PUBLISH+qos1 { "t" 0001 'm' }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0001 'm' }
        wait 2 s
        a quiet
        """,
    ),
    Row(
        "take-over brings it, too",
        "MQTT-4.4.0-1 MQTT-3.1.4-2",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > PUBLISH+qos1 { "t" 0001 'm' }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0001 'm' }
        b > CONNECT { head c0 003c "a" login }
        b < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 'm' }
        a end
        b > PUBACK { 0001 }
        """,
    ),
)

FROM_THE_CLIENT = cases(
    LEVEL_3_1_1,
    Row(
        "a QoS 2 PUBLISH that comes again after a break is delivered once",
        "MQTT-4.3.3-2 MQTT-3.1.2-4 MQTT-4.4.0-1",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos2 { "t" 0007 'm' }
        a < PUBREC { 0007 }
        b < PUBLISH { "t" 'm' }
        a cut
        a returns
        a > PUBLISH+qos2+dup { "t" 0007 'm' }
        a < PUBREC { 0007 }
        b quiet
        a > PUBREL { 0007 }
        a < PUBCOMP { 0007 }
        """,
    ),
    Row(
        "a PUBREL that comes after a break",
        "MQTT-4.3.3-2 MQTT-4.4.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos2 { "t" 0007 'm' }
        a < PUBREC { 0007 }
        a cut
        a returns
        a > PUBREL { 0007 }
        a < PUBCOMP { 0007 }
        """,
    ),
    Row(
        "with a new session the same packet id is a new message",
        "MQTT-3.1.2-6",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos2 { "t" 0007 'one' }
        a < PUBREC { 0007 }
        b < PUBLISH { "t" 'one' }
        a cut
        a connects
        a > PUBLISH+qos2 { "t" 0007 'two' }
        a < PUBREC { 0007 }
        b < PUBLISH { "t" 'two' }
        """,
    ),
    Row(
        "a QoS 1 PUBLISH that comes again after a break is a new message",
        "MQTT-4.3.2-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos1 { "t" 0007 'm' }
        a < PUBACK { 0007 }
        b < PUBLISH { "t" 'm' }
        a cut
        a returns
        a > PUBLISH+qos1+dup { "t" 0007 'm' }
        a < PUBACK { 0007 }
        b < PUBLISH { "t" 'm' }
        """,
    ),
)


@pytest.mark.parametrize("case", SENT_AGAIN)
async def test_sent_again(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FROM_THE_CLIENT)
async def test_from_the_client(case: Case, player: Player) -> None:
    await player.play(case)
