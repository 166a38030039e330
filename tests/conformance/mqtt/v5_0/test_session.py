"""Session state, and what waits for an absent client (MQTT 5.0 §4.1, §4.5)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLEAN_START = cases(
    LEVEL_5_0,
    Row(
        "0, and no session there",
        "MQTT-3.1.2-6 MQTT-3.2.2-3 MQTT-3.1.4-4 MQTT-3.1.4-5",
        """
        a > CONNECT { head c0 003c {} "a" login }
        a < accepted
        """,
    ),
    Row(
        "0, and a session there: it goes on",
        "MQTT-3.1.2-5 MQTT-3.2.2-3 MQTT-3.1.2-23 MQTT-3.1.3-2 MQTT-3.2.2-1",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        a cut
        a > CONNECT { head c0 003c {} "a" login }
        a < resumed
        b connects
        b > PUBLISH { "t" {} }
        a < PUBLISH { "t" {} }
        """,
    ),
    Row(
        "1: the session that was there is gone, messages and all",
        "MQTT-3.1.2-4 MQTT-3.2.2-2 MQTT-3.1.4-4",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        a cut
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} 'waits' }
        b < PUBACK { 0001 }
        a connects
        b > PUBLISH+qos1 { "t" 0002 {} 'later' }
        b < PUBACK { 0002 }
        a quiet
        """,
    ),
    Row(
        "1: from a connection that takes over",
        "MQTT-3.1.2-4 MQTT-3.1.4-3 MQTT-3.2.2-2",
        """
        a > CONNECT { head c2 003c keeps "same" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b > CONNECT { head c2 003c keeps "same" login }
        a < DISCONNECT { 8e why }
        a end
        b < accepted
        b > PUBLISH { "t" {} }
        b quiet
        """,
    ),
    Row(
        "0: a connection that takes over goes on with the session",
        "MQTT-3.1.2-5 MQTT-3.1.4-3 MQTT-3.2.2-3",
        """
        a > CONNECT { head c2 003c keeps "same" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        b > CONNECT { head c0 003c keeps "same" login }
        a < DISCONNECT { 8e why }
        a end
        b < resumed
        b > PUBLISH { "t" {} }
        b < PUBLISH { "t" {} }
        """,
    ),
)
EXPIRY = cases(
    LEVEL_5_0,
    Row(
        "none: the session ends with its connection",
        "MQTT-4.1.0-2",
        """
        a connects
        a cut
        a > CONNECT { head c0 003c {} "a" login }
        a < accepted
        """,
    ),
    Row(
        "over: the session is gone",
        "MQTT-4.1.0-2 MQTT-3.2.2-3",
        """
        a > CONNECT { head c2 003c { session-expiry-interval 00000001 } "a" login }
        a < accepted
        a cut
        wait 1.1 s
        a > CONNECT { head c0 003c {} "a" login }
        a < accepted
        """,
    ),
    Row(
        "does not run while the client is there",
        "MQTT-4.1.0-1",
        """
        a > CONNECT { head c2 003c { session-expiry-interval 00000001 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        wait 1.1 s
        a > PUBLISH { "t" {} }
        a < PUBLISH { "t" {} }
        """,
    ),
    Row(
        "never",
        "MQTT-3.1.2-23",
        """
        a > CONNECT { head c2 003c { session-expiry-interval ffffffff } "a" login }
        a < accepted
        a cut
        a returns
        """,
    ),
)
WAITING = cases(
    LEVEL_5_0,
    Row(
        "QoS 1 and 2 wait for an absent client, in their order",
        "MQTT-4.5.0-1 MQTT-3.1.2-23 MQTT-4.6.0-5 MQTT-4.6.0-6",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        a cut
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} 'one' }
        b > PUBLISH+qos2 { "t" 0002 {} 'two' }
        b > PUBLISH+qos1 { "t" 0003 {} 'three' }
        b < PUBACK { 0001 } PUBREC { 0002 } PUBACK { 0003 }
        a returns
        a < PUBLISH+qos1 { "t" 0001 {} 'one' }
        a < PUBLISH+qos2 { "t" 0002 {} 'two' }
        a < PUBLISH+qos1 { "t" 0003 {} 'three' }
        """,
    ),
    Row(
        "to every session with a matching subscription",
        "MQTT-4.5.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > SUBSCRIBE { 0001 {} "+" 01 }
        b < SUBACK { 0001 {} 01 }
        c > CONNECT { head c2 003c keeps "c" login }
        c < accepted
        c > SUBSCRIBE { 0001 {} "#" 01 }
        c < SUBACK { 0001 {} 01 }
        c cut
        d connects
        d > SUBSCRIBE { 0001 {} "u" 01 }
        d < SUBACK { 0001 {} 01 }
        d > PUBLISH+qos1 { "t" 0001 {} }
        d < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 {} }
        b < PUBLISH+qos1 { "t" 0001 {} }
        c returns
        c < PUBLISH+qos1 { "t" 0001 {} }
        """,
    ),
)


@pytest.mark.parametrize("case", CLEAN_START)
async def test_clean_start(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", EXPIRY)
async def test_session_expiry(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", WAITING)
async def test_waiting(case: Case, player: Player) -> None:
    await player.play(case)
