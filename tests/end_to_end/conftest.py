from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from hub_process import HubProcess, hub_process
from worlds import BROKER


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    async with hub_process(tmp_path / "data") as running:
        yield running


@pytest_asyncio.fixture
async def broker(hub: HubProcess) -> HubProcess:
    """A hub with the topic spaces ``home`` and ``workshop``."""
    await hub.operator.apply(BROKER)
    return hub
