"""What a scenario is: one question, asked of each broker in the same way."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from leafhub_tools.bench import process
from leafhub_tools.bench.brokers import Broker


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One answer.

    Attributes:
        value: In the scenario's unit.
        broker_share: Processor time of the broker per second, while it was measured.
        load_share: The same of the load generator; near 1 it is what was measured.
    """

    value: float
    broker_share: float
    load_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One line of the table.

    Attributes:
        name: For ``--only``; several may share one.
        title: For the table.
        unit: Of the value.
        more_is_better: Whether a larger value is the better one.
        measure: Asks a broker that was just started.
        starts: How often it was started on the same folder, this time included.
    """

    name: str
    title: str
    unit: str
    more_is_better: bool
    measure: Callable[[Broker], Awaitable[Measurement]]
    starts: int = 1


class Stopwatch:
    """Time that passes, and what broker and load generator use of it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._started_s = time.monotonic()
        self._load_s = time.process_time()
        self._broker_s = process.processor_s(broker.pid)

    @property
    def passed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def measurement(self, value: float, passed_s: float) -> Measurement:
        """A value that took ``passed_s`` to get."""
        return Measurement(
            value=value,
            broker_share=(process.processor_s(self._broker.pid) - self._broker_s) / passed_s,
            load_share=(time.process_time() - self._load_s) / passed_s,
        )
