"""CONNECT and CONNACK (MQTT 3.1.1 §3.1, §3.2)."""

import pytest
from table import LEVEL_3_1_1, Case, Player, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONNECT = cases(
    LEVEL_3_1_1,
    Row(
        "the first packet is not CONNECT",
        "MQTT-3.1.0-1",
        """
        a > PINGREQ {}
        a end
        """,
    ),
    Row(
        "a second CONNECT",
        "MQTT-3.1.0-2",
        """
        a connects
        a > CONNECT { "MQTT" 04 c2 003c "a" login }
        a end
        """,
    ),
)


@pytest.mark.parametrize("case", CONNECT)
async def test_connect(case: Case, player: Player) -> None:
    await player.play(case)
