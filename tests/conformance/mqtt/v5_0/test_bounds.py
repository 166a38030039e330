"""Where what is kept has an end: a full disk, retained messages, a restart (MQTT 5.0 §4.1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from full_disk import Disk
from notation import wire
from player import Player
from raw_mqtt import raw_client
from table import LEVEL_5_0, Case, Row, cases
from whole_hub import running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def disk() -> Iterator[Disk]:
    with pytest.MonkeyPatch.context() as patch:
        yield Disk(patch)


FULL_DISK = cases(
    LEVEL_5_0,
    Row(
        "refuses messages by 0x97 and takes them when there is room again",
        "MQTT-3.4.2-1 MQTT-3.5.2-1 MQTT-4.3.2-4 MQTT-4.3.3-8 MQTT-4.3.3-9",
        """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        a > CONNECT { head c2 003c { request-problem-information 00 } "a" login }
        a < accepted
        the disk is full
        a > PUBLISH+qos1 { "t" 0001 {} 'lost' }
        a < PUBACK { 0001 97 }
        a > PUBLISH+qos2 { "t" 0002 {} 'lost' }
        a < PUBREC { 0002 97 }
        the disk has room
        a > PUBLISH+qos1 { "t" 0001 {} 'one' }
        a < PUBACK { 0001 }
        a > PUBLISH+qos2 { "t" 0002 {} 'two' }
        a < PUBREC { 0002 }
        b < PUBLISH { "t" {} 'one' } PUBLISH { "t" {} 'two' }
        """,
    ),
)
ONE_RETAINED = cases(
    LEVEL_5_0,
    Row(
        "a message that finds no room is refused by 0x97; one in the place of another is not",
        "MQTT-3.3.1-5 MQTT-3.4.2-1",
        """
        a > CONNECT { head c2 003c { request-problem-information 00 } "a" login }
        a < accepted
        a > PUBLISH+qos1+retain { "t" 0001 {} 'first' }
        a < PUBACK { 0001 }
        a > PUBLISH+qos1+retain { "u" 0002 {} 'too many' }
        a < PUBACK { 0002 97 }
        a > PUBLISH+qos1+retain { "t" 0003 {} 'newer' }
        a < PUBACK { 0003 }
        a > SUBSCRIBE { 0004 {} "#" 00 }
        a < SUBACK { 0004 {} 00 } PUBLISH+retain { "t" {} 'newer' }
        """,
    ),
)


@pytest.mark.parametrize("case", FULL_DISK)
async def test_a_full_disk(case: Case, player: Player, disk: Disk) -> None:
    happenings = {"the disk is full": disk.fill, "the disk has room": disk.heal}
    await player.play(case, happenings)


@pytest.mark.parametrize("case", ONE_RETAINED)
async def test_no_room_for_retained_messages(case: Case, tmp_path: Path) -> None:
    async with running_hub(tmp_path / "data", LEAFHUB_RETAINED__MAXIMUM_MESSAGES="1") as hub:
        await Player(hub).play(case)


@pytest.mark.spec("MQTT-4.1.0-1")
@pytest.mark.spec("MQTT-3.2.2-3")
@pytest.mark.spec("MQTT-3.3.1-5")
@pytest.mark.spec("MQTT-3.3.2-17")
async def test_a_restart_ends_sessions_and_keeps_what_is_retained(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    connect = 'CONNECT { head c0 003c keeps "a" login }'
    message = '{ "t" 0001 { content-type "c" user-property "k" "v" } \'kept\' }'
    async with (
        running_hub(folder) as hub,
        raw_client(hub.plain_port, protocol_level=LEVEL_5_0) as client,
    ):
        words = await Player(hub).make_space(LEVEL_5_0)
        await client.send_bytes(wire(f"{connect} PUBLISH+qos1+retain {message}", words))
        await client.expect_bytes(wire("accepted PUBACK { 0001 }", words))
    async with (
        running_hub(folder) as hub,
        raw_client(hub.plain_port, protocol_level=LEVEL_5_0) as client,
    ):
        await client.send_bytes(wire(f'{connect} SUBSCRIBE {{ 0001 none "t" 01 }}', words))
        await client.expect_bytes(
            wire(f"accepted SUBACK {{ 0001 none 01 }} PUBLISH+qos1+retain {message}", words)
        )
