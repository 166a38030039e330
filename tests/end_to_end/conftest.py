from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from hub_process import HubProcess, hub_process


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    async with hub_process(tmp_path / "data") as running:
        yield running
