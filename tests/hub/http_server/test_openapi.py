import httpx
from http_hub import HttpHub


async def test_every_call_stands_under_one_heading_that_is_explained(hub: HttpHub) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as client:
        document = (await client.get("/schema")).json()
    headings = {tag["name"]: tag["description"] for tag in document["tags"]}
    calls = [call for path in document["paths"].values() for call in path.values()]
    assert {tag for call in calls for tag in call["tags"]} == set(headings)
    assert all(len(call["tags"]) == 1 for call in calls)
    assert all(headings.values())
