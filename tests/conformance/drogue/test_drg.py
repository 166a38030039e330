"""The vendor's command line, ``drg``: what its subcommands send, and what they need to hear.

It reads a record, merges what it was told into it, and writes all of it back, with the uid and the
version it has read; every time is written anew, with as many digits as its clock has.
"""

import base64
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from client_certificates import authority
from drogue_clients import answer_to, log_in
from drogue_registry import CONFLICT, PATH, RegistryApi, path_of
from raw_mqtt import OpenClient
from whole_hub import TOKEN, RunningHub
from worlds import SHA512_OF_S_SECRET

APP = "plant-a"


class Drg:
    """One method for each subcommand."""

    def __init__(self, api: RegistryApi) -> None:
        self.api = api

    async def create(self, **metadata: str) -> None:
        now = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%f}123Z"
        record = {"metadata": {**metadata, "creationTimestamp": now, "generation": 0}}
        application = metadata.get("application")
        path = "/apps" if application is None else f"/apps/{application}/devices"
        answer = await self.api("POST", path, record)
        assert (answer.status_code, answer.content) == (201, b""), answer.text

    async def read(self, **metadata: str) -> dict[str, Any]:
        return await self.api.get(path_of({"metadata": metadata}))

    async def merge(self, told: dict[str, Any], **metadata: str) -> None:
        record = _merged(await self.read(**metadata), told)
        answer = await self.api("PUT", path_of(record), record)
        assert (answer.status_code, answer.content) == (204, b""), answer.text

    async def devices(self, *labels: str) -> list[str]:
        return await self.api.names(f"/apps/{APP}/devices", labels=",".join(labels))


def _merged(record: Any, told: Any) -> Any:
    """Objects member by member, lists one after the other."""
    if isinstance(record, dict) and isinstance(told, dict):
        members = {name: _merged(record.get(name), value) for name, value in told.items()}
        return {**record, **members}
    if isinstance(record, list) and isinstance(told, list):
        return record + told
    return told


@pytest.fixture
def documents() -> tuple[str, ...]:
    return ()


@pytest.fixture
async def drg(hub: RunningHub) -> AsyncIterator[Drg]:
    """Logged in with an access token, an application made."""
    async with httpx.AsyncClient(
        base_url=hub.http.base_url, auth=("operator", TOKEN), trust_env=False
    ) as http:
        one = Drg(RegistryApi(http))
        await one.create(name=APP)
        yield one


async def test_from_nothing_to_a_gateway_that_speaks_for_a_sensor(
    drg: Drg, open_client: OpenClient
) -> None:
    gateway, sensor = ({"application": APP, "name": name} for name in ("gw", "sensor"))
    await drg.create(**gateway)
    await drg.create(**sensor)
    password = {"credentials": [{"pass": {"sha512": SHA512_OF_S_SECRET}}]}
    await drg.merge({"spec": {"credentials": password, "authentication": password}}, **gateway)
    client = await log_in(await open_client(protocol_level=5), f"gw@{APP}", "s-secret")
    assert await answer_to(client, "temp/sensor") == (0x87, "Not authorized")
    await drg.merge({"spec": {"gatewaySelector": {"matchNames": ["gw"]}}}, **sensor)
    assert await answer_to(client, "temp/sensor") == (0, None)
    await drg.merge({"spec": {"alias": ["s-one"]}}, **sensor)
    assert await answer_to(client, "temp/s-one") == (0, None)
    assert (await drg.read(**sensor))["metadata"]["generation"] == 2


async def test_labels_are_added_and_asked_for(drg: Drg) -> None:
    for name, labels in (("d1", {"floor": "1"}), ("d2", {"floor": "2", "x/y": "z"}), ("d3", {})):
        await drg.create(application=APP, name=name)
        await drg.merge({"metadata": {"labels": labels}}, application=APP, name=name)
    assert await drg.devices("floor") == ["d1", "d2"]
    assert await drg.devices("floor!=1") == ["d2"]
    assert await drg.devices("floor in (1, 2)", "!x/y") == ["d1"]
    await drg.merge({"metadata": {"labels": {"room": "101"}}}, application=APP, name="d1")
    assert await drg.devices("floor=1", "room=101") == ["d1"]


async def test_a_trust_anchor_is_added_and_read_again(drg: Drg) -> None:
    certificate = base64.b64encode(authority("Plant").pem.encode()).decode()
    anchors = {"anchors": [{"certificate": certificate}]}
    await drg.merge({"spec": {"trustAnchors": anchors}}, name=APP)
    shown = await drg.read(name=APP)
    assert shown["spec"]["trustAnchors"] == anchors
    await drg.merge({"metadata": {"labels": {"a": "1"}}}, name=APP)  # status goes back with it
    now = await drg.read(name=APP)
    assert now["status"] == shown["status"]
    assert now["metadata"]["generation"] == shown["metadata"]["generation"]


async def test_who_edits_what_another_one_edited_meanwhile_is_told(drg: Drg) -> None:
    await drg.create(application=APP, name="d")
    edited = await drg.read(application=APP, name="d")
    await drg.merge({"spec": {"by": "somebody else"}}, application=APP, name="d")
    edited["spec"] = {"by": "me"}
    answer = await drg.api("PUT", path_of(edited), edited)
    assert (answer.status_code, answer.json()) == (409, CONFLICT)


async def test_deleting_twice_finds_nothing(drg: Drg) -> None:
    path = f"{PATH}/apps/{APP}"
    answers = [await drg.api.http.delete(path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 404]
    assert answers[1].json()["error"] == "NotFound"
