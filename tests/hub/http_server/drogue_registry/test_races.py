"""Callers who change the same thing at the same time, and a store that takes nothing."""

import asyncio
from typing import Any

import pytest
from drogue_registry import (
    RegistryApi,
    app,
    device,
    expect,
)
from failing_store import FailingStore
from http_hub import HttpHub

from leafhub.exchange import proofs
from leafhub.http_server.document_api import PLANS


async def test_of_two_updates_of_one_version_one_wins(api: RegistryApi) -> None:
    await api.make(app(), device())
    shown = await api.get("/apps/app1/devices/dev1")
    wanted = [{**shown, "spec": {"by": number}} for number in range(8)]
    path = "/apps/app1/devices/dev1"
    answers = await asyncio.gather(*(api("PUT", path, one) for one in wanted))
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [204] + [409] * 7
    assert (await api.get(path))["spec"] == {"by": codes.index(204)}


async def test_of_two_that_make_the_same_one_wins(api: RegistryApi) -> None:
    answers = await asyncio.gather(*(api("POST", "/apps", app()) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    answers = await asyncio.gather(*(api("DELETE", "/apps/app1") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 7


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (
            ("PUT", "/apps/app1", app(spec={"x": 1})),
            ("PUT", "/apps/app1", app(spec={"x": 1})),
            204,
        ),
        (("POST", "/apps", app("app2")), ("POST", "/apps", app("app2")), 201),
        (("DELETE", "/apps/app1", None), ("DELETE", "/apps/app1", None), 204),
        (
            ("POST", "/apps/app1/devices", device("dev2", spec={"alias": ["al1"]})),
            ("POST", "/apps/app1/devices", device("dev3", spec={"alias": ["al1"]})),
            201,
        ),
    ],
    ids=["same", "name", "gone", "alias"],
)
async def test_what_is_taken_back_was_no_reason(
    hub: HttpHub,
    api: RegistryApi,
    monkeypatch: pytest.MonkeyPatch,
    first: tuple[str, str, Any],
    second: tuple[str, str, Any],
    status: int,
) -> None:
    await api.make(app(), device())
    store = FailingStore(hub, monkeypatch)
    doomed = asyncio.create_task(api(*first))
    await store.holds(1)
    judged = asyncio.create_task(api(*second))
    await store.is_awaited()
    assert not judged.done()
    store.fail()
    answer = await doomed
    assert (answer.status_code, answer.json()["error"]) == (503, "DatabaseError")
    expect(await judged, status)


DOCUMENT = """
[[application]]
name = "app1"
dialect = "drogue"
[[application.device]]
id = "dev1"
credentials = [{ password = "from the document" }]
"""


@pytest.mark.parametrize("turns", [1, PLANS])
async def test_a_document_is_planned_upon_what_is_there_in_the_end(
    api: RegistryApi, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    """While its passwords are hashed, which takes its time, others change the same device."""
    await api.make(app(), device())
    loop = asyncio.get_running_loop()
    hashed = iter(range(PLANS + 1))
    original = proofs.hash_secret

    def hash_secret(secret: str) -> str:
        turn = next(hashed)
        if turn < turns:
            change = api.put(device(labels={"turn": str(turn)}))
            asyncio.run_coroutine_threadsafe(change, loop).result(20)
        return original(secret)

    monkeypatch.setattr(proofs, "hash_secret", hash_secret)
    answer = await api.http.put("/api/v1/registry", content=DOCUMENT, timeout=60)
    shown = await api.get("/apps/app1/devices/dev1")
    assert shown["metadata"]["labels"] == {"turn": str(turns - 1)}
    if turns == PLANS:
        assert (answer.status_code, answer.json()["error"]) == (503, "busy")
        assert "spec" not in shown
    else:
        assert answer.json()["updated"] == ["app1/dev1"]
        assert "argon2id" in str(shown["spec"]["authentication"])


async def test_a_store_in_trouble_changes_nothing(
    hub: HttpHub, api: RegistryApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.make(app())
    before = await api.get("/apps/app1")
    store = FailingStore(hub, monkeypatch)
    change = asyncio.create_task(api("PUT", "/apps/app1", app(spec={"x": 1})))
    await store.holds(1)
    store.fail()
    answer = await change
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert await api.get("/apps/app1") == before
