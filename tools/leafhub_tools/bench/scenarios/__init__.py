"""The scenarios: one file each, one line each below."""

from typing import Final

from leafhub_tools.bench.scenario import Scenario
from leafhub_tools.bench.scenarios import fan_out, idle, ingest, rest

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *rest.ALL,
    idle.PLAIN,
    idle.TLS,
    ingest.QOS_1,
    fan_out.TO_200,
)
