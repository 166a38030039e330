import base64
from pathlib import Path

import httpx
import pytest
from http_hub import READER, WRITER, HttpHub, http_hub

from leafhub.exchange import operators
from leafhub.exchange.settings import LoginLimits
from leafhub.model.operator import Role

FACE = "/api/tokens/v1alpha1"
FORBIDDEN = {"error": "Forbidden", "message": "Forbidden"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


BEARER = {"Authorization": f"Bearer {WRITER}"}


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        pytest.param(basic(f"writer:{WRITER}"), "", id="Basic"),
        pytest.param(BEARER, "", id="Bearer"),
        pytest.param({}, f"?token={WRITER}", id="token"),
        pytest.param({}, f"?username=writer&api_key={WRITER}", id="username and api_key"),
    ],
)
async def test_each_way_to_log_in_is_enough(
    hub: HttpHub, headers: dict[str, str], query: str
) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        answer = await http.get(f"{FACE}{query}", headers=headers)
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        pytest.param(basic("writer:wrong"), "", id="wrong token"),
        pytest.param(basic(f"nobody:{WRITER}"), "", id="unknown name"),
        pytest.param(basic(f"reader:{WRITER}"), "", id="somebody else's token"),
        pytest.param(basic("writer:"), "", id="no token"),
        pytest.param(basic("writer"), "", id="no colon"),
        pytest.param({"Authorization": "Basic ???"}, "", id="no base64"),
        pytest.param({"Authorization": "Digest x"}, "", id="another scheme"),
        pytest.param({"Authorization": "Bearer wrong"}, "", id="wrong Bearer"),
        pytest.param({}, "?token=wrong", id="wrong query token"),
        pytest.param({}, "?token=", id="empty query token"),
        pytest.param({}, f"?username=reader&api_key={WRITER}", id="wrong name in the query"),
        pytest.param({}, f"?username=&api_key={WRITER}", id="no name in the query"),
    ],
)
async def test_a_wrong_login_is_forbidden(
    hub: HttpHub, headers: dict[str, str], query: str
) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        answer = await http.get(f"{FACE}{query}", headers=headers)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        pytest.param(BEARER, f"?token={WRITER}", id="header and query"),
        pytest.param({}, f"?token={WRITER}&username=writer&api_key={WRITER}", id="two queries"),
        pytest.param({}, f"?token={WRITER}&token={WRITER}", id="one twice"),
    ],
)
async def test_more_than_one_way_at_once_is_forbidden(
    hub: HttpHub, headers: dict[str, str], query: str
) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        answer = await http.get(f"{FACE}{query}", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"] == "Forbidden"
    assert "More than one way" in answer.json()["message"]


async def test_whoever_shows_nothing_is_anybody(hub: HttpHub) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        answer = await http.get(FACE)
        assert (answer.status_code, answer.json()["error"]) == (403, "AuthenticationError")
        roles = operators.set_members(hub.exchange.registry, "greenhouse", {"": Role.ADMIN})
        await hub.exchange.apply(roles)
        answer = await http.get("/api/admin/v1alpha1/apps/greenhouse/members")
    assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")  # there is none


async def test_guesses_end_with_the_address_and_not_with_who_works_there(tmp_path: Path) -> None:
    limits = LoginLimits(failed_logins_maximum=3, failed_logins_maximum_per_address=6)
    async with (
        http_hub(tmp_path, login_limits=limits) as hub,
        httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http,
    ):
        known = ("writer", WRITER)
        assert (await http.get(FACE, auth=known)).status_code == 200
        guesses = [await http.get(FACE, auth=("reader", f"guess {n}")) for n in range(4)]
        assert [one.status_code for one in guesses] == [403, 403, 403, 429]
        assert guesses[-1].json()["error"] == "TooManyRequests"
        assert int(guesses[-1].headers["Retry-After"]) > 0
        assert (await http.get(FACE, auth=("reader", READER))).status_code == 429
        others = [await http.get(f"{FACE}?token=guess{n}") for n in range(3)]
        assert [one.status_code for one in others] == [403, 403, 403]
        assert (await http.get(f"{FACE}?token={READER}")).status_code == 429
        refused = await http.get("/api/v1/status", auth=("reader", READER))
        assert (refused.status_code, refused.json()["error"]) == (429, "too_many_requests")
        assert (await http.get(FACE, auth=known)).status_code == 200
        assert (await http.get("/api/v1/status", auth=known)).status_code == 200
        assert (await http.get("/healthz")).status_code == 200


UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "", "http://["])
@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", FACE, {}),
        ("DELETE", f"{FACE}/drg_123456", {}),
        ("PUT", "/api/v1/registry", {}),
        ("GET", "/greenhouse", UPGRADE),
    ],
)
async def test_a_page_of_another_site_does_nothing_with_a_login_that_a_browser_remembers(
    hub: HttpHub, origin: str, method: str, path: str, headers: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        answer = await http.request(
            method, path, auth=("writer", WRITER), headers={**headers, "Origin": origin}
        )
    assert answer.status_code == 403
    assert "another site" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "origin", "headers"),
    [
        ("GET", "https://elsewhere.example", basic(f"writer:{WRITER}")),
        ("POST", "https://elsewhere.example", BEARER),
        ("POST", None, basic(f"writer:{WRITER}")),
        ("POST", "itself", basic(f"writer:{WRITER}")),
    ],
)
async def test_who_shows_a_login_itself_may_come_from_anywhere(
    hub: HttpHub, method: str, origin: str | None, headers: dict[str, str]
) -> None:
    if origin is not None:
        headers = {**headers, "Origin": hub.plain if origin == "itself" else origin}
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        assert (await http.request(method, FACE, headers=headers)).status_code == 200


async def test_the_schema_tells_every_refusal_in_drogue_clouds_shape(hub: HttpHub) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        paths = (await http.get(f"{hub.plain}/schema")).json()["paths"]
    faces = ("/api/tokens/", "/api/admin/", "/api/console/")
    calls = [
        call
        for path, methods in paths.items()
        if path.startswith(faces)
        for call in methods.values()
    ]
    assert len(calls) == 10
    for call in calls:
        refusals = {status: r for status, r in call["responses"].items() if status >= "400"}
        assert {"403", "429", "500", "503"} <= set(refusals)
        for refusal in refusals.values():
            (body,) = refusal["content"].values()
            assert body["schema"] == {"$ref": "#/components/schemas/ErrorInformation"}
