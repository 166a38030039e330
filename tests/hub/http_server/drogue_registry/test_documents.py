"""What was made by the registry's API goes through a document into an empty hub."""

import base64
from pathlib import Path
from typing import Any

import pytest
from client_certificates import authority
from drogue_registry import RegistryApi, app, caller, device
from http_hub import WRITER, HttpHub, http_hub

ANCHOR = base64.b64encode(authority("plant").pem.encode()).decode()
VALIDITY = {"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z"}
KEY = base64.b64encode(bytes(range(16))).decode()
CREDENTIALS: dict[str, Any] = {
    "plain": [{"pass": "a"}, {"pass": {"plain": "b"}}],
    "user": [{"user": {"username": "u", "password": "p", "unique": True}}],
    "hashes": [{"pass": {"bcrypt": "$2b$04$" + "." * 53}}, {"pass": {"sha512": "no hash"}}],
    "keys": [{"psk": {"key": KEY, "validity": VALIDITY}}, {"psk": {"key": KEY}}],
    "short": [{"pass": ""}, {"psk": {"key": "AAEC"}}],
    "long": [{"pass": "x" * 5000}],
    "beside": [{"cert": "x"}, {"pass": "y"}],
    "none": [],
}
OTHERS: dict[str, Any] = {
    "empty": {"authentication": {}},
    "old": {"credentials": {"credentials": [{"pass": "legacy"}]}},
    "off": {"core": {"disabled": True}},
    "off, and more": {"core": {"disabled": True, "since": None}, "alias": ["o"]},
    "a/b\0\n'\"": {"free": [None, 1.0, 2**70, {"": {"": "\0\u2028"}}]},
}


def lasting(record: dict[str, Any]) -> dict[str, Any]:
    """All but what is new when a record is made again."""
    new = {"uid", "creationTimestamp", "generation", "resourceVersion"}
    metadata = {name: value for name, value in record["metadata"].items() if name not in new}
    return {**record, "metadata": metadata}


async def all_of(api: RegistryApi) -> list[dict[str, Any]]:
    records = (await api("GET", "/apps")).json() + (await api("GET", "/apps/app1/devices")).json()
    return [lasting(one) for one in records]


@pytest.fixture
async def filled(api: RegistryApi) -> RegistryApi:
    spec = {"trustAnchors": {"anchors": [{"certificate": ANCHOR}]}, "mqtt": {}, "free": None}
    notes: dict[str, Any] = {
        "labels": {"a": "1"},
        "annotations": {"x/y": "\n"},
        "finalizers": ["f"],
    }
    await api.make(app(spec=spec, status={"s": None}, **notes))
    for name, credentials in CREDENTIALS.items():
        await api.make(device(name, spec={"authentication": {"credentials": credentials}}))
    for name, own in OTHERS.items():
        await api.make(device(name, spec=own))
    await api.make(device("gone", **notes, spec={"credentials": {"credentials": []}}))
    await api.put(device("off", **notes, spec={**OTHERS["off"], "changed": True}))
    await api.delete(device("gone"))
    return api


async def test_nothing_is_lost_in_a_document(
    hub: HttpHub, filled: RegistryApi, tmp_path: Path
) -> None:
    text = (await filled.http.get("/api/v1/registry")).content
    again = (await filled.http.put("/api/v1/registry", content=text)).json()
    assert (again["created"], again["updated"]) == ([], [])
    async with http_hub(tmp_path / "other") as other, caller(other, "writer", WRITER) as api:
        answer = await api.http.put("/api/v1/registry", content=text)
        assert answer.status_code == 200, answer.text
        assert await all_of(api) == await all_of(filled)
        for known in hub.exchange.registry.devices("app1"):
            copy = other.exchange.registry.device("app1", known.id)
            assert copy is not None
            assert (copy.credentials, copy.enabled) == (known.credentials, known.enabled)
