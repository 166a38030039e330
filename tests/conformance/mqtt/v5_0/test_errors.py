"""What an error does, and what it leaves alone (MQTT 5.0 §4.13)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

ERRORS = cases(
    LEVEL_5_0,
    Row(
        "before a wrong packet all is handled, behind it nothing",
        "MQTT-4.13.1-1 MQTT-3.14.4-1",
        """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        a connects
        a > PUBLISH { "t" {} 'before' } PINGREQ { 00 } PUBLISH { "t" {} 'behind' }
        a < DISCONNECT { 81 why }
        a end
        b < PUBLISH { "t" {} 'before' }
        b quiet
        """,
    ),
    Row(
        "the session outlives a protocol error",
        "MQTT-4.13.1-1 MQTT-3.1.2-23",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > PINGRESP {}
        a < DISCONNECT { 82 why }
        a end
        a returns
        """,
    ),
    Row(
        "other clients of the same user go on",
        "MQTT-4.13.2-1",
        """
        b connects
        a connects
        a > ff
        a < DISCONNECT { 81 why }
        a end
        b quiet
        """,
    ),
    Row(
        "more topic levels than the hub takes",
        "MQTT-4.13.2-1",
        """
        a connects
        a > PUBLISH { [ 'a/'*128 ] {} }
        a < DISCONNECT { 90 why }
        a end
        b connects
        b > SUBSCRIBE { 0001 {} [ 'a/'*128 ] 00 }
        b < DISCONNECT { 8f why }
        b end
        """,
    ),
    Row(
        "a refusal in PUBACK, PUBREC or SUBACK ends nothing",
        "MQTT-3.4.2-1 MQTT-3.5.2-1 MQTT-3.9.3-2",
        """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > PUBLISH+qos1 { "t" 0001 {} }
        a < PUBACK { 0001 87 { reason-string "Not authorized" } }
        a > PUBLISH+qos2 { "t" 0002 {} }
        a < PUBREC { 0002 87 { reason-string "Not authorized" } }
        a > SUBSCRIBE { 0003 {} "t" 00 }
        a < SUBACK { 0003 {} 87 }
        a quiet
        """,
    ),
)


@pytest.mark.parametrize("case", ERRORS)
async def test_error(case: Case, player: Player) -> None:
    await player.play(case)
