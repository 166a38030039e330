"""Every call that the OpenAPI document lists, asked by those who may not."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from http_hub import READER, HttpHub

from leafhub.exchange import access_tokens
from leafhub.model.command import CommandRequest
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import PutOperator
from leafhub.stores.base import CommandQuery, EventQuery

PLACES = {
    "application": "greenhouse",
    "device": "bed-1",
    "name": "writer",
    "prefix": "drg_123456",
    "channel": "temperature",
    "command_id": "no-such-command",
}
OPEN = ("/healthz", "/readyz", "/.well-known/", "/api/login/")
"""What is the same for everybody and tells of no application."""
BODIES: dict[str, Any] = {
    "/api/v1/applications/{application}/devices/{device}/commands": {"name": "open"},
    "/api/v1/operators": {"name": "eve", "role": "admin"},
    "/api/v1/operators/{name}/role": {"role": "admin"},
    "/api/v1/operators/{name}/tokens": {},
    "/api/admin/v1alpha1/apps/{application}/members": {"members": {"eve": {"role": "admin"}}},
    "/api/admin/v1alpha1/apps/{application}/transfer-ownership": {"newUser": "eve"},
    "/api/registry/v1alpha1/apps": {"metadata": {"name": "eves"}},
    "/api/registry/v1alpha1/apps/{application}": {"metadata": {"name": "greenhouse"}},
    "/api/registry/v1alpha1/apps/{application}/devices": {
        "metadata": {"application": "greenhouse", "name": "eves"}
    },
    "/api/registry/v1alpha1/apps/{application}/devices/{device}": {
        "metadata": {"application": "greenhouse", "name": "bed-1"}
    },
}
QUERIES = {"/api/command/v1alpha1/apps/{application}/devices/{device}": {"command": "open"}}
OWN = {
    ("GET", "/api/v1/login"),
    ("GET", "/api/v1/operators"),
    ("POST", "/api/tokens/v1alpha1"),
    ("GET", "/api/tokens/v1alpha1"),
    ("DELETE", "/api/tokens/v1alpha1/{prefix}"),
    ("GET", "/api/console/v1alpha1/info"),
}
"""What every operator may ask, about itself and its way."""
LISTS = {
    "/api/v1/applications",
    "/api/v1/devices",
    "/api/v1/events",
    "/api/v1/commands",
    "/api/registry/v1alpha1/apps",
}


async def calls(hub: HttpHub) -> list[tuple[str, str]]:
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        paths: dict[str, dict[str, Any]] = (await http.get("/schema")).json()["paths"]
    return [
        (method.upper(), path)
        for path, methods in paths.items()
        if not path.startswith(OPEN)
        for method in methods
    ]


async def ask(http: httpx.AsyncClient, method: str, path: str, **places: str) -> httpx.Response:
    return await http.request(
        method,
        path.format(**{**PLACES, **places}),
        json=BODIES.get(path) if method in {"POST", "PUT"} else None,
        params=QUERIES.get(path),
    )


@pytest.mark.usefixtures("greenhouse")
@pytest.mark.parametrize("roles", [{}, {"orchard": Role.ADMIN}])
async def test_who_has_no_role_sees_nothing_and_changes_nothing(
    hub: HttpHub, roles: dict[str, Role]
) -> None:
    command = CommandRequest(
        application="greenhouse",
        device="bed-1",
        name="secret-command",
        data=b"",
        datacontenttype="",
        operator="writer",
    )
    sent = await hub.exchange.command(command)
    token, secret = access_tokens.make(0)
    eve = Operator(name="eve", tokens=(token,), role=None, roles=roles)
    await hub.exchange.apply([PutOperator(eve)])
    before = list(everything(hub))
    commands = await hub.exchange.commands(CommandQuery())
    events = await hub.exchange.events(EventQuery())
    asked = await calls(hub)
    assert len(asked) > 30
    async with httpx.AsyncClient(
        base_url=hub.plain, auth=("eve", secret), trust_env=False
    ) as http:
        for method, path in asked:
            answer = await ask(http, method, path, command_id=sent.id)
            if (method, path) in OWN:
                assert answer.is_success, (method, path, answer.text)
            elif method == "GET" and path in LISTS:
                assert answer.json() in ([], {"events": [], "next_before": None}), path
            else:
                assert answer.status_code in {403, 404, 426}, (method, path, answer.text)
            for known in ("First bed", "secret-command", "correct horse"):
                assert known not in answer.text, (method, path)
            if "{application}" not in path:
                assert "greenhouse" not in answer.text, (method, path)
    operators = [one for one in hub.exchange.registry.operators() if one.name == "eve"]
    assert [(one.role, one.roles) for one in operators] == [(None, roles)]
    assert [one for one in everything(hub) if one not in before] == operators
    assert await hub.exchange.commands(CommandQuery()) == commands
    assert await hub.exchange.events(EventQuery()) == events


@pytest.mark.usefixtures("greenhouse")
async def test_who_shows_no_login_sees_nothing_and_changes_nothing(hub: HttpHub) -> None:
    before = list(everything(hub))
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        for method, path in await calls(hub):
            answer = await ask(http, method, path)
            if path == "/api/registry/v1alpha1/apps" and method == "GET":
                assert answer.json() == []
            else:
                assert answer.status_code in {401, 403, 404, 426}, (method, path, answer.text)
            assert "First bed" not in answer.text
    assert list(everything(hub)) == before


@pytest.mark.usefixtures("greenhouse")
async def test_a_reader_changes_nothing(hub: HttpHub) -> None:
    before = list(everything(hub))
    async with httpx.AsyncClient(
        base_url=hub.plain, auth=("reader", READER), trust_env=False
    ) as http:
        for method, path in await calls(hub):
            if method != "GET" and (method, path) not in OWN:
                answer = await ask(http, method, path)
                assert answer.status_code in {403, 404}, (method, path, answer.text)
    assert list(everything(hub)) == before
    assert await hub.exchange.commands(CommandQuery()) == []


def everything(hub: HttpHub) -> Iterator[object]:
    """All that is in the registry."""
    registry = hub.exchange.registry
    for application in registry.applications():
        yield application
        yield from registry.devices(application.name)
    yield from registry.operators()
