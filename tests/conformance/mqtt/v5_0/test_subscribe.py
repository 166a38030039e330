"""SUBSCRIBE and SUBACK (MQTT 5.0 §3.8, §3.9); Retain Handling stands in ``test_retain``."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = cases(
    LEVEL_5_0,
    offence("flags 0000", "MQTT-3.8.1-1", '80 { 0001 {} "t" 00 }'),
    offence("flags 0011", "MQTT-3.8.1-1", '83 { 0001 {} "t" 00 }'),
    offence("a filter that is not UTF-8", "MQTT-3.8.3-1", "SUBSCRIBE { 0001 {} [ c328 ] 00 }"),
    offence("no filter", "MQTT-3.8.3-2", "SUBSCRIBE { 0001 {} }", "82"),
    offence("no options", "MQTT-3.8.3-2", 'SUBSCRIBE { 0001 {} "t" }'),
    offence("the reserved option 6", "MQTT-3.8.3-5", 'SUBSCRIBE { 0001 {} "t" 40 }'),
    offence("the reserved option 7", "MQTT-3.8.3-5", 'SUBSCRIBE { 0001 {} "t" 80 }'),
    offence(
        "a reserved option of the second filter",
        "MQTT-3.8.3-5",
        'SUBSCRIBE { 0001 {} "t" 00 "u" c0 }',
    ),
    offence("QoS 3", "", 'SUBSCRIBE { 0001 {} "t" 03 }', "82"),
    offence("Retain Handling 3", "", 'SUBSCRIBE { 0001 {} "t" 30 }', "82"),
    offence(
        "No Local on a shared subscription",
        "MQTT-3.8.3-4",
        'SUBSCRIBE { 0001 {} "$share/s/t" 04 }',
        "82",
    ),
)
ANSWER = cases(
    LEVEL_5_0,
    Row(
        "SUBACK with the same id",
        "MQTT-3.8.4-1 MQTT-3.8.4-2 MQTT-2.2.1-6 MQTT-2.2.2-1",
        """
        a connects
        a > SUBSCRIBE { fffe {} "t" 00 }
        a < SUBACK { fffe {} 00 }
        """,
    ),
    Row(
        "a code for each filter, in their order",
        "MQTT-3.8.4-5 MQTT-3.8.4-6 MQTT-3.8.4-7 MQTT-3.9.3-1 MQTT-3.9.3-2",
        """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > SUBSCRIBE { 0001 {} "open/2" 02 "t" 01 "open/0" 00 "open/1" 01 "#" 02 }
        a < SUBACK { 0001 {} 02 87 00 01 87 }
        """,
    ),
    Row(
        "what was refused is not delivered, what was granted is",
        "MQTT-3.8.4-7",
        """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 00 "open/t" 00 }
        a < SUBACK { 0001 {} 87 00 }
        b connects
        b > PUBLISH { "t" {} }
        b > PUBLISH { "open/t" {} }
        a < PUBLISH { "open/t" {} }
        """,
    ),
    Row(
        "neither reason string nor user properties, so there is always room",
        "MQTT-3.9.2-1 MQTT-3.9.2-2",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000020 } "a" guest }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 87 }
        """,
    ),
    Row(
        "before the messages that it brings",
        "MQTT-3.8.4-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 } PUBLISH { "t" {} }
        a < SUBACK { 0001 {} 00 }
        a < PUBLISH { "t" {} }
        """,
    ),
)
QOS = cases(
    LEVEL_5_0,
    Row(
        "a delivery has the lower one of message and subscription",
        "MQTT-3.8.4-8",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "0" 00 "1" 01 "2" 02 }
        a < SUBACK { 0001 {} 00 01 02 }
        b connects
        b > PUBLISH { "0" {} }
        a < PUBLISH { "0" {} }
        b > PUBLISH+qos2 { "0" 0001 {} }
        a < PUBLISH { "0" {} }
        b > PUBLISH { "1" {} }
        a < PUBLISH { "1" {} }
        b > PUBLISH+qos1 { "1" 0002 {} }
        a < PUBLISH+qos1 { "1" 0001 {} }
        b > PUBLISH+qos2 { "1" 0003 {} }
        a < PUBLISH+qos1 { "1" 0002 {} }
        b > PUBLISH { "2" {} }
        a < PUBLISH { "2" {} }
        b > PUBLISH+qos1 { "2" 0004 {} }
        a < PUBLISH+qos1 { "2" 0003 {} }
        b > PUBLISH+qos2 { "2" 0005 {} }
        a < PUBLISH+qos2 { "2" 0004 {} }
        b < PUBREC { 0001 } PUBACK { 0002 } PUBREC { 0003 } PUBACK { 0004 } PUBREC { 0005 }
        """,
    ),
)
REPLACED = cases(
    LEVEL_5_0,
    Row(
        "by the same filter: no second copy, the new QoS",
        "MQTT-3.8.4-3",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        a > SUBSCRIBE { 0002 {} "t" 00 }
        a < SUBACK { 0002 {} 00 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} }
        b < PUBACK { 0001 }
        a < PUBLISH { "t" {} }
        """,
    ),
    Row(
        "with its options and its identifier",
        "MQTT-3.8.4-3",
        """
        a connects
        a > SUBSCRIBE { 0001 { subscription-identifier 01 } "t" 0d }
        a < SUBACK { 0001 {} 01 }
        a > SUBSCRIBE { 0002 { subscription-identifier 02 } "t" 00 }
        a < SUBACK { 0002 {} 00 }
        a > PUBLISH+retain { "t" {} 'x' }
        a < PUBLISH { "t" { subscription-identifier 02 } 'x' }
        a > SUBSCRIBE { 0003 {} "t" 20 }
        a < SUBACK { 0003 {} 00 }
        a > PUBLISH { "t" {} 'y' }
        a < PUBLISH { "t" {} 'y' }
        """,
    ),
    Row(
        "twice in one packet: the last one holds",
        "MQTT-3.8.4-3 MQTT-3.8.4-5",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 "t" 00 }
        a < SUBACK { 0001 {} 02 00 }
        a > PUBLISH+qos1 { "t" 0001 {} }
        a < PUBACK { 0001 } & PUBLISH { "t" {} }
        """,
    ),
    Row(
        "without loss of what waits",
        "MQTT-3.8.4-4",
        """
        a > CONNECT { head c2 003c { receive-maximum 0001 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} 'first' }
        b > PUBLISH+qos1 { "t" 0002 {} 'second' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        a < PUBLISH+qos1 { "t" 0001 {} 'first' }
        a > SUBSCRIBE { 0002 {} "t" 00 }
        a < SUBACK { 0002 {} 00 }
        a > PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0002 {} 'second' }
        """,
    ),
)
NO_LOCAL = cases(
    LEVEL_5_0,
    Row(
        "keeps a client's own messages away, not those of others",
        "MQTT-3.8.3-3",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 04 }
        a < SUBACK { 0001 {} 00 }
        b connects
        a > PUBLISH+qos1 { "t" 0001 {} 'own' }
        a < PUBACK { 0001 }
        b > PUBLISH { "t" {} 'other' }
        a < PUBLISH { "t" {} 'other' }
        """,
    ),
    Row(
        "without it a client gets its own",
        "MQTT-3.8.3-3",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "t" {} }
        a < PUBLISH { "t" {} }
        """,
    ),
    Row(
        "holds for what the client published before it reconnected",
        "MQTT-3.8.3-3 MQTT-3.1.3-2",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 05 }
        a < SUBACK { 0001 {} 01 }
        a > PUBLISH+qos1 { "t" 0001 {} 'own' }
        a < PUBACK { 0001 }
        a cut
        a returns
        a quiet
        """,
    ),
)
IDENTIFIER = cases(
    LEVEL_5_0,
    *(
        Row(
            value,
            "MQTT-3.3.4-3",
            f"""
            a connects
            a > SUBSCRIBE {{ 0001 {{ subscription-identifier {value} }} "t" 00 }}
            a < SUBACK {{ 0001 {{}} 00 }}
            a > PUBLISH {{ "t" {{}} }}
            a < PUBLISH {{ "t" {{ subscription-identifier {value} }} }}
            """,
        )
        for value in ("01", "7f", "8001", "ffffff7f")
    ),
    Row(
        "one for all filters of a packet",
        "MQTT-3.3.4-3 MQTT-3.8.4-5",
        """
        a connects
        a > SUBSCRIBE { 0001 { subscription-identifier 07 } "t" 00 "u" 00 }
        a < SUBACK { 0001 {} 00 00 }
        a > PUBLISH { "t" {} }
        a < PUBLISH { "t" { subscription-identifier 07 } }
        a > PUBLISH { "u" {} }
        a < PUBLISH { "u" { subscription-identifier 07 } }
        """,
    ),
    Row(
        "the same one for two subscriptions stands twice",
        "MQTT-3.3.4-4",
        """
        a connects
        a > SUBSCRIBE { 0001 { subscription-identifier 07 } "a/+" 00 "+/b" 00 }
        a < SUBACK { 0001 {} 00 00 }
        a > PUBLISH { "a/b" {} }
        a < PUBLISH { "a/b" { subscription-identifier 07 subscription-identifier 07 } }
        """,
    ),
    Row(
        "lasts as long as the session",
        "MQTT-3.3.4-3",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 { subscription-identifier 07 } "t" 01 }
        a < SUBACK { 0001 {} 01 }
        a cut
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} }
        b < PUBACK { 0001 }
        a returns
        a < PUBLISH+qos1 { "t" 0001 { subscription-identifier 07 } }
        """,
    ),
)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", ANSWER)
async def test_answer(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", QOS)
async def test_qos(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", REPLACED)
async def test_replaced(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", NO_LOCAL)
async def test_no_local(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", IDENTIFIER)
async def test_subscription_identifier(case: Case, player: Player) -> None:
    await player.play(case)
