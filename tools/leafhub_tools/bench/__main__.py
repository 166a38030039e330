"""Run the scenarios and print one table: see ``--help``."""

import argparse
import asyncio
import resource
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from leafhub.errors import HubError, UnavailableError
from leafhub_tools.bench import brokers, process, report
from leafhub_tools.bench.report import Line
from leafhub_tools.bench.scenario import Measurement, Scenario
from leafhub_tools.bench.scenarios import SCENARIOS
from leafhub_tools.bringing import BringError, say

SHELF = "bench"
OPEN_FILES: Final = 6_000
"""Sockets of the largest scenario, and some more."""
CANDIDATES: Final = {"leafhub": brokers.hub, "mosquitto": brokers.reference}


def main() -> int:
    """Measure; 1 and the reason where that is impossible."""
    asked = _arguments()
    scenarios = [one for one in SCENARIOS if not asked.only or one.name in asked.only]
    try:
        _allow_open_files()
        lines = asyncio.run(_measure_all(scenarios, asked.rounds))
    except (HubError, BringError) as exc:
        sys.stderr.write(f"{SHELF}: {exc}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    if asked.json:
        sys.stdout.write(report.as_json(process.machine(), lines) + "\n")
    else:
        report.show(process.machine(), asked.rounds, lines, tuple(CANDIDATES))
    return 0


async def _measure_all(scenarios: Sequence[Scenario], rounds: int) -> list[Line]:
    """Every scenario on every broker, round by round, so that both meet the same weather."""
    lines = [Line(scenario, {name: [] for name in CANDIDATES}) for scenario in scenarios]
    for number in range(1, rounds + 1):
        for line in lines:
            for name in CANDIDATES:
                one = await _measure(line.scenario, name)
                line.measured[name].append(one)
                say(
                    SHELF,
                    f"round {number} of {rounds}: {line.scenario.title}, {name}: "
                    f"{one.value:,.1f} {line.scenario.unit}",
                )
    return lines


async def _measure(scenario: Scenario, name: str) -> Measurement:
    with tempfile.TemporaryDirectory(prefix="leafhub-bench-") as folder:
        start = partial(CANDIDATES[name], Path(folder))
        for _ in range(1, scenario.starts):
            async with start():
                pass  # it leaves behind what a later start finds
        async with start() as broker:
            try:
                return await scenario.measure(broker)
            except TimeoutError as exc:
                raise UnavailableError(
                    f"{name} did not answer in time in {scenario.name!r}"
                ) from exc


def _allow_open_files() -> None:
    """Have as many open files as the largest scenario needs, for us and those we start.

    Raises:
        UnavailableError: The system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        raise UnavailableError(
            f"{OPEN_FILES} open files are needed, the limit is {hard}; "
            f"`ulimit -Hn {OPEN_FILES}` as root raises it for a shell"
        )
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description="The hub beside mosquitto, in one run on this machine."
    )
    parser.add_argument(
        "--rounds", type=_positive, default=3, help="how often each is measured (default: 3)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(dict.fromkeys(one.name for one in SCENARIOS)),
        help="these scenarios; may be given again",
    )
    parser.add_argument("--json", action="store_true", help="every measurement as JSON")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
