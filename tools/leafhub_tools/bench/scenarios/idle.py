"""What a connection at rest costs: thousands that only keep their keep-alive."""

import asyncio
from functools import partial
from typing import Final

from leafhub_tools.bench import process, wire
from leafhub_tools.bench.brokers import Broker
from leafhub_tools.bench.clients import ANSWER_TIME_S, all_of, close, connected
from leafhub_tools.bench.scenario import Measurement, Scenario, Stopwatch

CONNECTIONS: Final = 5_000
KEEP_ALIVE_S: Final = 60
PINGS: Final = 3
PAUSE_S: Final = 1.0
"""Between two rounds of pings; long enough to tell rest from the work of connecting."""


async def _measure(broker: Broker, *, tls: bool) -> Measurement:
    """Bytes per connection: what the process has grown by, divided.

    A first few clients make the broker load what it loads only once.
    """
    await close(await connected(broker, (f"first-{n}" for n in range(50)), tls=tls))
    await asyncio.sleep(PAUSE_S)
    before_bytes = process.memory_bytes(broker.pid)
    names = (f"idle-{n:05}" for n in range(CONNECTIONS))
    clients = await connected(broker, names, tls=tls, keep_alive_s=KEEP_ALIVE_S)
    watch = Stopwatch(broker)
    for _ in range(PINGS):
        async with asyncio.timeout(ANSWER_TIME_S):
            await all_of(client.ask(wire.PINGREQ, wire.PINGRESP) for client in clients)
        await asyncio.sleep(PAUSE_S)
    grown_bytes = process.memory_bytes(broker.pid) - before_bytes
    measurement = watch.measurement(grown_bytes / CONNECTIONS / 1024, watch.passed_s)
    await close(clients)
    return measurement


PLAIN: Final = Scenario(
    name="idle",
    title=f"memory per idle connection ({CONNECTIONS:,})",
    unit="KiB",
    more_is_better=False,
    measure=partial(_measure, tls=False),
)
TLS: Final = Scenario(
    name="idle-tls",
    title=f"the same over TLS ({CONNECTIONS:,})",
    unit="KiB",
    more_is_better=False,
    measure=partial(_measure, tls=True),
)
