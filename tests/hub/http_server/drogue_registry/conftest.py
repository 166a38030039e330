"""The registry for an admin of the hub."""

from collections.abc import AsyncIterator

import pytest
from drogue_registry import RegistryApi, caller
from http_hub import WRITER, HttpHub


@pytest.fixture
async def api(hub: HttpHub) -> AsyncIterator[RegistryApi]:
    async with caller(hub, "writer", WRITER) as one:
        yield one
