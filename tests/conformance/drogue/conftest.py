"""The world of the conformance cases, and who reads along."""

from collections.abc import AsyncIterator

import httpx
import pytest
from drogue_registry import RegistryApi
from http_endpoint import Endpoint, serving
from raw_mqtt import RawClient
from whole_hub import TOKEN, RunningHub
from worlds import DROGUE


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE,)


@pytest.fixture
async def feed(feed: RawClient) -> RawClient:
    assert await feed.subscribe("app/plant-a", qos=0) == [0]
    return feed


@pytest.fixture
async def api(hub: RunningHub) -> AsyncIterator[RegistryApi]:
    """The vendor's registry, for an operator who may do everything."""
    async with httpx.AsyncClient(
        base_url=hub.http.base_url, auth=("operator", TOKEN), trust_env=False
    ) as http:
        yield RegistryApi(http)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """Somebody else's HTTP server."""
    async with serving() as endpoint:
        yield endpoint
