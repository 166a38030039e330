"""Answers rest on what is on disk, for operators, their tokens and members too."""

import asyncio
from typing import Any

import httpx
import pytest
from failing_store import FailingStore
from http_hub import WRITER, HttpHub

from leafhub.exchange import proofs
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import AccessToken, Operator
from leafhub.model.registry import PutOperator

KEPT = AccessToken(
    prefix="drg_a1B2c3", sha256="0" * 64, created_us=0
)  # not made by chance: it stands in the names of tests, which every worker has to know
BOB = Operator(
    name="bob",
    credentials=(Credential(kind=SecretKind.SHA256, secret=proofs.sha256("bob")),),
    tokens=(KEPT,),
    offers={"greenhouse": "writer"},
)
MEMBERS = "/api/admin/v1alpha1/apps/greenhouse/members"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/operators", {"name": "eve", "role": "reader"}, 201),
        ("DELETE", "/api/v1/operators/bob", None, 204),
        ("DELETE", f"/api/v1/operators/bob/tokens/{KEPT.prefix}", None, 204),
        ("DELETE", f"/api/tokens/v1alpha1/{KEPT.prefix}", None, 204),
        ("PUT", MEMBERS, {"members": {"bob": {"role": "reader"}}}, 204),
        ("DELETE", "/api/admin/v1alpha1/apps/greenhouse/transfer-ownership", None, 204),
        ("PUT", "/api/admin/v1alpha1/apps/greenhouse/accept-ownership", None, 204),
    ],
)
async def test_what_is_taken_back_was_no_reason(
    hub: HttpHub,
    greenhouse: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    body: Any,
    status: int,
) -> None:
    await hub.exchange.apply([PutOperator(BOB)])
    login = ("writer", WRITER) if path.startswith("/api/v1/") else ("bob", "bob")

    async def call() -> httpx.Response:
        return await greenhouse.request(method, f"{hub.plain}{path}", json=body, auth=login)

    before = hub.exchange.registry.operators()
    store = FailingStore(hub, monkeypatch)
    doomed = asyncio.create_task(call())
    await store.holds(1)
    wanted = hub.exchange.registry.operators()
    assert wanted != before
    judged = asyncio.create_task(call())
    await store.is_awaited()
    assert not judged.done()
    store.fail()
    assert (await doomed).status_code == 503
    assert (await judged).status_code == status
    assert hub.exchange.registry.operators() == wanted
