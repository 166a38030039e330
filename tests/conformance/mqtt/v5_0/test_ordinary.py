"""A whole conversation by MQTT 5.0, however the network cuts it (§4.2)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDINARY = cases(
    LEVEL_5_0,
    Row(
        "with nothing but the standard",
        "MQTT-4.2-1 MQTT-2.1.3-1 MQTT-3.12.4-1",
        """
        a > CONNECT { head ee 003c { session-expiry-interval 0000ffff } "a" \
            { content-type "text" } "will" [ 'gone' ] login }
        a < accepted
        a > SUBSCRIBE { 0001 { subscription-identifier 8001 } "t/#" 02 }
        a < SUBACK { 0001 {} 02 }
        a > PUBLISH { "t/0" {} 'zero' }
        a < PUBLISH { "t/0" { subscription-identifier 8001 } 'zero' }
        a > PUBLISH+qos1 { "t/1" 0002 { user-property "k" "v" topic-alias 0001 } 'one' }
        a < PUBACK { 0002 }
        a < PUBLISH+qos1 { "t/1" 0001 \
            { subscription-identifier 8001 user-property "k" "v" } 'one' }
        a > PUBACK { 0001 00 { reason-string "thanks" } }
        a > PUBLISH+qos2 { "" 0003 { topic-alias 0001 } 'two' }
        a < PUBREC { 0003 }
        a < PUBLISH+qos2 { "t/1" 0002 { subscription-identifier 8001 } 'two' }
        a > PUBREC { 0002 } PUBREL { 0003 }
        a < PUBREL { 0002 } PUBCOMP { 0003 }
        a > PUBCOMP { 0002 } UNSUBSCRIBE { 0004 {} "t/#" }
        a < UNSUBACK { 0004 {} 00 }
        a > PINGREQ {}
        a < PINGRESP {}
        a > DISCONNECT { 00 { session-expiry-interval 00000000 } }
        a end
        """,
    ),
    Row(
        "a CONNECT that is refused",
        "MQTT-4.2-1 MQTT-3.1.4-2",
        """
        a > CONNECT { head c2 003c {} "a" user "wrong" }
        a < CONNACK { 00 86 {} }
        a end
        """,
    ),
)


@pytest.mark.parametrize("bytes_at_once", [None, 1, 7], ids=["whole", "by bytes", "by sevens"])
@pytest.mark.parametrize("case", ORDINARY)
async def test_ordinary(case: Case, player: Player, bytes_at_once: int | None) -> None:
    await player.play(case, bytes_at_once=bytes_at_once)
