"""CONNECT and CONNACK (MQTT 5.0 §3.1, §3.2)."""

import pytest
from table import LEVEL_5_0, Case, Player, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONNECT = cases(
    LEVEL_5_0,
    Row(
        "a second CONNECT",
        "MQTT-3.1.0-2",
        """
        a connects
        a > CONNECT { head c2 003c none "a" login }
        a < DISCONNECT { 82 }
        a end
        """,
    ),
)


@pytest.mark.parametrize("case", CONNECT)
async def test_connect(case: Case, player: Player) -> None:
    await player.play(case)
