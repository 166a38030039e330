"""Will Delay Interval (MQTT 5.0 §3.1.3.2.2)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHED = """
    w connects
    w > SUBSCRIBE { 0001 {} "will" 0a }  # QoS 2, Retain As Published
    w < SUBACK { 0001 {} 02 }
    """

DELAY = cases(
    LEVEL_5_0,
    Row(
        "published when it is over",
        "MQTT-3.1.2-8 MQTT-3.1.2-7",
        WATCHED
        + """
        a > CONNECT { head c6 003c keeps "a" { will-delay-interval 00000001 } \
            "will" [ 'gone' ] login }
        a < accepted
        after 0.9 s
        a cut
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "not published when the client is back before",
        "MQTT-3.1.3-9 MQTT-3.1.2-8",
        WATCHED
        + """
        a > CONNECT { head c6 003c keeps "a" { will-delay-interval 00000001 } \
            "will" [ 'gone' ] login }
        a < accepted
        a cut
        a returns
        wait 1.5 s
        w quiet
        """,
    ),
    Row(
        "ends with the session, if that is sooner",
        "MQTT-3.1.2-8",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" { will-delay-interval 0000ffff } \
            "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "ends when a new session takes its place",
        "MQTT-3.1.2-8 MQTT-3.1.2-4",
        WATCHED
        + """
        a > CONNECT { head c6 003c keeps "a" { will-delay-interval 0000ffff } \
            "will" [ 'gone' ] login }
        a < accepted
        a cut
        w quiet
        a connects
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "not published when another connection takes over the session",
        "MQTT-3.1.3-9 MQTT-3.1.4-3",
        WATCHED
        + """
        a > CONNECT { head c6 003c keeps "same" { will-delay-interval 0000ffff } \
            "will" [ 'gone' ] login }
        a < accepted
        b > CONNECT { head c0 003c keeps "same" login }
        a < DISCONNECT { 8e why }
        a end
        b < resumed
        b > DISCONNECT { 00 { session-expiry-interval 00000000 } }
        b end
        w quiet
        """,
    ),
    Row(
        "ends when DISCONNECT lets the session end",
        "MQTT-3.1.2-8 MQTT-4.1.0-2",
        WATCHED
        + """
        a > CONNECT { head c6 003c keeps "a" { will-delay-interval 0000ffff } \
            "will" [ 'gone' ] login }
        a < accepted
        a > DISCONNECT { 04 { session-expiry-interval 00000000 } }
        a end
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "is not sent on as a property",
        "MQTT-3.1.2-8",
        WATCHED
        + """
        a > CONNECT { head c6 003c keeps "a" { will-delay-interval 00000000 \
            user-property "k" "v" } "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH { "will" { user-property "k" "v" } 'gone' }
        """,
    ),
)


@pytest.mark.parametrize("case", DELAY)
async def test_delay(case: Case, player: Player) -> None:
    await player.play(case)
