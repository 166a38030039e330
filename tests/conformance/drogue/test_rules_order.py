"""The order of what a device does while Drogue Cloud's rules ask endpoints about it."""

import asyncio
from pathlib import Path

import pytest
from drogue_rules import (
    CAME,
    LEVELS,
    READING,
    TOPIC,
    WENT,
    ask,
    declare,
    log_in,
    rules,
    subjects,
)
from http_endpoint import Endpoint
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub, running_hub

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Disconnect, Puback, Publish, Will
from leafhub.mqtt.reason_codes import ReasonCode


@LEVELS
async def test_messages_and_acknowledgements_keep_their_order(
    hub: RunningHub, feed: RawClient, open_client: OpenClient, endpoint: Endpoint, level: int
) -> None:
    await declare(hub, publish=rules({"validate": ask(endpoint)}))
    client = await log_in(open_client, level)
    assert await subjects(feed, 1) == [CAME]
    endpoint.is_open.clear()
    topics = ["free", TOPIC, "free", TOPIC] * 10
    await client.send_bytes(
        b"".join(
            encode_packet(Publish(topic, str(number).encode(), 1, packet_id=number + 1), level)
            for number, topic in enumerate(topics)
        )
    )
    assert (await client.expect(Puback)).packet_id == 1  # nothing was before it
    await endpoint.wait_for(1)
    other = await open_client()
    await other.connect("", "gw1@plant-a", "gwpw")
    await other.publish("free", "-1")
    assert await subjects(feed, 3) == [("free", 0), CAME, ("free", -1)]
    endpoint.is_open.set()
    acknowledged = [(await client.expect(Puback)).packet_id for _ in topics[1:]]
    assert acknowledged == list(range(2, len(topics) + 1))
    assert await subjects(feed, len(topics) - 1) == [
        (topic, number) for number, topic in enumerate(topics) if number
    ]
    assert endpoint.busiest == 1


async def test_a_client_with_much_that_waits_is_not_read_on(
    hub: RunningHub, open_client: OpenClient, endpoint: Endpoint
) -> None:
    await declare(hub, publish=rules({"validate": ask(endpoint)}))
    endpoint.is_open.clear()
    client = await log_in(open_client, 5)
    for number in range(8):
        await client.send(Publish(TOPIC, b"1", 1, packet_id=number + 1))
    await client.ping()  # so much may wait, and pings are answered
    for number in range(8, 40):
        await client.send(Publish(TOPIC, b"1", 1, packet_id=number + 1))
    endpoint.is_open.set()
    assert [(await client.expect(Puback)).packet_id for _ in range(40)] == list(range(1, 41))
    await client.ping()


@LEVELS
async def test_a_client_that_leaves_gets_its_message_stored(
    hub: RunningHub, feed: RawClient, open_client: OpenClient, endpoint: Endpoint, level: int
) -> None:
    await declare(hub, publish=rules({"validate": ask(endpoint)}))
    endpoint.is_open.clear()
    client = await log_in(open_client, level)
    await client.send(Publish(TOPIC, b"1", 1, packet_id=1))
    await endpoint.wait_for(1)
    await client.disconnect()
    again = await log_in(open_client, level)
    await again.ping()
    endpoint.is_open.set()
    assert await subjects(feed, 4) == [CAME, (TOPIC, 1), WENT, CAME]


@LEVELS
async def test_a_will_and_the_news_of_a_device_are_judged_in_their_order(
    hub: RunningHub, feed: RawClient, open_client: OpenClient, endpoint: Endpoint, level: int
) -> None:
    await declare(hub, publish=rules({"validate": ask(endpoint)}, when="always"))
    first = await log_in(open_client, level, Will("bye", b'"x"', 0))
    second = await log_in(open_client, level)
    if level == 5:
        code = (await first.expect(Disconnect)).reason_code
        assert code is ReasonCode.SESSION_TAKEN_OVER
    await first.expect_closed()
    assert await subjects(feed, 4) == [CAME, ("bye", "x"), WENT, CAME]
    said = [(asked.headers["ce-subject"], asked.headers["ce-type"]) for asked in endpoint.asked]
    assert said[:2] == [
        ("connection", "io.drogue.connection.v1"),
        ("bye", "io.drogue.event.v1"),
    ]
    await second.ping()


@LEVELS
async def test_a_rule_against_everything_locks_nobody_out(
    hub: RunningHub,
    open_client: OpenClient,
    caplog: pytest.LogCaptureFixture,
    level: int,
) -> None:
    await declare(hub, publish=rules({"reject": "all"}, when="always"))
    client = await log_in(open_client, level, Will("bye", b"x", 0))
    await client.ping()
    assert caplog.text.count("plant-a/dev1: a rule rejects 'connection': 'all'") == 1
    await client.close()
    await hub.settle()
    stored = await hub.events(application="plant-a", device="dev1")
    assert {event.kind for event in stored.events} == {"registry"}


async def test_a_hub_stops_in_time_while_endpoints_do_not_answer(
    data_folder: Path, endpoint: Endpoint
) -> None:
    endpoint.is_open.clear()
    async with asyncio.timeout(20):
        async with running_hub(data_folder) as hub:
            await declare(hub, publish=rules({"validate": ask(endpoint)}, when="always"))
            reader, writer = await asyncio.open_connection("127.0.0.1", hub.plain_port)
            client = RawClient(reader, writer, 4, hub.settle)
            assert (await client.connect("", "dev1@plant-a", "pw1")).reason_code == 0
            await client.send(Publish(TOPIC, READING, 1, packet_id=1))
            await endpoint.wait_for(1)
            started_s = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started_s < 4.5
    writer.close()
