"""What a broker costs before anybody has come: its memory at rest, and how soon it is ready.

The first start is on an empty folder, the second on what the first has left there.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from leafhub_tools.bench import process
from leafhub_tools.bench.brokers import Broker
from leafhub_tools.bench.scenario import Measurement, Scenario, Stopwatch

SETTLING_S = 1.0
"""After the start, so that its work is done."""
_MIB: Final = 1024 * 1024

Read = Callable[[Broker], float]


def _resident_mib(broker: Broker) -> float:
    return process.resident_bytes(broker.pid) / _MIB


def _own_mib(broker: Broker) -> float:
    return process.memory_bytes(broker.pid) / _MIB


def _ready_ms(broker: Broker) -> float:
    return broker.ready_s * 1000


async def _measure(broker: Broker, *, read: Read) -> Measurement:
    watch = Stopwatch(broker)
    await asyncio.sleep(SETTLING_S)
    return watch.measurement(read(broker), watch.passed_s)


def _of_a_start(title: str, unit: str, read: Read, *, starts: int) -> Scenario:
    return Scenario(
        name="rest",
        title=f"{title}, {('first', 'second')[starts - 1]} start",
        unit=unit,
        more_is_better=False,
        measure=partial(_measure, read=read),
        starts=starts,
    )


ALL: Final = tuple(
    _of_a_start(title, unit, read, starts=starts)
    for starts in (1, 2)
    for title, unit, read in (
        ("memory at rest (RSS)", "MiB", _resident_mib),
        ("its share of that (PSS)", "MiB", _own_mib),
        ("time until ready", "ms", _ready_ms),
    )
)
