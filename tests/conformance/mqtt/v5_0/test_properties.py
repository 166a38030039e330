"""Properties: which may stand where, how often, with what values (MQTT 5.0 §2.2.2)."""

import pytest
from offences_5_0 import bad_connect, offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = cases(
    LEVEL_5_0,
    offence("an identifier that is none", "", 'PUBLISH { "t" { 7f 00 } }'),
    offence("an identifier of two bytes", "", 'PUBLISH { "t" { 8101 00 } }'),
    offence("longer than the packet", "", 'PUBLISH { "t" 05 payload-format-indicator 01 }'),
    offence("a value cut short", "", 'PUBLISH { "t" { message-expiry-interval 000000 } }'),
    offence("no value", "", 'PUBLISH { "t" { content-type } }'),
    offence("no property length", "MQTT-2.2.2-1", 'PUBLISH { "t" }'),
    offence("no property length in SUBSCRIBE", "MQTT-2.2.2-1", "SUBSCRIBE { 0001 }"),
    Row(
        "may be left out of the shortest packets",
        "MQTT-2.2.2-1",
        """
        a connects
        a > PUBREL { 0001 00 }
        a < PUBCOMP { 0001 92 }
        a > PUBREL { 0001 00 {} }
        a < PUBCOMP { 0001 92 }
        a > DISCONNECT { 00 }
        a end
        """,
    ),
)
WRONG_PACKET = cases(
    LEVEL_5_0,
    bad_connect("Topic Alias in CONNECT", "", '{ head 02 003c { topic-alias 0001 } "a" }'),
    bad_connect(
        "Will Delay Interval outside the Will",
        "",
        '{ head 02 003c { will-delay-interval 00000001 } "a" }',
    ),
    bad_connect(
        "Topic Alias in the Will", "", '{ head 06 003c {} "a" { topic-alias 0001 } "w" [] }'
    ),
    offence("Receive Maximum in PUBLISH", "", 'PUBLISH { "t" { receive-maximum 0001 } }'),
    offence("Reason String in PUBLISH", "", 'PUBLISH { "t" { reason-string "no" } }'),
    offence("Topic Alias in PUBACK", "", "PUBACK { 0001 00 { topic-alias 0001 } }"),
    offence("Topic Alias in PUBREC", "", "PUBREC { 0001 00 { topic-alias 0001 } }"),
    offence("Topic Alias in PUBREL", "", "PUBREL { 0001 00 { topic-alias 0001 } }"),
    offence("Topic Alias in PUBCOMP", "", "PUBCOMP { 0001 00 { topic-alias 0001 } }"),
    offence("Reason String in SUBSCRIBE", "", 'SUBSCRIBE { 0001 { reason-string "" } "t" 00 }'),
    offence(
        "Subscription Identifier in UNSUBSCRIBE",
        "",
        'UNSUBSCRIBE { 0001 { subscription-identifier 01 } "t" }',
    ),
    offence("Receive Maximum in DISCONNECT", "", "DISCONNECT { 00 { receive-maximum 0001 } }"),
    offence("Receive Maximum in AUTH", "", "AUTH { 18 { receive-maximum 0001 } }"),
)
TWICE_IN_CONNECT = cases(
    LEVEL_5_0,
    *(
        bad_connect(name, "", f'{{ head 02 003c {{ {name} {value} {name} {value} }} "a" }}')
        for name, value in (
            ("session-expiry-interval", "00000001"),
            ("receive-maximum", "0001"),
            ("maximum-packet-size", "00000100"),
            ("topic-alias-maximum", "0001"),
            ("request-response-information", "00"),
            ("request-problem-information", "00"),
            ("authentication-method", '"m"'),
        )
    ),
    bad_connect(
        "authentication-data",
        "",
        '{ head 02 003c { authentication-method "m" authentication-data [ 01 ]'
        ' authentication-data [ 02 ] } "a" }',
    ),
    *(
        bad_connect(
            f"{name} of the Will",
            "",
            f'{{ head 06 003c {{}} "a" {{ {name} {value} {name} {value} }} "w" [] }}',
        )
        for name, value in (
            ("will-delay-interval", "00000001"),
            ("payload-format-indicator", "00"),
            ("message-expiry-interval", "00000001"),
            ("content-type", '"c"'),
            ("response-topic", '"r"'),
            ("correlation-data", "[ 01 ]"),
        )
    ),
)
TWICE = cases(
    LEVEL_5_0,
    *(
        offence(name, "", f'PUBLISH {{ "t" {{ {name} {value} {name} {value} }} }}', "82")
        for name, value in (
            ("payload-format-indicator", "00"),
            ("message-expiry-interval", "00000001"),
            ("topic-alias", "0001"),
            ("response-topic", '"r"'),
            ("correlation-data", "[ 01 ]"),
            ("content-type", '"c"'),
        )
    ),
    *(
        offence(
            f"reason-string of {packet}",
            "",
            f'{packet} {{ 0001 00 {{ reason-string "" reason-string "" }} }}',
            "82",
        )
        for packet in ("PUBACK", "PUBREC", "PUBREL", "PUBCOMP")
    ),
    offence(
        "subscription-identifier of SUBSCRIBE",
        "",
        'SUBSCRIBE { 0001 { subscription-identifier 01 subscription-identifier 02 } "t" 00 }',
        "82",
    ),
    offence(
        "session-expiry-interval of DISCONNECT",
        "",
        "DISCONNECT { 00 { session-expiry-interval 00000000 session-expiry-interval 00000000 } }",
        "82",
    ),
    Row(
        "user-property may stand anywhere and often",
        "MQTT-3.3.2-17",
        """
        a > CONNECT { head c2 003c { user-property "a" "1" user-property "a" "1" } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 { user-property "a" "1" user-property "a" "1" } "t" 02 }
        a < SUBACK { 0001 {} 02 }
        a > PUBLISH+qos2 { "t" 0002 { user-property "a" "1" user-property "a" "1" } }
        a < PUBREC { 0002 }
        a < PUBLISH+qos2 { "t" 0001 { user-property "a" "1" user-property "a" "1" } }
        a > PUBREL { 0002 00 { user-property "a" "1" user-property "a" "1" } }
        a < PUBCOMP { 0002 }
        a > PUBREC { 0001 00 { user-property "a" "1" user-property "a" "1" } }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 00 { user-property "a" "1" user-property "a" "1" } }
        a > UNSUBSCRIBE { 0003 { user-property "a" "1" user-property "a" "1" } "t" }
        a < UNSUBACK { 0003 {} 00 }
        a > DISCONNECT { 00 { user-property "a" "1" user-property "a" "1" } }
        a end
        """,
    ),
)
BAD_VALUE_IN_CONNECT = cases(
    LEVEL_5_0,
    *(
        bad_connect(f"{name} {value}", "", f'{{ head 02 003c {{ {name} {value} }} "a" }}')
        for name, value in (
            ("receive-maximum", "0000"),
            ("maximum-packet-size", "00000000"),
            ("request-response-information", "02"),
            ("request-problem-information", "02"),
        )
    ),
    bad_connect(
        "payload-format-indicator 02 of the Will",
        "",
        '{ head 06 003c {} "a" { payload-format-indicator 02 } "w" [] }',
    ),
)
BAD_VALUE = cases(
    LEVEL_5_0,
    offence("a payload format", "", 'PUBLISH { "t" { payload-format-indicator 02 } }', "82"),
    offence("a topic alias", "MQTT-3.3.2-8", 'PUBLISH { "t" { topic-alias 0000 } }', "94"),
    offence(
        "a subscription identifier",
        "",
        'SUBSCRIBE { 0001 { subscription-identifier 00 } "t" 00 }',
        "82",
    ),
)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", WRONG_PACKET)
async def test_in_the_wrong_packet(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", TWICE_IN_CONNECT)
async def test_twice_in_connect(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", TWICE)
async def test_twice(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", BAD_VALUE_IN_CONNECT)
async def test_bad_value_in_connect(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", BAD_VALUE)
async def test_bad_value(case: Case, player: Player) -> None:
    await player.play(case)
