"""Client ids, and the older connection of the same one (MQTT 5.0 §3.1.3.1, §3.1.4)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENT_ID = cases(
    LEVEL_5_0,
    *(
        Row(
            f"{len(client_id)} letters and digits, {client_id[:3]}",
            "MQTT-3.1.3-5",
            f"""
            a > CONNECT {{ head c2 003c {{}} "{client_id}" login }}
            a < accepted
            """,
        )
        for client_id in (
            "7",
            "0123456789abcdefghijklm",
            "nopqrstuvwxyzABCDEFGHIJ",
            "KLMNOPQRSTUVWXYZ",
        )
    ),
    Row(
        "longer, and of any characters",
        "MQTT-3.1.3-4",
        """
        a > CONNECT { head c2 003c {} "é/+ #€ and more than twenty-three bytes" login }
        a < accepted
        """,
    ),
    Row(
        "none: each such client is told one of its own",
        "MQTT-3.1.3-6 MQTT-3.1.3-7 MQTT-3.2.2-16",
        """
        a > CONNECT { head c2 003c {} "" login }
        a < CONNACK { 00 00 { assigned-client-identifier [ 'auto-' ??*16 ] announced } }
        b > CONNECT { head c2 003c {} "" login }
        b < CONNACK { 00 00 { assigned-client-identifier [ 'auto-' ??*16 ] announced } }
        """,
    ),
    Row(
        "none, and Clean Start 0",
        "MQTT-3.1.3-6 MQTT-3.1.3-7 MQTT-3.2.2-3",
        """
        a > CONNECT { head c0 003c keeps "" login }
        a < CONNACK { 00 00 { assigned-client-identifier [ 'auto-' ??*16 ] announced } }
        """,
    ),
    Row(
        "given, none is assigned",
        "MQTT-3.1.4-5 MQTT-3.2.0-2",
        """
        a > CONNECT { head c2 003c {} "a" login }
        a < accepted
        a quiet
        """,
    ),
    Row(
        "names the session, of one user alone",
        "MQTT-3.1.3-2",
        """
        a > CONNECT { head c2 003c keeps "me" login }
        a < accepted
        a > DISCONNECT {}
        a end
        b > CONNECT { head c0 003c keeps "you" login }
        b < accepted
        c > CONNECT { head c0 003c keeps "me" guest }
        c < accepted
        d > CONNECT { head c0 003c keeps "me" login }
        c < DISCONNECT { 8e why }
        c end
        d < resumed
        """,
    ),
    Row(
        "connected already: the older connection ends",
        "MQTT-3.1.4-3 MQTT-3.14.2-1 MQTT-3.14.2-2 MQTT-4.13.2-1",
        """
        a > CONNECT { head c2 003c {} "same" login }
        a < accepted
        b > CONNECT { head c2 003c {} "same" login }
        a < DISCONNECT { 8e why }
        a end
        b < accepted
        """,
    ),
)


@pytest.mark.parametrize("case", CLIENT_ID)
async def test_client_id(case: Case, player: Player) -> None:
    await player.play(case)
