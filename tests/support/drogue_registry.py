"""Drogue Cloud's device registry, as a caller of its HTTP API sees it."""

from typing import Any

import httpx

PATH = "/api/registry/v1alpha1"


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
