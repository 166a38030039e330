"""CONNECT (MQTT 5.0 §3.1); its Will and the client id have files of their own."""

import pytest
from offences_5_0 import bad_connect, offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST_PACKET = cases(
    LEVEL_5_0,
    *(
        Row(
            f"{packet.split()[0]} comes first",
            "MQTT-3.1.0-1 MQTT-3.14.0-1 MQTT-3.2.0-1",
            f"""
            a > {packet}
            a end
            """,
        )
        for packet in (
            "PINGREQ {}",
            'PUBLISH { "t" {} }',
            "SUBSCRIBE { 0001 {} 't' 00 }",
            "DISCONNECT {}",
            "AUTH {}",
            "CONNACK { 00 00 {} }",
        )
    ),
    Row(
        "HTTP comes first",
        "MQTT-3.1.0-1",
        """
        a > 'GET / HTTP/1.1' 0d0a 0d0a
        a end
        """,
    ),
    offence("a second CONNECT", "MQTT-3.1.0-2", 'CONNECT { head c2 003c {} "a" login }', "82"),
)
PROTOCOL = cases(
    LEVEL_5_0,
    Row(
        "another name",
        "MQTT-3.1.2-1",
        """
        a > CONNECT { "MQTX" 05 02 003c {} "a" }
        a end
        """,
    ),
    Row(
        "another spelling",
        "MQTT-3.1.2-1",
        """
        a > CONNECT { "mqtt" 05 02 003c {} "a" }
        a end
        """,
    ),
    Row(
        "a later version",
        "MQTT-3.1.2-2 MQTT-3.2.2-7 MQTT-3.2.2-8",
        """
        a > CONNECT { "MQTT" 06 02 003c {} "a" }
        a < CONNACK { 00 84 {} }
        a end
        """,
    ),
    Row(
        "whatever a later version may look like",
        "MQTT-3.1.2-2",
        """
        a > CONNECT { "MQTT" 07 ff ffff ff }
        a < CONNACK { 00 84 {} }
        a end
        """,
    ),
    Row(
        "a version before 3.1.1 under its name, told in the words of 3.1.1",
        "MQTT-3.1.2-2",
        """
        a > CONNECT { "MQTT" 03 02 003c "a" }
        a < CONNACK { 00 01 }
        a end
        """,
    ),
)
FORM = cases(
    LEVEL_5_0,
    Row(
        "everything that may stand in it",
        "MQTT-3.1.3-1 MQTT-3.1.4-5",
        """
        a > CONNECT { head f6 003c \
            { session-expiry-interval 00000000 receive-maximum 0014 topic-alias-maximum 000a \
              maximum-packet-size 00010000 request-response-information 01 \
              request-problem-information 01 user-property "k" "v" } \
            "a" \
            { will-delay-interval 00000000 payload-format-indicator 01 content-type "text" \
              message-expiry-interval 0000000a response-topic "r" correlation-data [ 01 ] \
              user-property "k" "v" } \
            "w" [ 'gone' ] login }
        a < accepted
        """,
    ),
    bad_connect("the reserved flag", "MQTT-3.1.2-3", '{ head c3 003c {} "a" login }'),
    bad_connect("no client id", "MQTT-3.1.3-3", "{ head 02 003c {} }"),
    bad_connect("a client id that is not UTF-8", "MQTT-3.1.3-4", "{ head 02 003c {} [ c328 ] }"),
    bad_connect("no user name", "MQTT-3.1.2-17", '{ head 82 003c {} "a" }'),
    bad_connect("a user name too many", "MQTT-3.1.2-16", '{ head 02 003c {} "a" "user" }'),
    bad_connect(
        "a user name that is not UTF-8", "MQTT-3.1.3-12", '{ head 82 003c {} "a" [ c328 ] }'
    ),
    bad_connect("no password", "MQTT-3.1.2-19", '{ head c2 003c {} "a" "user" }'),
    bad_connect(
        "a password too many", "MQTT-3.1.2-18", '{ head 82 003c {} "a" "user" "password" }'
    ),
    bad_connect("no keep alive", "", "{ head 02 }"),
    bad_connect("no properties", "MQTT-2.2.2-1", "{ head 02 003c }"),
    bad_connect("bytes behind its end", "", '{ head 02 003c {} "a" 00 }'),
    bad_connect(
        "Authentication Data without a method",
        "",
        '{ head 02 003c { authentication-data [ 01 ] } "a" }',
    ),
)
REFUSED = cases(
    LEVEL_5_0,
    Row(
        "a wrong password",
        "MQTT-3.1.4-2 MQTT-3.2.2-6 MQTT-3.2.2-7 MQTT-3.2.2-8 MQTT-4.13.2-1",
        """
        a > CONNECT { head c2 003c {} "a" "nobody" "wrong" }
        a < CONNACK { 00 86 {} }
        a end
        """,
    ),
    Row(
        "what follows is not handled",
        "MQTT-3.1.4-6 MQTT-3.14.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "#" 00 }
        a < SUBACK { 0001 {} 00 }
        b > CONNECT { head c2 003c {} "b" "nobody" "wrong" } PUBLISH { "t" {} 'x' } PINGREQ {}
        b < CONNACK { 00 86 {} }
        b end
        a quiet
        """,
    ),
    Row(
        "does not take the session over",
        "MQTT-3.1.4-2 MQTT-3.1.4-3",
        """
        a connects
        b > CONNECT { head c2 003c {} "a" "nobody" "wrong" }
        b < CONNACK { 00 86 {} }
        b end
        a quiet
        """,
    ),
)
EARLY = cases(
    LEVEL_5_0,
    Row(
        "packets may follow at once; CONNACK comes first",
        "MQTT-3.2.0-1 MQTT-3.1.4-5",
        """
        a > CONNECT { head c2 003c {} "a" login } SUBSCRIBE { 0001 {} "t" 01 } PINGREQ {}
        a < accepted
        a < SUBACK { 0001 {} 01 } & PINGRESP {}
        """,
    ),
)
KEEP_ALIVE = cases(
    LEVEL_5_0,
    Row(
        "one and a half times of it in silence",
        "MQTT-3.1.2-22 MQTT-3.2.2-22 MQTT-3.14.2-1 MQTT-4.13.2-1",
        """
        a > CONNECT { head c2 0001 {} "a" login }
        a < accepted
        after 1.4 s
        a < DISCONNECT { 8d why }
        a end
        """,
    ),
    Row(
        "any packet counts",
        "MQTT-3.1.2-22 MQTT-3.12.4-1",
        """
        a > CONNECT { head c2 0001 {} "a" login }
        a < accepted
        wait 0.8 s
        a > PINGREQ {}
        a < PINGRESP {}
        wait 0.8 s
        a > PUBLISH { "t" {} }
        wait 0.8 s
        a > PINGREQ {}
        a < PINGRESP {}
        """,
    ),
)


@pytest.mark.parametrize("case", FIRST_PACKET)
async def test_first_packet(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", PROTOCOL)
async def test_protocol(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", REFUSED)
async def test_refused(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", EARLY)
async def test_early(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", KEEP_ALIVE)
async def test_keep_alive(case: Case, player: Player) -> None:
    await player.play(case)
