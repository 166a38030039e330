"""One subscriber that does not read, among fifty that do: nobody else pays for it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from raw_mqtt import OpenClient, RawClient, eventually
from whole_hub import RunningHub, running_hub
from worlds import BROKER

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Connect, Puback, Publish, Subscribe, SubscriptionRequest

READERS = 50
MESSAGE_BYTES = 30_000


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (BROKER,)


@pytest.fixture
async def hub(data_folder: Path) -> AsyncIterator[RunningHub]:
    async with running_hub(
        data_folder,
        LEAFHUB_MQTT__WRITE_BUFFER_BYTES=str(16 * 1024),
    ) as hub:
        yield hub


async def listen(client: RawClient, name: str, qos: int) -> None:
    await client.connect(name, "hass", "hass-pw")
    assert await client.subscribe("camera/#", qos=qos) == [qos]


async def take_all(client: RawClient) -> int:
    """Take every message until the last one; gives their number."""
    taken = 0
    while True:
        message = await client.expect(Publish)
        assert message.payload.startswith(b"%d " % taken)
        taken += 1
        if message.packet_id is not None:
            await client.send(Puback(message.packet_id))
        if message.payload.endswith(b"last"):
            return taken


def said(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    return [r.getMessage() for r in caplog.records if text in r.getMessage()]


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_stuck_reader_delays_nobody_and_pays_itself(
    hub: RunningHub, open_client: OpenClient, caplog: pytest.LogCaptureFixture, qos: int
) -> None:
    readers = [await open_client() for _ in range(READERS)]
    for number, reader in enumerate(readers):
        await listen(reader, f"reader-{number}", qos)
    publisher = await open_client()
    await publisher.connect("publisher", "hass", "hass-pw")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", hub.plain_port))
        deaf.sendall(
            encode_packet(
                Connect(protocol_level=4, client_id="deaf", username="hass", password=b"hass-pw"),
                4,
            )
            + encode_packet(Subscribe(1, (SubscriptionRequest("camera/#", qos),)), 4)
        )

        async def all_listen() -> bool:
            return (await hub.device("home", "hass")).summary.connections == READERS + 2

        await eventually(all_listen)

        async def publish_all() -> int:
            sent = 0
            while not said(caplog, "too slowly"):
                body = (b"%d " % sent).ljust(MESSAGE_BYTES, b"x")
                await publisher.publish("camera/door", body)
                sent += 1
            await publisher.publish("camera/door", b"%d last" % sent)
            return sent + 1

        sent, *taken = await asyncio.gather(publish_all(), *map(take_all, readers))
        assert taken == [sent] * READERS
    assert said(caplog, "too slowly") == ["home/hass: takes messages too slowly, some are dropped"]

    async def is_gone() -> bool:
        return bool(said(caplog, "messages to it were dropped"))

    await eventually(is_gone)
    for reader in readers:
        await reader.ping()


async def test_who_reads_again_in_time_stays_and_gets_what_comes_then(
    hub: RunningHub, open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = await open_client()
    await publisher.connect("publisher", "hass", "hass-pw")
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.plain_port, limit=4096)
    slow = RawClient(reader, writer, 4, hub.settle)
    with contextlib.closing(writer):
        await listen(slow, "slow", 0)
        sent = 0
        while not said(caplog, "too slowly"):
            await publisher.publish("camera/door", b"old".ljust(200_000, b"x"))
            sent += 1
        taken = 0
        while not said(caplog, "reads again"):
            await slow.expect(Publish)
            taken += 1
        await publisher.publish("camera/door", b"new")
        while (await slow.expect(Publish)).payload != b"new":
            taken += 1
    assert said(caplog, "reads again") == [
        f"home/hass: reads again, {sent - taken} messages to it were dropped"
    ]
