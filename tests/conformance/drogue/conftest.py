"""The world of the conformance cases, and who reads along."""

from collections.abc import AsyncIterator

import pytest
from http_endpoint import Endpoint, serving
from raw_mqtt import RawClient
from worlds import DROGUE


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE,)


@pytest.fixture
async def feed(feed: RawClient) -> RawClient:
    assert await feed.subscribe("app/plant-a", qos=0) == [0]
    return feed


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """Somebody else's HTTP server."""
    async with serving() as endpoint:
        yield endpoint
