"""The flows of QoS 1 and 2, either way, and their order (MQTT 5.0 §4.3, §4.6)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHED = """
    w connects
    w > SUBSCRIBE { 0001 {} "t" 00 }
    w < SUBACK { 0001 {} 00 }
    """

TO_THE_HUB = cases(
    LEVEL_5_0,
    Row(
        "QoS 1: the id is free after PUBACK, whatever DUP says",
        "MQTT-4.3.2-4 MQTT-4.3.2-5",
        WATCHED
        + """
        a connects
        a > PUBLISH+qos1 { "t" 0001 {} 'one' }
        a < PUBACK { 0001 }
        a > PUBLISH+qos1+dup { "t" 0001 {} 'two' }
        a < PUBACK { 0001 }
        w < PUBLISH { "t" {} 'one' }
        w < PUBLISH { "t" {} 'two' }
        """,
    ),
    Row(
        "QoS 2: delivered once, though it came twice",
        "MQTT-4.3.3-8 MQTT-4.3.3-10",
        WATCHED
        + """
        a connects
        a > PUBLISH+qos2 { "t" 0001 {} }
        a < PUBREC { 0001 }
        a > PUBLISH+qos2+dup { "t" 0001 {} }
        a < PUBREC { 0001 }
        a > PUBREL { 0001 }
        a < PUBCOMP { 0001 }
        w < PUBLISH { "t" {} }
        """,
    ),
    Row(
        "QoS 2: delivered once, though the client was away meanwhile",
        "MQTT-4.3.3-10 MQTT-4.1.0-1",
        WATCHED
        + """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > PUBLISH+qos2 { "t" 0001 {} }
        a < PUBREC { 0001 }
        a cut
        a returns
        a > PUBLISH+qos2+dup { "t" 0001 {} }
        a < PUBREC { 0001 }
        a > PUBREL { 0001 }
        a < PUBCOMP { 0001 }
        w < PUBLISH { "t" {} }
        """,
    ),
    Row(
        "QoS 2: the id is free after PUBCOMP",
        "MQTT-4.3.3-11 MQTT-4.3.3-12",
        WATCHED
        + """
        a connects
        a > PUBLISH+qos2 { "t" 0001 {} 'one' }
        a < PUBREC { 0001 }
        a > PUBREL { 0001 }
        a < PUBCOMP { 0001 }
        a > PUBREL { 0001 }
        a < PUBCOMP { 0001 92 }
        a > PUBLISH+qos2+dup { "t" 0001 {} 'two' }
        a < PUBREC { 0001 }
        w < PUBLISH { "t" {} 'one' }
        w < PUBLISH { "t" {} 'two' }
        """,
    ),
    Row(
        "QoS 2: the id is free after a refusal",
        "MQTT-4.3.3-9",
        WATCHED.replace('"t"', '"open/t"')
        + """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > PUBLISH+qos2 { "t" 0001 {} 'refused' }
        a < PUBREC { 0001 87 { reason-string "Not authorized" } }
        a > PUBLISH+qos2 { "open/t" 0001 {} 'taken' }
        a < PUBREC { 0001 }
        a > PUBREL { 0001 }
        a < PUBCOMP { 0001 }
        w < PUBLISH { "open/t" {} 'taken' }
        """,
    ),
    Row(
        "QoS 2: many at once, released in another order",
        "MQTT-4.3.3-8 MQTT-4.3.3-11 MQTT-2.2.1-5",
        """
        a connects
        a > PUBLISH+qos2 { "t" 0003 {} }
        a > PUBLISH+qos2 { "t" 0001 {} }
        a > PUBLISH+qos2 { "t" ffff {} }
        a < PUBREC { 0003 } PUBREC { 0001 } PUBREC { ffff }
        a > PUBREL { ffff }
        a < PUBCOMP { ffff }
        a > PUBREL { 0003 } PUBREL { 0001 }
        a < PUBCOMP { 0003 } PUBCOMP { 0001 }
        """,
    ),
)
FROM_THE_HUB = cases(
    LEVEL_5_0,
    Row(
        "QoS 1: PUBACK ends it",
        "MQTT-4.3.2-1 MQTT-4.3.2-2 MQTT-4.3.2-3",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 {} }
        a > PUBACK { 0001 }
        a cut
        a returns
        a quiet
        """,
    ),
    Row(
        "QoS 2: PUBREC, PUBREL, PUBCOMP with its id",
        "MQTT-4.3.3-1 MQTT-4.3.3-2 MQTT-4.3.3-4 MQTT-4.3.3-5 MQTT-2.2.1-5 MQTT-3.6.2-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0009 {} }
        b < PUBREC { 0009 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 }
        a quiet
        """,
    ),
    Row(
        "QoS 2: PUBREC again brings PUBREL again, not the message",
        "MQTT-4.3.3-4 MQTT-4.3.3-6",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 {} }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a > PUBREC { 0001 } PUBREC { 0001 }
        a < PUBREL { 0001 } PUBREL { 0001 }
        """,
    ),
    Row(
        "QoS 2: a refusal ends it without PUBREL",
        "MQTT-4.3.3-4 MQTT-4.4.0-2",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 {} }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a > PUBREC { 0001 97 }
        a quiet
        """,
    ),
)
ORDER = cases(
    LEVEL_5_0,
    Row(
        "of one client's messages at each QoS",
        "MQTT-4.6.0-5 MQTT-4.6.0-6",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos2 { "t" 0002 {} '2' }
        b > PUBLISH+qos1 { "t" 0003 {} '3' } PUBLISH+qos2 { "t" 0004 {} '4' }
        b < PUBACK { 0001 } PUBREC { 0002 } PUBACK { 0003 } PUBREC { 0004 }
        a < PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos2 { "t" 0002 {} '2' }
        a < PUBLISH+qos1 { "t" 0003 {} '3' } PUBLISH+qos2 { "t" 0004 {} '4' }
        """,
    ),
    Row(
        "of the hub's PUBACKs and PUBRECs: that of the messages",
        "MQTT-4.6.0-2 MQTT-4.6.0-3",
        """
        a connects
        a > PUBLISH+qos2 { "t" 0004 {} } PUBLISH+qos1 { "t" 0003 {} }
        a > PUBLISH+qos1 { "t" 0002 {} } PUBLISH+qos2 { "t" 0001 {} }
        a < PUBREC { 0004 } PUBACK { 0003 } PUBACK { 0002 } PUBREC { 0001 }
        """,
    ),
    Row(
        "of the hub's PUBRELs: that of the PUBRECs",
        "MQTT-4.6.0-4",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 {} } PUBLISH+qos2 { "t" 0002 {} }
        b < PUBREC { 0001 } PUBREC { 0002 }
        a < PUBLISH+qos2 { "t" 0001 {} } PUBLISH+qos2 { "t" 0002 {} }
        a > PUBREC { 0002 } PUBREC { 0001 }
        a < PUBREL { 0002 } PUBREL { 0001 }
        """,
    ),
    Row(
        "of what is sent again: that of the first time",
        "MQTT-4.6.0-1 MQTT-4.4.0-1",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        b > PUBLISH+qos2 { "t" 0003 {} '3' }
        b < PUBREC { 0001 } PUBACK { 0002 } PUBREC { 0003 }
        a < PUBLISH+qos2 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        a < PUBLISH+qos2 { "t" 0003 {} '3' }
        a cut
        a returns
        a < PUBLISH+qos2+dup { "t" 0001 {} '1' } PUBLISH+qos1+dup { "t" 0002 {} '2' }
        a < PUBLISH+qos2+dup { "t" 0003 {} '3' }
        """,
    ),
)


@pytest.mark.parametrize("case", TO_THE_HUB)
async def test_to_the_hub(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FROM_THE_HUB)
async def test_from_the_hub(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", ORDER)
async def test_order(case: Case, player: Player) -> None:
    await player.play(case)
