"""MQIsdp, MQTT 3.1: what old boards speak. Its specification numbers no statements."""

import pytest
from player import Player
from table import LEVEL_3_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = cases(
    LEVEL_3_1,
    Row(
        "a whole conversation",
        "",
        """
        a connects
        a > SUBSCRIBE { 0001 "t/#" 02 }
        a < SUBACK { 0001 02 }
        a > PUBLISH { "t/0" 'zero' }
        a < PUBLISH { "t/0" 'zero' }
        a > PUBLISH+qos1 { "t/1" 0002 'one' }
        a < PUBACK { 0002 } PUBLISH+qos1 { "t/1" 0001 'one' }
        a > PUBACK { 0001 }
        a > PUBLISH+qos2 { "t/2" 0003 'two' }
        a < PUBREC { 0003 } PUBLISH+qos2 { "t/2" 0002 'two' }
        a > PUBREC { 0002 } PUBREL { 0003 }
        a < PUBREL { 0002 } PUBCOMP { 0003 }
        a > PUBCOMP { 0002 } UNSUBSCRIBE { 0004 "t/#" }
        a < UNSUBACK { 0004 }
        a > PINGREQ {}
        a < PINGRESP {}
        a > DISCONNECT {}
        a end
        """,
    ),
    Row(
        "a session goes on; CONNACK has no Session Present",
        "",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > DISCONNECT {}
        a end
        b connects
        b > PUBLISH+qos1 { "t" 0001 'm' }
        b < PUBACK { 0001 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 } PUBLISH+qos1 { "t" 0001 'm' }
        a > PUBACK { 0001 }
        """,
    ),
    Row(
        "PUBREL, SUBSCRIBE and UNSUBSCRIBE may come again with DUP",
        "",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        a > 8a { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        a > PUBLISH+qos2 { "t" 0002 'm' }
        a < PUBREC { 0002 } PUBLISH { "t" 'm' }
        a > PUBREL { 0002 }
        a < PUBCOMP { 0002 }
        a > 6a { 0002 }
        a < PUBCOMP { 0002 }
        a > aa { 0003 "t" }
        a < UNSUBACK { 0003 }
        """,
    ),
    Row(
        "a Will",
        "",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH { "will" 'gone' }
        """,
    ),
    Row(
        "a wrong password",
        "",
        """
        a > CONNECT { head c2 003c "a" user "wrong" }
        a < CONNACK { 00 04 }
        a end
        """,
    ),
    Row(
        "another level under that name",
        "",
        """
        a > CONNECT { "MQIsdp" 04 c2 003c "a" login }
        a < CONNACK { 00 01 }
        a end
        """,
    ),
    Row(
        "no client id for a session that stays",
        "",
        """
        a > CONNECT { head c0 003c "" login }
        a < CONNACK { 00 02 }
        a end
        """,
    ),
    Row(
        "a message that is sent again",
        "",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > PUBLISH+qos1 { "t" 0002 'm' }
        a < PUBACK { 0002 } PUBLISH+qos1 { "t" 0001 'm' }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 } PUBLISH+qos1+dup { "t" 0001 'm' }
        a > PUBACK { 0001 }
        """,
    ),
)


@pytest.mark.parametrize("case", ROWS)
async def test_level_3_1(case: Case, player: Player) -> None:
    await player.play(case)
