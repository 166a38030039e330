"""The world of the conformance cases, and who reads along."""

import pytest
from raw_mqtt import RawClient
from worlds import DROGUE


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE,)


@pytest.fixture
async def feed(feed: RawClient) -> RawClient:
    assert await feed.subscribe("app/plant-a", qos=0) == [0]
    return feed
