from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from http_hub import WRITER, HttpHub, http_hub
from operator_view import NO_TLS

DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
name = "First bed"
credentials = [{ password = "correct horse" }]
[[application.device]]
id = "bed-2"
name = "Twin"
[[application.device]]
id = "bed-3"
name = "Twin"
"""


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HttpHub]:
    async with http_hub(tmp_path) as running:
        yield running


@pytest.fixture
async def http(hub: HttpHub) -> AsyncIterator[httpx.AsyncClient]:
    """Logged in, below ``/api/v1``."""
    async with httpx.AsyncClient(
        base_url=f"{hub.plain}/api/v1", auth=("writer", WRITER), verify=NO_TLS, trust_env=False
    ) as client:
        yield client


@pytest.fixture
async def greenhouse(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same, with an application and three devices in the registry."""
    answer = await http.put("/registry", content=DOCUMENT)
    assert answer.status_code == 200, answer.text
    return http
