"""The table, and the same as JSON."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from rich.console import Console
from rich.table import Table

from leafhub_tools.bench.scenario import Measurement, Scenario

_HEADINGS = ("", "unit", "leafhub", "mosquitto", "ratio", "their CPU", "load's CPU")
_WIDTH = 110
"""Columns of the table where no terminal says otherwise."""


@dataclass(slots=True)
class Line:
    """What came out of one scenario.

    Attributes:
        scenario: Which.
        measured: By broker, one measurement for each round.
    """

    scenario: Scenario
    measured: Mapping[str, list[Measurement]] = field(default_factory=dict)

    def median(self, broker: str) -> float:
        """The middle one of the rounds' values."""
        return statistics.median(one.value for one in self.measured[broker])

    def shares(self, broker: str) -> tuple[float, float]:
        """The middle shares of processor time: the broker's and the load generator's."""
        measured = self.measured[broker]
        return (
            statistics.median(one.broker_share for one in measured),
            statistics.median(one.load_share for one in measured),
        )


def show(machine: str, rounds: int, lines: Sequence[Line], brokers: Sequence[str]) -> None:
    """Print the table."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(f"{machine}\nmedian of {rounds} rounds, ± half their range")
    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if place > 1 else "left")
    first, second = brokers
    for line in lines:
        shares = [line.shares(broker) for broker in brokers]
        table.add_row(
            line.scenario.title,
            line.scenario.unit,
            _cell(line, first),
            _cell(line, second),
            f"{line.median(first) / line.median(second):.2f}",
            " : ".join(f"{share:.0%}" for share, _ in shares),
            " : ".join(f"{share:.0%}" for _, share in shares),
        )
    console.print(table)
    console.print(
        "The hub has each message on disk before it acknowledges or delivers it; "
        "mosquitto keeps none."
    )


def as_json(machine: str, lines: Sequence[Line]) -> str:
    """Every measurement, for programs."""
    return msgspec.json.encode(
        {
            "machine": machine,
            "scenarios": [
                {
                    "name": line.scenario.name,
                    "title": line.scenario.title,
                    "unit": line.scenario.unit,
                    "more_is_better": line.scenario.more_is_better,
                    "measured": line.measured,
                }
                for line in lines
            ],
        }
    ).decode()


def _cell(line: Line, broker: str) -> str:
    values = [one.value for one in line.measured[broker]]
    median = line.median(broker)
    return f"{_number(median)} ±{(max(values) - min(values)) / 2 / median:.0%}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
