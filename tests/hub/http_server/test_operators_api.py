from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from http_hub import READER, HttpHub
from late_body import send_late

from leafhub.exchange import access_tokens, operators
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import DeleteOperator, PutOperator

OTHER = """
[[application]]
name = "orchard"
dialect = "drogue"
[[application.device]]
id = "tree"
"""


def login(hub: HttpHub, user: tuple[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{hub.plain}/api/v1", auth=user, trust_env=False)


@pytest.fixture
async def limited(hub: HttpHub, greenhouse: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Reads one of two applications, and nothing of the hub as a whole."""
    assert (await greenhouse.put("/registry", content=OTHER)).status_code == 200
    token, secret = access_tokens.make(0)
    limited = Operator(
        name="limited", tokens=(token,), role=None, roles={"greenhouse": Role.READER}
    )
    await hub.exchange.apply([PutOperator(limited)])
    async with login(hub, ("limited", secret)) as client:
        yield client


async def made(http: httpx.AsyncClient, name: str, **more: Any) -> dict[str, Any]:
    answer = await http.post("/operators", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    operator: dict[str, Any] = answer.json()
    return operator


async def token(http: httpx.AsyncClient, name: str) -> str:
    answer = await http.post(f"/operators/{name}/tokens", json={"description": "a test"})
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()["token"]
    return secret


# What roles show and permit


async def test_lists_hold_what_the_operator_may_see(
    hub: HttpHub, greenhouse: httpx.AsyncClient, limited: httpx.AsyncClient
) -> None:
    async def names(client: httpx.AsyncClient) -> tuple[set[str], set[str], set[str], set[str]]:
        applications = (await client.get("/applications")).json()
        devices = (await client.get("/devices")).json()
        events = (await client.get("/events")).json()["events"]
        commands = (await client.get("/commands")).json()
        return (
            {one["name"] for one in applications},
            {one["application"] for one in devices},
            {one["application"] for one in events},
            {one["application"] for one in commands},
        )

    for application, device in (("greenhouse", "bed-1"), ("orchard", "tree")):
        path = f"/applications/{application}/devices/{device}/commands"
        assert (await greenhouse.post(path, json={"name": "open"})).status_code == 201
    both = {"greenhouse", "orchard"}
    assert await names(greenhouse) == (both, both, both, both)
    one = {"greenhouse"}
    assert await names(limited) == (one, one, one, one)
    operator = operators.find(hub.exchange.registry, "limited")
    nothing = operators.give_role(hub.exchange.registry, operator.name, None, "greenhouse")
    await hub.exchange.apply([nothing])
    assert await names(limited) == (set(), set(), set(), set())


@pytest.mark.parametrize(
    "path",
    [
        "/devices?application=orchard",
        "/applications/orchard/devices/tree",
        "/events?application=orchard",
        "/events?application=orchard&device=tree",
        "/commands?application=orchard",
    ],
)
async def test_what_one_may_not_see_is_not_there(limited: httpx.AsyncClient, path: str) -> None:
    answer = await limited.get(path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    unknown = await limited.get(path.replace("orchard", "orchard2"))
    assert answer.json()["message"].replace("orchard", "orchard2") == unknown.json()["message"]


async def test_a_command_that_one_may_not_see_is_not_there(
    greenhouse: httpx.AsyncClient, limited: httpx.AsyncClient
) -> None:
    path = "/applications/orchard/devices/tree/commands"
    command = (await greenhouse.post(path, json={"name": "open"})).json()["id"]
    assert (await greenhouse.get(f"/commands/{command}")).status_code == 200
    assert (await limited.get(f"/commands/{command}")).status_code == 404
    assert (await limited.post(path, json={"name": "open"})).status_code == 404


async def test_a_reader_of_an_application_sends_it_no_command(
    hub: HttpHub, limited: httpx.AsyncClient
) -> None:
    path = "/applications/greenhouse/devices/bed-1/commands"
    answer = await limited.post(path, json={"name": "open"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert "'writer'" in answer.json()["message"]
    change = operators.give_role(hub.exchange.registry, "limited", Role.WRITER, "greenhouse")
    await hub.exchange.apply([change])
    assert (await limited.post(path, json={"name": "open"})).status_code == 201


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.READER, "/status", 200),
        (Role.READER, "/registry", 403),
        (Role.WRITER, "/registry", 403),
        (Role.ADMIN, "/registry", 200),
    ],
)
async def test_the_hub_as_a_whole_takes_a_role_for_it(
    hub: HttpHub, limited: httpx.AsyncClient, role: Role, path: str, status: int
) -> None:
    assert (await limited.get(path)).status_code == 403
    change = operators.give_role(hub.exchange.registry, "limited", role, None)
    await hub.exchange.apply([change])
    assert (await limited.get(path)).status_code == status


# Operators


async def test_an_operator_is_made_logs_in_and_goes(
    hub: HttpHub, greenhouse: httpx.AsyncClient
) -> None:
    bob = await made(greenhouse, "bob", roles={"greenhouse": "writer"})
    assert bob == {"name": "bob", "role": None, "roles": {"greenhouse": "writer"}, "tokens": []}
    secret = await token(greenhouse, "bob")
    async with login(hub, ("bob", secret)) as client:
        who = (await client.get("/login")).json()
        assert (who["name"], who["roles"]) == ("bob", {"greenhouse": "writer"})
        (kept,) = who["tokens"]
        assert (kept["prefix"], kept["description"]) == (secret[:10], "a test")
        assert kept["created_us"] > 0
        assert (await greenhouse.delete("/operators/bob")).status_code == 204
        assert (await client.get("/login")).status_code == 401
    assert (await greenhouse.delete("/operators/bob")).status_code == 404


async def test_a_role_is_given_and_taken_away(greenhouse: httpx.AsyncClient) -> None:
    await made(greenhouse, "bob", role="reader")
    answer = await greenhouse.put(
        "/operators/bob/role", json={"role": "admin", "application": "greenhouse"}
    )
    assert (answer.json()["role"], answer.json()["roles"]) == ("reader", {"greenhouse": "admin"})
    answer = await greenhouse.put("/operators/bob/role", json={"role": None})
    assert (answer.json()["role"], answer.json()["roles"]) == (None, {"greenhouse": "admin"})


async def test_anybody_has_a_role_for_an_application_at_most(
    hub: HttpHub, greenhouse: httpx.AsyncClient
) -> None:
    role = {"role": "reader", "application": "greenhouse"}
    answer = await greenhouse.put("/operators/anybody/role", json=role)
    assert (answer.json()["name"], answer.json()["roles"]) == ("anybody", {"greenhouse": "reader"})
    names = [one["name"] for one in (await greenhouse.get("/operators")).json()]
    assert names == ["anybody", "reader", "writer"]
    refused = await greenhouse.put("/operators/anybody/role", json={"role": "reader"})
    assert (refused.status_code, refused.json()["path"]) == (422, "application")
    answer = await greenhouse.put("/operators/anybody/role", json={**role, "role": None})
    assert answer.json()["roles"] == {}
    assert hub.exchange.registry.operator("") is None
    assert (await greenhouse.post("/operators/anybody/tokens", json={})).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/operators", {"name": "a b"}, 422),
        ("POST", "/operators", {"name": "anybody"}, 422),
        ("POST", "/operators", {"name": "reader"}, 409),
        ("POST", "/operators", {"name": "bob", "role": "owner"}, 400),
        ("POST", "/operators", {"name": "bob", "roles": {"none": "reader"}}, 404),
        ("POST", "/operators", {"name": "bob", "rolle": "reader"}, 400),
        ("PUT", "/operators/nobody/role", {"role": "reader"}, 404),
        ("PUT", "/operators/reader/role", {"role": "reader", "application": "none"}, 404),
        ("PUT", "/operators/reader/role", {}, 400),
        ("PUT", "/operators/writer/role", {"role": "writer"}, 409),
        ("DELETE", "/operators/writer", None, 409),
        ("POST", "/operators/nobody/tokens", {}, 404),
        ("POST", "/operators/reader/tokens", {"description": "x" * 257}, 400),
        ("DELETE", "/operators/reader/tokens/drg_123456", None, 404),
    ],
)
async def test_a_mistake_is_refused_and_changes_nothing(
    hub: HttpHub, greenhouse: httpx.AsyncClient, method: str, path: str, body: object, status: int
) -> None:
    before = hub.exchange.registry.operators()
    answer = await greenhouse.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status
    assert hub.exchange.registry.operators() == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/operators", {"name": "bob"}),
        ("DELETE", "/operators/writer", None),
        ("PUT", "/operators/limited/role", {"role": "admin"}),
        ("PUT", "/operators/limited/role", {"role": "admin", "application": "greenhouse"}),
        ("POST", "/operators/writer/tokens", {}),
        ("DELETE", "/operators/writer/tokens/drg_123456", None),
    ],
)
async def test_who_is_no_admin_makes_nobody_one(
    hub: HttpHub, limited: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    before = hub.exchange.registry.operators()
    answer = await limited.request(method, path, json=body)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert hub.exchange.registry.operators() == before


@pytest.mark.parametrize("path", ["/operators", "/operators/writer/tokens"])
async def test_a_form_of_a_web_page_makes_nobody_and_nothing(
    hub: HttpHub, http: httpx.AsyncClient, path: str
) -> None:
    before = hub.exchange.registry.operators()
    answer = await http.post(
        path,
        content=b'{"name":"eve","role":"admin"}',
        headers={"Content-Type": "text/plain"},
    )
    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")
    assert hub.exchange.registry.operators() == before


async def test_an_admin_of_an_application_says_who_may_what_there_and_nowhere_else(
    hub: HttpHub, limited: httpx.AsyncClient
) -> None:
    registry = hub.exchange.registry
    await hub.exchange.apply(
        [
            operators.give_role(registry, "limited", Role.ADMIN, "greenhouse"),
            operators.make(registry, "bob", None, {"orchard": Role.WRITER}),
        ]
    )
    role = {"role": "reader", "application": "greenhouse"}
    answer = await limited.put("/operators/bob/role", json=role)
    assert answer.json() == {
        "name": "bob",
        "role": None,
        "roles": {"greenhouse": "reader"},
        "tokens": [],
    }
    listed = {one["name"]: one["roles"] for one in (await limited.get("/operators")).json()}
    assert listed == {"bob": {"greenhouse": "reader"}, "limited": {"greenhouse": "admin"}}
    answer = await limited.put("/operators/bob/role", json={**role, "role": None})
    assert (answer.status_code, answer.json()["roles"]) == (200, {})
    answer = await limited.put("/operators/bob/role", json={**role, "application": "orchard"})
    assert answer.status_code == 404
    assert operators.find(registry, "bob").roles["orchard"] is Role.WRITER


@pytest.mark.parametrize(
    ("method", "path", "body", "media_type"),
    [
        ("POST", "/operators", b'{"name":"eve","role":"admin"}', "application/json"),
        ("PUT", "/operators/reader/role", b'{"role":"admin"}', "application/json"),
        ("POST", "/operators/reader/tokens", b'{"description":"eve"}', "application/json"),
        ("PUT", "/registry", OTHER.encode(), "application/toml"),
        (
            *("POST", "/applications/greenhouse/devices/bed-1/commands"),
            *(b'{"name":"open"}', "application/json"),
        ),
    ],
)
@pytest.mark.parametrize("is_gone", [False, True])
async def test_a_role_counts_as_it_is_when_the_body_has_come(
    hub: HttpHub,
    greenhouse: httpx.AsyncClient,  # noqa: ARG001 - the application is to be there
    method: str,
    path: str,
    body: bytes,
    media_type: str,
    *,
    is_gone: bool,
) -> None:
    kept, secret = access_tokens.make(0)
    admin = Operator(name="eve", tokens=(kept,))
    looker = Operator(name="eve", tokens=(kept,), role=Role.READER)
    await hub.exchange.apply([PutOperator(admin)])

    async def meanwhile() -> None:
        await hub.exchange.apply([DeleteOperator("eve") if is_gone else PutOperator(looker)])

    call = (method, f"/api/v1{path}")
    answer = await send_late(hub, ("eve", secret), call, body, meanwhile, media_type=media_type)
    assert (answer[0], msgspec.json.decode(answer[1])["error"]) == (403, "forbidden")
    assert hub.exchange.registry.application("orchard") is None
    names = {one.name for one in hub.exchange.registry.operators()}
    assert names == {"reader", "writer"} | (set() if is_gone else {"eve"})
    assert operators.find(hub.exchange.registry, "reader").tokens == ()


async def test_everybody_has_its_own_tokens(hub: HttpHub, limited: httpx.AsyncClient) -> None:
    secret = await token(limited, "limited")
    assert (await limited.delete(f"/operators/limited/tokens/{secret[:10]}")).status_code == 204
    async with login(hub, ("limited", secret)) as client:
        assert (await client.get("/login")).status_code == 401
    (itself,) = (await limited.get("/operators")).json()
    assert itself["name"] == "limited"


async def test_a_reader_of_all_sees_its_own_record_only(hub: HttpHub) -> None:
    async with login(hub, ("reader", READER)) as client:
        (itself,) = (await client.get("/operators")).json()
    assert (itself["name"], itself["role"]) == ("reader", "reader")
