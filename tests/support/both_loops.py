"""A scenario with a whole hub, run on each of the two event loops the hub runs on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import uvloop
from whole_hub import RunningHub, running_hub
from worlds import DROGUE

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Run(Protocol):
    """Runs a scenario with a hub of its own; ``environment`` adds ``LEAFHUB_*`` variables."""

    def __call__(
        self, scenario: Callable[[RunningHub], Awaitable[None]], **environment: str
    ) -> None: ...


def runner(folder: Path, loop: str, document: str = DROGUE) -> Run:
    """Run scenarios on this loop, with hubs that know what stands in ``document``."""

    def run_scenario(
        scenario: Callable[[RunningHub], Awaitable[None]], **environment: str
    ) -> None:
        async def with_hub() -> None:
            async with running_hub(folder, **environment) as hub:
                await hub.apply(document)
                await scenario(hub)

        with asyncio.Runner(loop_factory=LOOPS[loop]) as each:
            each.run(with_hub())

    return run_scenario
