"""Applications written for Drogue Cloud, with other people's clients; only the host changed."""

import pytest
import pytest_asyncio
from hub_process import HubProcess
from paho_program import PAHOS, run

from leafhub.contract import operator_login

DOCUMENT = """
[[application]]
name = "plant"
dialect = "drogue"
[[application.device]]
id = "dev1"
credentials = [{ password = "device-secret" }]
[[application.device]]
id = "dev2"
credentials = [{ password = "device-secret" }]
"""


@pytest_asyncio.fixture
async def plant(hub: HubProcess) -> HubProcess:
    """A hub with the application ``plant``."""
    await hub.operator.apply(DOCUMENT)
    return hub


@pytest.mark.parametrize("paho", PAHOS)
@pytest.mark.parametrize("level", [4, 5])
async def test_paho(plant: HubProcess, paho: str, level: int) -> None:
    login = operator_login.load(plant.folder)
    await run(
        plant,
        paho,
        "paho_application.py",
        str(plant.plain_port),
        str(level),
        login.name,
        login.token,
    )
