import httpx
from http_hub import HttpHub


async def test_health_needs_no_login(hub: HttpHub) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as client:
        assert (await client.get("/healthz")).text == "ok\n"
        assert (await client.get("/readyz")).text == "ready\n"
