"""How many QoS 1 messages a second are taken in: published by a few, each acknowledged."""

import asyncio
from typing import Final

from leafhub_tools.bench import wire
from leafhub_tools.bench.brokers import Broker
from leafhub_tools.bench.clients import ANSWER_TIME_S, Client, all_of, close, connected
from leafhub_tools.bench.scenario import Measurement, Scenario, Stopwatch

PUBLISHERS: Final = 10
BURST: Final = 10
"""Messages of one publisher that leave in one write."""
WINDOW: Final = 10
"""Bursts of one publisher under way at once: the next follows when the oldest is acknowledged."""
BURSTS: Final = 600
MESSAGES: Final = PUBLISHERS * BURST * BURSTS
PAYLOAD: Final = b'{"temperature": 21.5, "humidity": 48}'


async def _measure(broker: Broker) -> Measurement:
    publishers = await connected(broker, (f"publisher-{n}" for n in range(PUBLISHERS)))
    bursts = [
        b"".join(
            wire.publish(f"plant/{n}/climate", PAYLOAD, packet_id=packet_id)
            for packet_id in range(1, BURST * WINDOW + 1)
        )
        for n in range(PUBLISHERS)
    ]

    async def publish(client: Client, packets: bytes) -> None:
        begun_bytes = client.received_bytes
        step = len(packets) // WINDOW
        for number in range(1, BURSTS + 1):
            place = number % WINDOW * step
            client.write(packets[place : place + step])
            settled = number if number == BURSTS else max(0, number - WINDOW + 1)
            await client.received(begun_bytes + settled * BURST * wire.PUBACK_BYTES)

    watch = Stopwatch(broker)
    async with asyncio.timeout(ANSWER_TIME_S):
        await all_of(map(publish, publishers, bursts))
    measurement = watch.measurement(MESSAGES / watch.passed_s, watch.passed_s)
    await close(publishers)
    return measurement


QOS_1: Final = Scenario(
    name="ingest",
    title=f"QoS 1 in, {PUBLISHERS} publishers",
    unit="messages/s",
    more_is_better=True,
    measure=_measure,
)
