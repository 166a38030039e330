"""The hub ends a connection of its own accord and says why (MQTT 5.0 §3.14, §4.13.2)."""

import contextlib
from pathlib import Path

import pytest
from notation import wire
from player import Player
from properties_5_0 import PROPERTIES
from raw_mqtt import RawClient, raw_client
from table import LEVEL_5_0
from whole_hub import RunningHub, running_hub

CONNECT = 'CONNECT { head c2 003c none "a" login }'

pytestmark = [
    pytest.mark.spec("MQTT-3.14.2-1"),
    pytest.mark.spec("MQTT-3.14.2-2"),
    pytest.mark.spec("MQTT-3.14.4-2"),
    pytest.mark.spec("MQTT-4.13.2-1"),
]


async def connected(hub: RunningHub, client: RawClient) -> str:
    """Connect; gives the name of the user's space."""
    words = await Player(hub).make_space(LEVEL_5_0)
    await client.send_bytes(wire(CONNECT, words))
    await client.expect_bytes(wire("accepted", words))
    return words["user"].strip('"')


async def test_because_it_stops(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as connections:
        async with running_hub(tmp_path / "data") as hub:
            client = await connections.enter_async_context(
                raw_client(hub.plain_port, protocol_level=LEVEL_5_0)
            )
            await connected(hub, client)
        await client.expect_bytes(
            wire('DISCONNECT { 8b { reason-string "the hub is stopping" } }', PROPERTIES)
        )
        await client.expect_closed()


async def test_because_the_user_was_disabled(tmp_path: Path) -> None:
    async with (
        running_hub(tmp_path / "data") as hub,
        raw_client(hub.plain_port, protocol_level=LEVEL_5_0) as client,
    ):
        space = await connected(hub, client)
        await hub.apply(
            f'[[application]]\nname = "{space}"\ndialect = "broker"\n'
            f'[[application.device]]\nid = "{space}"\nenabled = false\n'
        )
        goodbye = 'DISCONNECT { 98 { reason-string "the device may no longer log in" } }'
        await client.expect_bytes(wire(goodbye, PROPERTIES))
        await client.expect_closed()
