import datetime as dt
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from http_hub import READER, HttpHub

from leafhub.exchange.access_tokens import with_check
from leafhub.exchange.operators import MAXIMUM_TOKENS

FACE = "/api/tokens/v1alpha1"


@pytest.fixture
async def reader(hub: HttpHub) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=hub.plain, auth=("reader", READER), trust_env=False
    ) as client:
        yield client


async def test_a_token_is_made_used_listed_and_removed(
    hub: HttpHub, reader: httpx.AsyncClient
) -> None:
    made = await reader.post(FACE, params={"description": "my laptop"})
    assert made.status_code == 200
    assert set(made.json()) == {"prefix", "token"}
    prefix, token = made.json()["prefix"], made.json()["token"]
    assert re.fullmatch(r"drg_[0-9A-Za-z]{6}", prefix)
    assert token.startswith(f"{prefix}_")
    assert with_check(token[:41]) == token

    listed = await reader.get(FACE)
    assert listed.status_code == 200
    (one,) = listed.json()
    assert {name: one[name] for name in ("prefix", "description")} == {
        "prefix": prefix,
        "description": "my laptop",
    }
    assert set(one) == {"prefix", "created", "description"}
    assert abs(dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(one["created"])) < dt.timedelta(
        minutes=1
    )

    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        for way in ({"token": token}, {"username": "reader", "api_key": token}):
            assert (await http.get(FACE, params=way)).status_code == 200
        assert (await http.get(FACE, auth=("reader", token))).status_code == 200
        assert (await http.get(FACE, auth=("writer", token))).status_code == 403
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await http.get("/api/v1/devices", headers=bearer)).status_code == 200
        removed = await http.delete(f"{FACE}/{prefix}", auth=("reader", token))
        assert (removed.status_code, removed.content) == (204, b"")
        assert (await http.get(FACE, auth=("reader", token))).status_code == 403
    assert (await reader.get(FACE)).json() == []


async def test_a_token_without_a_description_has_none(reader: httpx.AsyncClient) -> None:
    await reader.post(FACE)
    (one,) = (await reader.get(FACE)).json()
    assert set(one) == {"prefix", "created"}


async def test_to_remove_what_is_not_there_is_done(reader: httpx.AsyncClient) -> None:
    assert (await reader.delete(f"{FACE}/drg_nobody")).status_code == 204


async def test_tokens_of_others_stay(hub: HttpHub, reader: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        made = await http.post(FACE, params={"token": "writer-token"})
        prefix = made.json()["prefix"]
        assert (await reader.delete(f"{FACE}/{prefix}")).status_code == 204
        kept = await http.get(FACE, params={"token": made.json()["token"]})
    assert [one["prefix"] for one in kept.json()] == [prefix]


async def test_only_the_hash_is_kept(hub: HttpHub, reader: httpx.AsyncClient) -> None:
    token = (await reader.post(FACE)).json()["token"]
    kept = hub.exchange.registry.operator("reader")
    assert token not in repr(kept)
    assert token.encode() not in hub.folder.database.read_bytes()


async def test_tokens_are_bounded_and_the_answer_says_so(reader: httpx.AsyncClient) -> None:
    for _ in range(MAXIMUM_TOKENS):
        assert (await reader.post(FACE)).status_code == 200
    answer = await reader.post(FACE)
    assert (answer.status_code, answer.json()["error"]) == (409, "Conflict")
    assert "remove one" in answer.json()["message"]


async def test_a_description_is_a_line(reader: httpx.AsyncClient) -> None:
    answer = await reader.post(FACE, params={"description": "x" * 257})
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", FACE), ("POST", FACE), ("DELETE", f"{FACE}/drg_123456")]
)
async def test_nobody_in_particular_has_no_tokens(hub: HttpHub, method: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        answer = await http.request(method, path)
    assert answer.status_code == 403
    assert answer.json() == {"error": "AuthenticationError", "message": "Not authorized"}
