"""Trouble, transport, and what needs no extension (MQTT 3.1.1 §4.8, §7)."""

from collections.abc import Iterator

import pytest
from full_disk import Disk
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def disk() -> Iterator[Disk]:
    with pytest.MonkeyPatch.context() as patch:
        yield Disk(patch)


ORDINARY = cases(
    LEVEL_3_1_1,
    Row(
        "a whole conversation with nothing but the standard",
        "MQTT-7.0.0-2 MQTT-7.1.1-1 MQTT-2.2.2-1 MQTT-3.12.4-1",
        """
        a > CONNECT { head c2 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t/#" 02 }
        a < SUBACK { 0001 02 }
        a > PUBLISH { "t/0" 'zero' }
        a < PUBLISH { "t/0" 'zero' }
        a > PUBLISH+qos1 { "t/1" 0002 'one' }
        a < PUBACK { 0002 } PUBLISH+qos1 { "t/1" 0001 'one' }
        a > PUBACK { 0001 }
        a > PUBLISH+qos2 { "t/2" 0003 'two' }
        a < PUBREC { 0003 } PUBLISH+qos2 { "t/2" 0002 'two' }
        a > PUBREC { 0002 } PUBREL { 0003 }
        a < PUBREL { 0002 } PUBCOMP { 0003 }
        a > PUBCOMP { 0002 } UNSUBSCRIBE { 0004 "t/#" }
        a < UNSUBACK { 0004 }
        a > PINGREQ {}
        a < PINGRESP {}
        a > DISCONNECT {}
        a end
        """,
    ),
    Row(
        "order is kept from one client to another",
        "MQTT-4.6.0-5 MQTT-4.6.0-6 MQTT-7.1.1-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 '1' } PUBLISH+qos1 { "t" 0002 '2' }
        b > PUBLISH+qos1 { "t" 0003 '3' } PUBLISH+qos1 { "t" 0004 '4' }
        b < PUBACK { 0001 } PUBACK { 0002 } PUBACK { 0003 } PUBACK { 0004 }
        a < PUBLISH+qos1 { "t" 0001 '1' } PUBLISH+qos1 { "t" 0002 '2' }
        a < PUBLISH+qos1 { "t" 0003 '3' } PUBLISH+qos1 { "t" 0004 '4' }
        a > PUBACK { 0001 } PUBACK { 0002 } PUBACK { 0003 } PUBACK { 0004 }
        b > PUBLISH { "t" '5' } PUBLISH { "t" '6' } PUBLISH { "t" '7' }
        a < PUBLISH { "t" '5' } PUBLISH { "t" '6' } PUBLISH { "t" '7' }
        b > PUBLISH+qos2 { "t" 0005 '8' } PUBLISH+qos2 { "t" 0006 '9' }
        b < PUBREC { 0005 } PUBREC { 0006 }
        a < PUBLISH+qos2 { "t" 0005 '8' } PUBLISH+qos2 { "t" 0006 '9' }
        a > PUBREC { 0005 } PUBREC { 0006 }
        a < PUBREL { 0005 } PUBREL { 0006 }
        a > PUBCOMP { 0005 } PUBCOMP { 0006 }
        """,
    ),
    Row(
        "what one client breaks leaves the others alone",
        "MQTT-4.8.0-1",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a connects
        a > PUBLISH { "t" 'before' } ff
        a end
        b < PUBLISH { "t" 'before' }
        b quiet
        """,
    ),
    Row(
        "nothing behind a violation is handled",
        "MQTT-4.8.0-1",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a connects
        a > PINGRESP {} PUBLISH { "t" 'behind' }
        a end
        b quiet
        """,
    ),
)

TROUBLE = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"QoS {qos}",
            "MQTT-4.8.0-2",
            f"""
            b connects
            b > SUBSCRIBE {{ 0001 "t" 00 }}
            b < SUBACK {{ 0001 00 }}
            a connects
            the disk is full
            a > PUBLISH+qos{qos} {{ "t" 0001 'm' }}
            a end
            b > PINGREQ {{}}
            b < PINGRESP {{}}
            the disk has room
            """,
        )
        for qos in (1, 2)
    ),
)


@pytest.mark.parametrize("bytes_at_once", [None, 1, 7], ids=["whole", "by bytes", "by sevens"])
@pytest.mark.parametrize("case", ORDINARY)
async def test_ordinary(case: Case, player: Player, bytes_at_once: int | None) -> None:
    await player.play(case, bytes_at_once=bytes_at_once)


@pytest.mark.parametrize("case", TROUBLE)
async def test_a_message_that_cannot_be_stored(case: Case, player: Player, disk: Disk) -> None:
    happenings = {"the disk is full": disk.fill, "the disk has room": disk.heal}
    await player.play(case, happenings)
