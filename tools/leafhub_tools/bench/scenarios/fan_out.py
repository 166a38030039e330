"""How many messages a second go out where one publisher has many subscribers."""

import asyncio
from typing import Final

from leafhub_tools.bench import wire
from leafhub_tools.bench.brokers import Broker
from leafhub_tools.bench.clients import ANSWER_TIME_S, all_of, close, connected
from leafhub_tools.bench.scenario import Measurement, Scenario, Stopwatch

SUBSCRIBERS: Final = 200
BURST: Final = 10
"""Messages under way at once: the next ones follow when every subscriber has these."""
BURSTS: Final = 40
DELIVERIES: Final = SUBSCRIBERS * BURST * BURSTS
TOPIC: Final = "plant/hall/climate"
PAYLOAD: Final = b'{"temperature": 21.5, "humidity": 48}'


async def _measure(broker: Broker) -> Measurement:
    subscribers = await connected(broker, (f"subscriber-{n}" for n in range(SUBSCRIBERS)))
    async with asyncio.timeout(ANSWER_TIME_S):
        asked = wire.subscribe("plant/+/climate", 0), wire.SUBACK + b"\x00"
        await all_of(client.ask(*asked) for client in subscribers)
    (publisher,) = await connected(broker, ["publisher"])
    message_bytes = len(wire.publish(TOPIC, PAYLOAD))
    burst = b"".join(wire.publish(TOPIC, PAYLOAD, packet_id=n) for n in range(1, BURST + 1))
    watch = Stopwatch(broker)
    async with asyncio.timeout(ANSWER_TIME_S):
        for _ in range(BURSTS):
            wanted_bytes = BURST * message_bytes
            waits = [
                client.received(client.received_bytes + wanted_bytes) for client in subscribers
            ]
            publisher.write(burst)
            await all_of(waits)
    measurement = watch.measurement(DELIVERIES / watch.passed_s, watch.passed_s)
    await close([publisher, *subscribers])
    return measurement


TO_200: Final = Scenario(
    name="fan-out",
    title=f"QoS 0 out, from 1 to {SUBSCRIBERS}",
    unit="messages/s",
    more_is_better=True,
    measure=_measure,
)
