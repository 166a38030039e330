"""One hub for all rows of a module; each row has a topic space of its own in it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from player import Player
from whole_hub import RunningHub, running_hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningHub]:
    """The hub of a module."""
    async with running_hub(tmp_path_factory.mktemp("hub") / "data") as hub:
        yield hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def player(module_hub: RunningHub) -> Player:
    """Plays rows at the module's hub."""
    return Player(module_hub)
