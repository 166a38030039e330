"""Client ids, and who takes one over (MQTT 3.1.1 §3.1.3.1, §3.1.4)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENT_IDS = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"the client id {client_id[:12]}",
            "MQTT-3.1.3-5 MQTT-3.1.4-4",
            f"""
            a > CONNECT {{ head c2 003c "{client_id}" login }}
            a < CONNACK {{ 00 00 }}
            """,
        )
        for client_id in (
            "a",
            "0123456789abcdefghijklm",
            "nopqrstuvwxyzABCDEFGHIJ",
            "KLMNOPQRSTUVWXYZ",
            "longer/than#23+ and with more letters",
        )
    ),
    Row(
        "no client id: each gets one of its own",
        "MQTT-3.1.3-6",
        """
        a > CONNECT { head c2 003c "" login }
        a < CONNACK { 00 00 }
        b > CONNECT { head c2 003c "" login }
        b < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        b > PUBLISH { "t" 'm' }
        a < PUBLISH { "t" 'm' }
        """,
    ),
    Row(
        "no client id for a session that stays",
        "MQTT-3.1.3-8 MQTT-3.1.3-9 MQTT-3.1.3-7 MQTT-3.2.2-4 MQTT-3.2.2-5",
        """
        a > CONNECT { head c0 003c "" login }
        a < CONNACK { 00 02 }
        a end
        """,
    ),
    Row(
        "a client id that is connected already: the older one ends",
        "MQTT-3.1.4-2 MQTT-3.1.3-2",
        """
        a connects
        b > CONNECT { head c2 003c "a" login }
        b < CONNACK { 00 00 }
        a end
        b quiet
        """,
    ),
    Row(
        "take-over by one who keeps the session",
        "MQTT-3.1.4-2 MQTT-3.1.4-3 MQTT-3.2.2-2",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b > CONNECT { head c0 003c "a" login }
        b < CONNACK { 01 00 }
        a end
        b > PUBLISH { "t" 'm' }
        b < PUBLISH { "t" 'm' }
        """,
    ),
    Row(
        "take-over by one who wants a new session",
        "MQTT-3.1.4-2 MQTT-3.1.4-3 MQTT-3.2.2-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b > CONNECT { head c2 003c "a" login }
        b < CONNACK { 00 00 }
        a end
        b > PUBLISH { "t" 'm' }
        b quiet
        """,
    ),
)


@pytest.mark.parametrize("case", CLIENT_IDS)
async def test_client_ids(case: Case, player: Player) -> None:
    await player.play(case)
