"""Drogue Cloud's device registry, as a caller of its HTTP API sees it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from http_hub import HttpHub

from leafhub.exchange import proofs
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import Operator, Role

PATH = "/api/registry/v1alpha1"
JSON = {"Content-Type": "application/json"}
NOT_FOUND = {"error": "NotFound", "message": "Not found"}
CONFLICT = {"error": "Conflict", "message": "Conflict"}
NOT_AUTHORIZED = {"error": "AuthenticationError", "message": "Not authorized"}
NO_REFERENCE = {
    "error": "ReferenceNotFound",
    "message": "Referenced a non-existing entity",
}


def app(name: str = "app1", **more: Any) -> dict[str, Any]:
    """An application's record; what is no section of it goes into ``metadata``."""
    return _record({"name": name}, more)


def device(name: str = "dev1", application: str = "app1", **more: Any) -> dict[str, Any]:
    """A device's record, likewise."""
    return _record({"name": name, "application": application}, more)


def _record(metadata: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    sections = {"spec", "status"} & more.keys()
    written = {name: more.pop(name) for name in sorted(sections)}
    return {"metadata": metadata | more, **written}


class RegistryApi:
    """The registry as one caller sees it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        if body is None:
            return await self.http.request(method, PATH + path)
        return await self.http.request(method, PATH + path, json=body)

    async def get(self, path: str) -> dict[str, Any]:
        """A record that is there."""
        answer = await self("GET", path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def names(self, path: str, **query: str) -> list[str]:
        """The names in a list."""
        answer = await self.http.get(PATH + path, params=query)
        assert answer.status_code == 200, answer.text
        return [one["metadata"]["name"] for one in answer.json()]

    async def make(self, *records: dict[str, Any]) -> None:
        """Make applications and devices."""
        for one in records:
            application = one["metadata"].get("application")
            path = "/apps" if application is None else f"/apps/{application}/devices"
            answer = await self("POST", path, one)
            assert (answer.status_code, answer.content) == (201, b""), answer.text

    async def put(self, *records: dict[str, Any]) -> None:
        """Replace what is known of them."""
        for one in records:
            answer = await self("PUT", path_of(one), one)
            assert (answer.status_code, answer.content) == (204, b""), answer.text

    async def delete(self, *records: dict[str, Any]) -> None:
        """Delete them."""
        for one in records:
            answer = await self("DELETE", path_of(one))
            assert (answer.status_code, answer.content) == (204, b""), answer.text


def path_of(record: dict[str, Any]) -> str:
    """Where a record is; its names need no encoding."""
    metadata = record["metadata"]
    if "application" not in metadata:
        return f"/apps/{metadata['name']}"
    return f"/apps/{metadata['application']}/devices/{metadata['name']}"


def expect(answer: httpx.Response, status: int, body: Any = None) -> None:
    """That status, and that body; ``None``: no body and no media type."""
    assert answer.status_code == status, answer.text
    if body is None:
        assert (answer.content, answer.headers.get("content-type")) == (b"", None)
    else:
        assert answer.json() == body


@contextlib.asynccontextmanager
async def caller(hub: HttpHub, name: str, token: str) -> AsyncIterator[RegistryApi]:
    """The registry for one operator."""
    async with httpx.AsyncClient(
        base_url=hub.plain, auth=(name, token), trust_env=False
    ) as client:
        yield RegistryApi(client)


def operator(name: str, role: Role | None = None, **roles: Role) -> Operator:
    """One whose token is its name."""
    credential = Credential(kind=SecretKind.SHA256, secret=proofs.sha256(name))
    return Operator(name=name, credentials=(credential,), role=role, roles=dict(roles))
