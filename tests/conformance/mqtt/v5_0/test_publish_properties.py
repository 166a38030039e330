"""The properties of PUBLISH (MQTT 5.0 §3.3.2.3); topic aliases stand in ``test_topic_alias``."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = cases(
    LEVEL_5_0,
    offence(
        "a Response Topic that is not UTF-8",
        "MQTT-3.3.2-13",
        'PUBLISH { "t" { response-topic [ c328 ] } }',
    ),
    offence(
        "a + in a Response Topic",
        "MQTT-3.3.2-14",
        'PUBLISH { "t" { response-topic "a/+" } }',
        "82",
    ),
    offence(
        "a # in a Response Topic",
        "MQTT-3.3.2-14",
        'PUBLISH { "t" { response-topic "#" } }',
        "82",
    ),
    offence(
        "a Content Type that is not UTF-8",
        "MQTT-3.3.2-19",
        'PUBLISH { "t" { content-type [ c328 ] } }',
    ),
    offence(
        "a Subscription Identifier",
        "MQTT-3.3.4-6",
        'PUBLISH { "t" { subscription-identifier 01 } }',
        "82",
    ),
)
PASSED_ON = cases(
    LEVEL_5_0,
    *(
        Row(
            name,
            statement,
            f"""
            a connects
            a > SUBSCRIBE {{ 0001 {{}} "t" 00 }}
            a < SUBACK {{ 0001 {{}} 00 }}
            b connects
            b > PUBLISH {{ "t" {{ {sent} }} 'x' }}
            a < PUBLISH {{ "t" {{ {sent} }} 'x' }}
            """,
        )
        for name, statement, sent in (
            ("bytes", "MQTT-3.3.2-4", "payload-format-indicator 00"),
            ("text", "MQTT-3.3.2-4", "payload-format-indicator 01"),
            ("Response Topic", "MQTT-3.3.2-15", 'response-topic "a/é/ "'),
            ("Correlation Data", "MQTT-3.3.2-16", "correlation-data [ 00 c328 ff ]"),
            ("no Correlation Data", "MQTT-3.3.2-16", "correlation-data []"),
            ("Content Type", "MQTT-3.3.2-20", 'content-type "text/plain"'),
            ("no Content Type", "MQTT-3.3.2-20", 'content-type ""'),
            (
                "User Properties, in their order, each as often as it came",
                "MQTT-3.3.2-17 MQTT-3.3.2-18",
                'user-property "b" "2" user-property "a" "1" user-property "b" "2"',
            ),
            ("a day to live", "MQTT-3.3.2-6", "message-expiry-interval 00015180"),
            (
                "several at once",
                "MQTT-3.3.2-4 MQTT-3.3.2-15 MQTT-3.3.2-17",
                'payload-format-indicator 01 response-topic "r" user-property "k" "v"',
            ),
        )
    ),
    Row(
        "text that is none: nobody looks into a payload",
        "MQTT-3.3.2-4",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "t" { payload-format-indicator 01 } c328 }
        a < PUBLISH { "t" { payload-format-indicator 01 } c328 }
        """,
    ),
    Row(
        "to every subscriber, and to one that comes back",
        "MQTT-3.3.2-15 MQTT-3.3.2-16 MQTT-3.3.2-17",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        b > CONNECT { head c2 003c keeps "b" login }
        b < accepted
        b > SUBSCRIBE { 0001 {} "t" 01 }
        b < SUBACK { 0001 {} 01 }
        b cut
        c connects
        c > PUBLISH+qos1 { "t" 0001 \
            { response-topic "r" correlation-data [ 01 ] user-property "k" "v" } }
        c < PUBACK { 0001 }
        a < PUBLISH { "t" { response-topic "r" correlation-data [ 01 ] user-property "k" "v" } }
        b returns
        b < PUBLISH+qos1 { "t" 0001 \
            { response-topic "r" correlation-data [ 01 ] user-property "k" "v" } }
        """,
    ),
    Row(
        "not to a client of 3.1.1, which has no place for them",
        "MQTT-3.3.2-17",
        """
        a > CONNECT { "MQTT" 04 c2 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        b connects
        b > PUBLISH { "t" { response-topic "r" user-property "k" "v" } 'x' }
        a < PUBLISH { "t" 'x' }
        """,
    ),
    Row(
        "none where none came, as from a client of 3.1.1",
        "MQTT-2.2.2-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        b > CONNECT { "MQTT" 04 c2 003c "b" login }
        b < CONNACK { 00 00 }
        b > PUBLISH { "t" 'x' }
        a < PUBLISH { "t" {} 'x' }
        """,
    ),
    Row(
        "a request and its response",
        "MQTT-3.3.2-15 MQTT-3.3.2-16",
        """
        asks connects
        asks > SUBSCRIBE { 0001 {} "answers/asks" 00 }
        asks < SUBACK { 0001 {} 00 }
        knows connects
        knows > SUBSCRIBE { 0001 {} "questions" 00 }
        knows < SUBACK { 0001 {} 00 }
        asks > PUBLISH { "questions" { response-topic "answers/asks" correlation-data [ 07 ] } }
        knows < PUBLISH { "questions" { response-topic "answers/asks" correlation-data [ 07 ] } }
        knows > PUBLISH { "answers/asks" { correlation-data [ 07 ] } '42' }
        asks < PUBLISH { "answers/asks" { correlation-data [ 07 ] } '42' }
        """,
    ),
)
EXPIRY = cases(
    LEVEL_5_0,
    Row(
        "over before its subscriber is back; what is left of a longer one goes out",
        "MQTT-3.3.2-5 MQTT-3.3.2-6",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        a cut
        b connects
        b > PUBLISH+qos1 { "t" 0001 { message-expiry-interval 00000001 } 'short' }
        b > PUBLISH+qos1 { "t" 0002 { message-expiry-interval 00010000 } 'long' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        wait 1.1 s
        a returns
        a < PUBLISH+qos1 { "t" 0001 { message-expiry-interval 0000 ff ?? } 'long' }
        """,
    ),
    Row(
        "over before the window opens",
        "MQTT-3.3.2-5",
        """
        a > CONNECT { head c2 003c { receive-maximum 0001 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} 'first' }
        b > PUBLISH+qos1 { "t" 0002 { message-expiry-interval 00000001 } 'short' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        a < PUBLISH+qos1 { "t" 0001 {} 'first' }
        wait 1.1 s
        a > PUBACK { 0001 }
        a quiet
        """,
    ),
    Row(
        "does not end a delivery that has begun",
        "MQTT-4.3.3-7 MQTT-4.3.3-13",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 { message-expiry-interval 00000001 } }
        a < PUBLISH+qos2 { "t" 0001 { message-expiry-interval 00000001 } }
        b < PUBREC { 0001 }
        a cut
        wait 1.1 s
        b > PUBREL { 0001 }
        b < PUBCOMP { 0001 }
        a returns
        a < PUBLISH+qos2+dup { "t" 0001 { message-expiry-interval 00000000 } }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 }
        a quiet
        """,
    ),
)


@pytest.mark.parametrize("case", REFUSED)
async def test_refused(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", PASSED_ON)
async def test_passed_on(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", EXPIRY)
async def test_message_expiry(case: Case, player: Player) -> None:
    await player.play(case)
