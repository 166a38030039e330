"""Keep Alive (MQTT 3.1.1 §3.1.2.10, §3.12)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEEP_ALIVE = cases(
    LEVEL_3_1_1,
    Row(
        "silence for one and a half times Keep Alive",
        "MQTT-3.1.2-24",
        """
        a > CONNECT { head c2 0001 "a" login }
        a < CONNACK { 00 00 }
        after 1.4 s
        a end
        """,
    ),
    Row(
        "PINGREQ keeps the connection",
        "MQTT-3.1.2-24 MQTT-3.1.2-23 MQTT-3.12.4-1",
        """
        a > CONNECT { head c2 0002 "a" login }
        a < CONNACK { 00 00 }
        wait 2 s
        a > PINGREQ {}
        a < PINGRESP {}
        wait 2 s
        a > PINGREQ {}
        a < PINGRESP {}
        """,
    ),
    Row(
        "what the hub sends does not count",
        "MQTT-3.1.2-24",
        """
        a > CONNECT { head c2 0002 "a" login } SUBSCRIBE { 0001 "t" 00 }
        a < CONNACK { 00 00 } SUBACK { 0001 00 }
        b connects
        wait 1.5 s
        b > PUBLISH { "t" 'm' }
        a < PUBLISH { "t" 'm' }
        wait 1.5 s
        a end
        """,
    ),
    Row(
        "a packet in pieces that never ends is silence",
        "MQTT-3.1.2-24",
        """
        a > CONNECT { head c2 0001 "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH 7f 0001 't'
        after 1.4 s
        a end
        """,
    ),
    Row(
        "Keep Alive 0 is no limit",
        "MQTT-3.1.2-24",
        """
        a > CONNECT { head c2 0000 "a" login }
        a < CONNACK { 00 00 }
        wait 2 s
        a > PINGREQ {}
        a < PINGRESP {}
        """,
    ),
)


@pytest.mark.parametrize("case", KEEP_ALIVE)
async def test_keep_alive(case: Case, player: Player) -> None:
    await player.play(case)
