"""MQTT over WebSocket (§6 of 3.1.1 and of 5.0, whose statements are the same)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from notation import wire
from player import Player
from raw_mqtt import PATIENCE_S
from table import LEVEL_3_1_1, LEVEL_5_0
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol
from whole_hub import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONNECT = 'CONNECT { head c2 003c none "a" login }'
Words = Mapping[str, str]


@pytest_asyncio.fixture(loop_scope="module", params=[LEVEL_3_1_1, LEVEL_5_0], ids=["3.1.1", "5.0"])
async def words(request: pytest.FixtureRequest, player: Player) -> Words:
    return await player.make_space(request.param)


@contextlib.asynccontextmanager
async def web_socket(hub: RunningHub, *subprotocols: str) -> AsyncIterator[ClientConnection]:
    names = [Subprotocol(name) for name in subprotocols or ("mqtt",)]
    address = f"ws://127.0.0.1:{hub.port('ws')}/mqtt"
    async with connect(address, subprotocols=names, proxy=None) as client:
        yield client


async def expect(client: ClientConnection, text: str, words: Words) -> None:
    """Exactly these bytes come, in binary frames of any length."""
    wanted, got = wire(text, words), b""
    async with asyncio.timeout(PATIENCE_S):
        while len(got) < len(wanted):
            frame = await client.recv()
            assert isinstance(frame, bytes)
            got += frame
    assert got == wanted


async def expect_closed(client: ClientConnection) -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ConnectionClosed):
            await client.recv()


@pytest.mark.spec("MQTT-6.0.0-1")
@pytest.mark.spec("MQTT-6.0.0-2")
@pytest.mark.parametrize("at_once", [1, 3, 1000])
async def test_packets_and_frames_need_not_begin_together(
    module_hub: RunningHub, words: Words, at_once: int
) -> None:
    conversation = wire(f"{CONNECT} PINGREQ {{}} PINGREQ {{}} PINGREQ {{}}", words)
    async with web_socket(module_hub) as client:
        for place in range(0, len(conversation), at_once):
            await client.send(conversation[place : place + at_once])
        await expect(client, "accepted PINGRESP {} PINGRESP {} PINGRESP {}", words)


@pytest.mark.spec("MQTT-6.0.0-2")
async def test_a_packet_in_fragments_of_one_message(module_hub: RunningHub, words: Words) -> None:
    conversation = wire(f"{CONNECT} PINGREQ {{}}", words)
    async with web_socket(module_hub) as client:
        await client.send([conversation[:5], conversation[5:20], b"", conversation[20:]])
        await expect(client, "accepted PINGRESP {}", words)


@pytest.mark.spec("MQTT-6.0.0-1")
async def test_a_text_frame_ends_the_connection(module_hub: RunningHub, words: Words) -> None:
    async with web_socket(module_hub) as client:
        await client.send(wire(CONNECT, words))
        await expect(client, "accepted", words)
        await client.send("no binary frame")
        await expect_closed(client)


@pytest.mark.spec("MQTT-6.0.0-1")
async def test_a_text_frame_first(module_hub: RunningHub) -> None:
    async with web_socket(module_hub) as client:
        await client.send("CONNECT")
        await expect_closed(client)


@pytest.mark.spec("MQTT-6.0.0-4")
@pytest.mark.parametrize("offered", [("mqtt",), ("chat", "mqtt"), ("mqtt", "chat")])
async def test_the_hub_chooses_mqtt(module_hub: RunningHub, offered: tuple[str, ...]) -> None:
    async with web_socket(module_hub, *offered) as client:
        assert client.subprotocol == "mqtt"


@pytest.mark.spec("MQTT-6.0.0-1")
async def test_a_message_goes_from_one_transport_to_the_other(
    module_hub: RunningHub, words: Words
) -> None:
    async with web_socket(module_hub) as client:
        await client.send(wire(f'{CONNECT} SUBSCRIBE {{ 0001 none "t" 00 }}', words))
        await expect(client, "accepted SUBACK { 0001 none 00 }", words)
        reader, writer = await asyncio.open_connection("127.0.0.1", module_hub.plain_port)
        publisher = 'CONNECT { head c2 003c none "b" login } PUBLISH { "t" none \'m\' }'
        writer.write(wire(publisher, words))
        await expect(client, "PUBLISH { \"t\" none 'm' }", words)
        assert await reader.readexactly(4)
        writer.close()
        await writer.wait_closed()
