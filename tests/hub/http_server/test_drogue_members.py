from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from http_hub import READER, WRITER, HttpHub
from late_body import send_late

from leafhub.exchange import access_tokens, operators
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import PutOperator

ABSENT = {"error": "NotFound", "message": "Not found"}
TRANSFER = ("transfer-ownership", b'{"newUser":"reader"}')
PLACE = "/api/admin/v1alpha1/apps/greenhouse"


async def person(hub: HttpHub, name: str, **roles: Role) -> tuple[str, str]:
    """Make an operator; gives its login."""
    token, secret = access_tokens.make(0)
    operator = Operator(name=name, tokens=(token,), role=None, roles=roles)
    await hub.exchange.apply([PutOperator(operator)])
    return name, secret


@pytest.fixture
async def anna(
    hub: HttpHub,
    greenhouse: httpx.AsyncClient,  # noqa: ARG001 - the application is to be there
) -> AsyncIterator[httpx.AsyncClient]:
    """Admin of the application ``greenhouse``, and of nothing else."""
    login = await person(hub, "anna", greenhouse=Role.ADMIN)
    async with httpx.AsyncClient(base_url=hub.plain, auth=login, trust_env=False) as client:
        yield client


async def members(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get(f"{PLACE}/members")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_members_come_and_go(hub: HttpHub, anna: httpx.AsyncClient) -> None:
    before = await members(anna)
    assert before["members"] == {"anna": {"role": "admin"}}
    wanted = {"reader": {"role": "manager"}, "": {"role": "reader"}}
    answer = await anna.put(f"{PLACE}/members", json={**before, "members": wanted})
    assert (answer.status_code, answer.content) == (204, b"")
    after = await members(anna)
    assert after["members"] == {**wanted, "anna": {"role": "admin"}}
    assert after["resourceVersion"] != before["resourceVersion"]
    reader = operators.find(hub.exchange.registry, "reader")
    assert reader.may(Role.WRITER, "greenhouse")
    assert not reader.may(Role.WRITER, "elsewhere")
    await anna.put(f"{PLACE}/members", json={"members": {}})
    assert await members(anna) == before
    assert hub.exchange.registry.operator("") is None


@pytest.mark.parametrize(
    ("path", "body"),
    [("members", b'{"members":{"reader":{"role":"admin"}}}'), TRANSFER],
)
async def test_who_is_no_admin_any_more_when_the_body_has_come_changes_nothing(
    hub: HttpHub,
    greenhouse: httpx.AsyncClient,  # noqa: ARG001 - the application is to be there
    path: str,
    body: bytes,
) -> None:
    reader = operators.find(hub.exchange.registry, "reader")

    async def meanwhile() -> None:
        change = operators.give_role(hub.exchange.registry, "anna", Role.WRITER, "greenhouse")
        await hub.exchange.apply([change])

    login = await person(hub, "anna", greenhouse=Role.ADMIN)
    answer = await send_late(hub, login, ("PUT", f"{PLACE}/{path}"), body, meanwhile)
    assert (answer[0], msgspec.json.decode(answer[1])) == (404, ABSENT)
    assert operators.find(hub.exchange.registry, "reader") == reader


async def test_nobody_takes_over_what_nobody_offers(hub: HttpHub, anna: httpx.AsyncClient) -> None:
    await anna.put(f"{PLACE}/members", json={"members": {"": {"role": "admin"}}})
    async with httpx.AsyncClient(
        base_url=hub.plain, auth=("reader", READER), trust_env=False
    ) as reader:
        answer = await reader.put(f"{PLACE}/accept-ownership")
    assert (answer.status_code, answer.json()) == (404, ABSENT)


async def test_a_change_of_an_older_list_is_a_conflict(anna: httpx.AsyncClient) -> None:
    before = await members(anna)
    changed = {**before, "members": {"reader": {"role": "reader"}}}
    assert (await anna.put(f"{PLACE}/members", json=changed)).status_code == 204
    answer = await anna.put(f"{PLACE}/members", json=changed)
    assert (answer.status_code, answer.json()["error"]) == (409, "Conflict")
    del changed["resourceVersion"]
    assert (await anna.put(f"{PLACE}/members", json=changed)).status_code == 204


async def test_who_is_named_with_less_has_less(anna: httpx.AsyncClient) -> None:
    wanted = {"members": {"anna": {"role": "reader"}}}
    assert (await anna.put(f"{PLACE}/members", json=wanted)).status_code == 204
    assert (await anna.get(f"{PLACE}/members")).status_code == 404


async def test_an_unknown_member_changes_nothing(anna: httpx.AsyncClient) -> None:
    wanted = {"members": {"nobody": {"role": "reader"}, "reader": {"role": "reader"}}}
    answer = await anna.put(f"{PLACE}/members", json=wanted)
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")
    assert "nobody" in answer.json()["message"]
    assert (await members(anna))["members"] == {"anna": {"role": "admin"}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{oops",
        b"[]",
        b'{"members": {"reader": {"role": "owner"}}}',
        b'{"members": {"reader": {}}}',
        b'{"members": {"reader": "admin"}}',
        b'{"resourceVersion": 7}',
        b"[" * 5000,
    ],
)
async def test_another_shape_is_a_bad_request(anna: httpx.AsyncClient, body: bytes) -> None:
    answer = await anna.put(
        f"{PLACE}/members", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")


async def test_a_body_has_an_end(anna: httpx.AsyncClient) -> None:
    answer = await anna.put(
        f"{PLACE}/members",
        content=b'{"members": {"' + b"x" * 65_536 + b'": 1}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert set(answer.json()) == {"error", "message"}


@pytest.mark.usefixtures("greenhouse")
async def test_a_hub_wide_admin_is_one_here_and_no_member(hub: HttpHub) -> None:
    login = ("writer", WRITER)
    async with httpx.AsyncClient(base_url=hub.plain, auth=login, trust_env=False) as http:
        assert (await members(http))["members"] == {}


CALLS: list[tuple[str, str, object]] = [
    ("GET", "members", None),
    ("PUT", "members", {"members": {}}),
    ("PUT", "transfer-ownership", {"newUser": "reader"}),
    ("GET", "transfer-ownership", None),
    ("DELETE", "transfer-ownership", None),
    ("PUT", "accept-ownership", None),
]


@pytest.mark.parametrize(("method", "call", "body"), CALLS)
async def test_nobody_else_knows_of_it(
    hub: HttpHub, anna: httpx.AsyncClient, method: str, call: str, body: object
) -> None:
    manager = await person(hub, "manager", greenhouse=Role.WRITER)
    stranger = await person(hub, "stranger", elsewhere=Role.ADMIN)
    for login in (manager, stranger, ("reader", READER), None):
        async with httpx.AsyncClient(base_url=hub.plain, auth=login, trust_env=False) as http:
            answer = await http.request(method, f"{PLACE}/{call}", json=body)
            assert (answer.status_code, answer.json()) == (404, ABSENT)
    answer = await anna.request(method, f"{PLACE.replace('greenhouse', 'elm')}/{call}", json=body)
    assert (answer.status_code, answer.json()) == (404, ABSENT)


async def test_an_application_is_offered_and_taken_over(
    hub: HttpHub, anna: httpx.AsyncClient
) -> None:
    state = f"{PLACE}/transfer-ownership"
    assert (await anna.get(state)).status_code == 204
    answer = await anna.put(state, json={"newUser": "reader"})
    assert (answer.status_code, answer.content) == (202, b"")
    assert (await anna.get(state)).json() == {"newUser": "reader"}
    login = ("reader", READER)
    async with httpx.AsyncClient(base_url=hub.plain, auth=login, trust_env=False) as reader:
        assert (await reader.get(state)).json() == {"newUser": "reader"}
        assert (await reader.get(f"{PLACE}/members")).status_code == 404
        answer = await reader.put(f"{PLACE}/accept-ownership")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await members(reader))["members"] == {"reader": {"role": "admin"}}
        assert (await reader.put(f"{PLACE}/accept-ownership")).status_code == 404
    assert (await anna.get(f"{PLACE}/members")).status_code == 404


@pytest.mark.parametrize("by", ["anna", "reader"])
async def test_an_offer_is_withdrawn_or_declined(
    hub: HttpHub, anna: httpx.AsyncClient, by: str
) -> None:
    state = f"{PLACE}/transfer-ownership"
    await anna.put(state, json={"newUser": "reader"})
    login = ("reader", READER)
    async with httpx.AsyncClient(base_url=hub.plain, auth=login, trust_env=False) as reader:
        answer = await (anna if by == "anna" else reader).delete(state)
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await reader.put(f"{PLACE}/accept-ownership")).status_code == 404
    assert (await anna.delete(state)).status_code == 204


@pytest.mark.parametrize("user", ["", "nobody"])
async def test_nobody_is_offered_nothing(anna: httpx.AsyncClient, user: str) -> None:
    answer = await anna.put(f"{PLACE}/transfer-ownership", json={"newUser": user})
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")
