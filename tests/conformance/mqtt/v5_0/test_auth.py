"""AUTH and enhanced authentication, of which the hub has no method (MQTT 5.0 §3.15, §4.12)."""

import pytest
from offences_5_0 import bad_connect, offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

AUTH = cases(
    LEVEL_5_0,
    Row(
        "a method that the hub does not have",
        "MQTT-4.12.0-1 MQTT-4.12.0-4 MQTT-3.1.4-2 MQTT-4.13.2-1",
        """
        a > CONNECT { head c2 003c { authentication-method "SCRAM-SHA-256" } "a" login }
        a < CONNACK { 00 8c { reason-string "no authentication method is known" } }
        a end
        """,
    ),
    Row(
        "with data of the method",
        "MQTT-4.12.0-1 MQTT-4.12.0-4",
        """
        a > CONNECT { head c2 003c \
            { authentication-method "SCRAM-SHA-256" authentication-data [ 'n,,n=a' ] } "a" login }
        a < CONNACK { 00 8c { reason-string "no authentication method is known" } }
        a end
        """,
    ),
    bad_connect(
        "data without a method", "", '{ head 02 003c { authentication-data [ 01 ] } "a" }'
    ),
    Row(
        "none asked for: none in CONNACK, and no AUTH",
        "MQTT-4.12.0-6",
        """
        a > CONNECT { head c2 003c {} "a" login }
        a < accepted
        a quiet
        """,
    ),
    offence("AUTH where CONNECT had no method", "MQTT-4.12.0-7", "AUTH {}", "82"),
    offence(
        "authentication anew where CONNECT had no method",
        "MQTT-4.12.0-7 MQTT-4.12.1-1 MQTT-4.12.1-2",
        'AUTH { 19 { authentication-method "SCRAM-SHA-256" } }',
        "82",
    ),
    offence("flags 0001", "MQTT-3.15.1-1", "f1 {}"),
    offence("flags 0010", "MQTT-3.15.1-1", 'f2 { 18 { authentication-method "m" } }'),
    offence("a code that is none of AUTH", "MQTT-3.15.2-1", "AUTH { 80 {} }"),
    offence("data without a method in AUTH", "", "AUTH { 18 { authentication-data [] } }", "82"),
)


@pytest.mark.parametrize("case", AUTH)
async def test_auth(case: Case, player: Player) -> None:
    await player.play(case)
