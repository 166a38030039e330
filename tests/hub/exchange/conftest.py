from collections.abc import AsyncIterator

import pytest
from hand_exchange import World, application, device

from leafhub.model.registry import PutApplication, PutDevice


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """With the application ``oak`` and its device ``d``."""
    world = World()
    await world.exchange.start()
    await world.apply(PutApplication(application()), PutDevice(device()))
    world.store.committed.clear()
    yield world
    await world.exchange.stop()
