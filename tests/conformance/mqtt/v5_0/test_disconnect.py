"""PINGREQ and DISCONNECT (MQTT 5.0 §3.12 to §3.14)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

PING = cases(
    LEVEL_5_0,
    Row(
        "PINGRESP, as often as asked",
        "MQTT-3.12.4-1",
        """
        a connects
        a > PINGREQ {} PINGREQ {}
        a < PINGRESP {} PINGRESP {}
        """,
    ),
)
FORM = cases(
    LEVEL_5_0,
    offence("flags 0001", "MQTT-3.14.1-1", "e1 {}"),
    offence("a code that is none", "MQTT-3.14.2-1", "DISCONNECT { 01 }"),
    offence("a code of CONNACK", "MQTT-3.14.2-1", "DISCONNECT { 84 }"),
    offence("bytes behind its end", "", "DISCONNECT { 00 {} 00 }"),
    offence(
        "a session that was to end with its connection is to live on",
        "",
        "DISCONNECT { 00 { session-expiry-interval 00000001 } }",
        "82",
    ),
)
FROM_THE_CLIENT = cases(
    LEVEL_5_0,
    *(
        Row(
            sent,
            "MQTT-3.14.4-2 MQTT-3.14.2-1",
            f"""
            a connects
            a > DISCONNECT {sent}
            a end
            """,
        )
        for sent in (
            "{}",
            "{ 00 }",
            "{ 00 {} }",
            "{ 04 }",
            "{ 80 }",
            "{ 93 }",
            '{ 98 { reason-string "bye" user-property "k" "v" } }',
        )
    ),
    Row(
        "nothing behind it is handled",
        "MQTT-3.14.4-1",
        """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        a connects
        a > DISCONNECT {} PUBLISH { "t" {} } PINGREQ {}
        a end
        b quiet
        """,
    ),
    Row(
        "what came before it is handled",
        "MQTT-4.5.0-1",
        """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 01 }
        b < SUBACK { 0001 {} 01 }
        a connects
        a > PUBLISH { "t" {} 'last' } DISCONNECT {}
        a end
        b < PUBLISH { "t" {} 'last' }
        """,
    ),
    Row(
        "it may let the session end",
        "MQTT-4.1.0-2 MQTT-3.2.2-3",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > DISCONNECT { 00 { session-expiry-interval 00000000 } }
        a end
        a > CONNECT { head c0 003c keeps "a" login }
        a < accepted
        """,
    ),
    Row(
        "it may let the session live longer",
        "MQTT-3.1.2-23",
        """
        a > CONNECT { head c2 003c { session-expiry-interval 00000001 } "a" login }
        a < accepted
        a > DISCONNECT { 00 { session-expiry-interval 0000ffff } }
        a end
        wait 1.1 s
        a returns
        """,
    ),
)
FROM_THE_HUB = cases(
    LEVEL_5_0,
    Row(
        "with neither session expiry nor anything that takes room",
        "MQTT-3.14.2-2 MQTT-3.14.2-3 MQTT-3.14.2-4 MQTT-3.14.4-1 MQTT-3.14.4-2 MQTT-3.14.2-1",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000020 } "a" login }
        a < accepted
        a > PUBLISH { "#" {} } PINGREQ {}
        a < DISCONNECT { 90 }
        a end
        """,
    ),
    Row(
        "with a reason for people",
        "MQTT-3.14.2-1",
        """
        a connects
        a > PUBLISH { "#" {} }
        a < DISCONNECT { 90 { reason-string "wildcard in a topic name (MQTT §3.3.2.1)" } }
        a end
        """,
    ),
    Row(
        "with none for a client that wants none",
        "MQTT-3.14.2-1",
        """
        a > CONNECT { head c2 003c { request-problem-information 00 } "a" login }
        a < accepted
        a > PUBLISH { "#" {} }
        a < DISCONNECT { 90 }
        a end
        """,
    ),
    Row(
        "not to one who was never accepted",
        "MQTT-3.14.0-1",
        """
        a > CONNECT { head c2 003c {} "a" "nobody" "wrong" }
        a < CONNACK { 00 86 {} }
        a end
        """,
    ),
)


@pytest.mark.parametrize("case", PING)
async def test_ping(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FROM_THE_CLIENT)
async def test_from_the_client(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FROM_THE_HUB)
async def test_from_the_hub(case: Case, player: Player) -> None:
    await player.play(case)
