"""Data representation and the format of packets (MQTT 5.0 §1.5, §2.1)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRINGS = cases(
    LEVEL_5_0,
    offence("not UTF-8", "MQTT-1.5.4-1 MQTT-3.3.2-1", "PUBLISH { [ c328 ] {} }"),
    offence("an over-long encoding", "MQTT-1.5.4-1", "PUBLISH { [ c0af ] {} }"),
    offence("a surrogate", "MQTT-1.5.4-1", "PUBLISH { [ eda080 ] {} }"),
    offence("above U+10FFFF", "MQTT-1.5.4-1", "PUBLISH { [ f4908080 ] {} }"),
    offence("U+0000", "MQTT-1.5.4-2 MQTT-4.7.3-2", "PUBLISH { [ 61 00 62 ] {} }"),
    offence(
        "U+0000 in a topic filter",
        "MQTT-1.5.4-2 MQTT-4.7.3-2",
        "SUBSCRIBE { 0001 {} [ 61 00 62 ] 00 }",
    ),
    offence("longer than its packet", "MQTT-3.3.2-1", "PUBLISH { 0003 'ab' }"),
    offence(
        "the name of a pair is not UTF-8",
        "MQTT-1.5.7-1",
        'PUBLISH { "t" { user-property [ c328 ] "value" } }',
    ),
    offence(
        "the value of a pair is not UTF-8",
        "MQTT-1.5.7-1",
        'PUBLISH { "t" { user-property "name" [ c328 ] } }',
    ),
    Row(
        "a byte order mark is a character",
        "MQTT-1.5.4-3 MQTT-4.7.3-4",
        """
        a connects
        a > SUBSCRIBE { 0001 {} [ efbbbf 61 ] 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "a" {} 'without' }
        a > PUBLISH { [ efbbbf 61 ] {} 'with' }
        a < PUBLISH { [ efbbbf 61 ] {} 'with' }
        """,
    ),
    Row(
        "one, two, three and four bytes to a character",
        "MQTT-1.5.4-1 MQTT-4.7.3-4",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "aé€🌡" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "aé€🌡" {} }
        a < PUBLISH { [ 61 c3a9 e282ac f09f8ca1 ] {} }
        """,
    ),
    Row(
        "an empty string pair",
        "MQTT-1.5.7-1 MQTT-3.3.2-17",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "t" { user-property "" "" } }
        a < PUBLISH { "t" { user-property "" "" } }
        """,
    ),
)
INTEGERS = cases(
    LEVEL_5_0,
    offence("two bytes for 0", "MQTT-1.5.5-1", "c0 80 00"),
    offence("a property length of two bytes for 0", "MQTT-1.5.5-1", 'PUBLISH { "t" 80 00 }'),
    offence(
        "a subscription identifier of two bytes for 1",
        "MQTT-1.5.5-1",
        'SUBSCRIBE { 0001 { subscription-identifier 81 00 } "t" 00 }',
    ),
    offence("more than four bytes", "MQTT-1.5.5-1", "PUBLISH ff ff ff ff 01"),
    Row(
        "lengths of one, two and three bytes",
        "MQTT-1.5.5-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH 7f "t" {} 'x'*123
        a < PUBLISH 7f "t" {} 'x'*123
        a > PUBLISH 80 01 "t" {} 'x'*124
        a < PUBLISH 80 01 "t" {} 'x'*124
        a > PUBLISH ff 7f "t" {} 'x'*16379
        a < PUBLISH ff 7f "t" {} 'x'*16379
        a > PUBLISH 80 80 01 "t" {} 'x'*16380
        a < PUBLISH 80 80 01 "t" {} 'x'*16380
        """,
    ),
)
FIXED_HEADER = cases(
    LEVEL_5_0,
    offence("packet type 0", "", "00 {}"),
    offence("flags of CONNECT", "MQTT-2.1.3-1", '11 { head c2 003c {} "a" login }'),
    offence("flags of PUBACK", "MQTT-2.1.3-1", "41 { 0001 }"),
    offence("flags of PUBREC", "MQTT-2.1.3-1", "51 { 0001 }"),
    offence("flags of PUBREL", "MQTT-2.1.3-1 MQTT-3.6.1-1", "60 { 0001 }"),
    offence("flags of PUBCOMP", "MQTT-2.1.3-1", "71 { 0001 }"),
    offence("flags of SUBSCRIBE", "MQTT-2.1.3-1 MQTT-3.8.1-1", '80 { 0001 {} "t" 00 }'),
    offence("flags of UNSUBSCRIBE", "MQTT-2.1.3-1 MQTT-3.10.1-1", 'a0 { 0001 {} "t" }'),
    offence("flags of PINGREQ", "MQTT-2.1.3-1", "c1 {}"),
    offence("flags of DISCONNECT", "MQTT-2.1.3-1 MQTT-3.14.1-1", "e1 {}"),
    offence("flags of AUTH", "MQTT-2.1.3-1 MQTT-3.15.1-1", "f1 {}"),
    offence("CONNACK from a client", "", "CONNACK { 00 00 {} }", "82"),
    offence("SUBACK from a client", "", "SUBACK { 0001 {} 00 }", "82"),
    offence("UNSUBACK from a client", "", "UNSUBACK { 0001 {} 00 }", "82"),
    offence("PINGRESP from a client", "", "PINGRESP {}", "82"),
    offence("bytes behind the end of PINGREQ", "", "PINGREQ { 00 }"),
    offence("bytes behind the end of PUBACK", "", "PUBACK { 0001 00 {} 00 }"),
    Row(
        "packets cut anywhere",
        "MQTT-4.2-1",
        """
        a connects
        a > c0
        a > 00 c0 00 82 07 00 01
        a < PINGRESP {} PINGRESP {}
        a > 00 00 01 't'
        a > 00
        a < SUBACK { 0001 {} 00 }
        """,
    ),
)
PACKET_IDS = cases(
    LEVEL_5_0,
    offence("PUBLISH with id 0", "MQTT-2.2.1-3", 'PUBLISH+qos1 { "t" 0000 {} }'),
    offence("SUBSCRIBE with id 0", "MQTT-2.2.1-3", 'SUBSCRIBE { 0000 {} "t" 00 }'),
    offence("UNSUBSCRIBE with id 0", "MQTT-2.2.1-3", 'UNSUBSCRIBE { 0000 {} "t" }'),
    offence("PUBACK with id 0", "", "PUBACK { 0000 }"),
    offence("PUBLISH without an id", "", 'PUBLISH+qos1 { "t" 00 }'),
    Row(
        "none at QoS 0, either way",
        "MQTT-2.2.1-2 MQTT-2.2.2-1 MQTT-4.3.1-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        a > PUBLISH { "t" {} 0007 }
        a < PUBLISH { "t" {} 0007 }
        """,
    ),
    Row(
        "the hub's own: not 0, and none twice",
        "MQTT-2.2.1-4 MQTT-4.3.2-1 MQTT-4.3.2-2 MQTT-4.3.3-1 MQTT-4.3.3-2",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} 'first' }
        a < PUBLISH+qos1 { "t" 0001 {} 'first' }
        b > PUBLISH+qos2 { "t" 0002 {} 'second' }
        a < PUBLISH+qos2 { "t" 0002 {} 'second' }
        a > PUBACK { 0001 }
        b > PUBLISH+qos1 { "t" 0003 {} 'third' }
        a < PUBLISH+qos1 { "t" 0003 {} 'third' }
        b < PUBACK { 0001 } PUBREC { 0002 } PUBACK { 0003 }
        """,
    ),
    Row(
        "the two sides count apart",
        "MQTT-2.2.1-5 MQTT-2.2.1-6",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        a > PUBLISH+qos1 { "t" 0001 {} }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0001 {} }
        a > PUBACK { 0001 }
        a > SUBSCRIBE { ffff {} "t" 02 }
        a < SUBACK { ffff {} 02 }
        a > UNSUBSCRIBE { 1234 {} "t" }
        a < UNSUBACK { 1234 {} 00 }
        a > PUBLISH+qos2 { "t" 4321 {} }
        a < PUBREC { 4321 }
        a > PUBREL { 4321 }
        a < PUBCOMP { 4321 }
        """,
    ),
)


@pytest.mark.parametrize("case", STRINGS)
async def test_string(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", INTEGERS)
async def test_variable_byte_integer(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FIXED_HEADER)
async def test_fixed_header(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", PACKET_IDS)
async def test_packet_id(case: Case, player: Player) -> None:
    await player.play(case)
