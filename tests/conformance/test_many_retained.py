"""Ten thousand retained messages for one subscription: none is lost, and nobody else waits."""

from pathlib import Path

import pytest
from raw_mqtt import OpenClient, RawClient, raw_client
from whole_hub import running_hub
from worlds import BROKER

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Puback, Publish, Suback, Subscribe, SubscriptionRequest

MANY = 10_000
PAYLOAD = b"x" * 100


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (BROKER,)


def retained(topic_name: str, payload: bytes, packet_id: int) -> Publish:
    return Publish(topic_name, payload, qos=1, retain=True, packet_id=packet_id)


async def fill(client: RawClient) -> None:
    """Publish ``MANY`` retained messages; they are on disk when this returns."""
    for start in range(0, MANY, 500):
        packets = [
            encode_packet(retained(f"{n % 100}/{n}/state", PAYLOAD, n % 500 + 1), 5)
            for n in range(start, start + 500)
        ]
        await client.send_bytes(b"".join(packets))
        for _ in packets:
            assert (await client.expect(Puback)).reason_code == 0


async def take_all(client: RawClient) -> dict[str, Publish]:
    """Read and acknowledge ``MANY`` messages, and the one that came while they did."""
    found: dict[str, Publish] = {}
    while len(found) <= MANY:
        message = await client.expect(Publish)
        assert message.topic_name not in found
        found[message.topic_name] = message
        if message.packet_id is not None:
            await client.send(Puback(message.packet_id))
    return found


async def hass(open_client: OpenClient, client_id: str, level: int = 5) -> RawClient:
    client = await open_client(protocol_level=level)
    assert (await client.connect(client_id, "hass", "hass-pw")).reason_code == 0
    return client


@pytest.mark.parametrize("qos", [0, 1])
async def test_all_come_and_nobody_else_waits(open_client: OpenClient, qos: int) -> None:
    other = await hass(open_client, "other")
    await fill(other)
    reader = await hass(open_client, "reader")
    await reader.send(Subscribe(1, (SubscriptionRequest("#", qos),)))
    await reader.expect(Suback)
    await other.subscribe("live")
    await other.publish("live", b"1", qos=0)
    await other.expect_message("live", b"1")  # while the reader has not read yet
    await other.ping()
    found = await take_all(reader)
    assert not found.pop("live").retain
    assert all(message.retain for message in found.values())
    assert {message.payload for message in found.values()} == {PAYLOAD}


async def test_what_an_earlier_run_retained_is_there(data_folder: Path) -> None:
    async with running_hub(data_folder) as hub, raw_client(hub.plain_port) as client:
        await client.connect("writer", "hass", "hass-pw")
        for packet_id, (topic_name, payload) in enumerate(
            [("a/kept", b"old"), ("a/kept", b"new"), ("a/removed", b"x"), ("a/removed", b"")], 1
        ):
            await client.send(retained(topic_name, payload, packet_id))
            await client.expect(Puback)
    async with running_hub(data_folder) as hub, raw_client(hub.plain_port) as client:
        await client.connect("reader", "hass", "hass-pw")
        await client.subscribe("a/#", qos=0)
        await client.expect_message("a/kept", b"new")
        await client.ping()
