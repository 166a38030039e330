"""Devices, call by call: statuses, bodies, names and aliases."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from drogue_registry import (
    CONFLICT,
    NO_REFERENCE,
    NOT_FOUND,
    PATH,
    RegistryApi,
    app,
    device,
    expect,
)


async def test_a_device_is_made_shown_and_deleted(api: RegistryApi) -> None:
    expect(await api("GET", "/apps/app1/devices/dev1"), 404, NOT_FOUND)
    expect(await api("POST", "/apps/app1/devices", device()), 404, NO_REFERENCE)
    await api.make(app())
    expect(await api("GET", "/apps/app1/devices/dev1"), 404)
    written = device(
        spec={
            "credentials": {
                "credentials": [
                    {"pass": "foo"},
                    {"user": {"username": "foo", "password": "bar"}},
                ]
            },
            "alias": ["baz", "42", "waldo"],
        }
    )
    answer = await api("POST", "/apps/app1/devices", written)
    expect(answer, 201)
    assert answer.headers["location"].endswith(f"{PATH}/apps/app1/devices/dev1")
    shown = await api.get("/apps/app1/devices/dev1")
    assert shown["spec"] == written["spec"]
    assert set(shown["metadata"]) == {
        *("application", "name", "uid", "creationTimestamp", "generation", "resourceVersion")
    }
    expect(await api("POST", "/apps/app1/devices", device()), 409, CONFLICT)

    expect(await api("DELETE", "/apps/app1/devices/dev1"), 204)
    expect(await api("GET", "/apps/app1/devices/dev1"), 404)
    expect(await api("DELETE", "/apps/app1/devices/dev1"), 404, NOT_FOUND)
    expect(await api("PUT", "/apps/app1/devices/dev1", device()), 404, NOT_FOUND)
    expect(await api("PUT", "/apps/app2/devices/dev1", device("dev1", "app2")), 404, NOT_FOUND)
    expect(await api("DELETE", "/apps/app2/devices/dev1"), 404, NOT_FOUND)
    expect(await api("GET", "/apps/app2/devices"), 404, NOT_FOUND)


@pytest.mark.parametrize("name", [".", "..", "ü" * 128])
async def test_a_name_that_no_path_can_hold_is_refused(api: RegistryApi, name: str) -> None:
    await api.make(app())
    answer = await api("POST", "/apps/app1/devices", device(name))
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")
    assert answer.json()["message"].startswith("metadata.name: ")
    assert await api.names("/apps/app1/devices") == []
    await api.make(device("..."), device("ü" * 127))


async def test_a_device_made_again_is_another_one(api: RegistryApi) -> None:
    await api.make(app(), device())
    old = await api.get("/apps/app1/devices/dev1")
    expect(await api("DELETE", "/apps/app1/devices/dev1"), 204)
    await api.make(device())
    assert (await api.get("/apps/app1/devices/dev1"))["metadata"]["uid"] != old["metadata"]["uid"]
    expect(await api("PUT", "/apps/app1/devices/dev1", old), 409, CONFLICT)


async def test_the_body_says_which_application_a_device_is_made_in(api: RegistryApi) -> None:
    await api.make(app(), app("app2"))
    answer = await api("POST", "/apps/app1/devices", device("dev1", "app2"))
    expect(answer, 201)
    assert answer.headers["location"].endswith(f"{PATH}/apps/app2/devices/dev1")
    assert await api.names("/apps/app1/devices") == []
    assert await api.names("/apps/app2/devices") == ["dev1"]


async def test_any_text_is_the_name_of_a_device(api: RegistryApi) -> None:
    await api.make(app())
    for name in [
        "bar/baz",
        "a b",
        "a%2Fb",
        "100%",
        "a?b#c",
        "a+b",
        "ü",
        "é" * 127,
        "\n",
        "a@b",
        "~",
    ]:
        answer = await api("POST", "/apps/app1/devices", device(name))
        expect(answer, 201)
        place = httpx.URL(answer.headers["location"]).raw_path.decode()
        assert place == f"{PATH}/apps/app1/devices/{quote(name, safe='~')}"
        path = place.removeprefix(PATH)
        assert (await api.get(path))["metadata"]["name"] == name
        expect(await api("PUT", path, device(name, labels={"a": "1"})), 204)
        expect(await api("DELETE", path), 204)
        assert await api.names("/apps/app1/devices") == []


async def test_what_is_no_name_of_a_device(api: RegistryApi) -> None:
    await api.make(app())
    for wrong in (device(""), device("a" * 256), device("é" * 128), device("dev1", "")):
        answer = await api("POST", "/apps/app1/devices", wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    "spec",
    [
        {"alias": ["al1"]},
        {"alias": ["dev1"]},
        {"authentication": {"credentials": [unique]}}
        if (unique := {"user": {"username": "u1", "password": "x", "unique": True}})
        else {},
    ],
    ids=["alias", "name", "user"],
)
async def test_aliases_are_unique_in_an_application(
    api: RegistryApi, spec: dict[str, Any]
) -> None:
    one = {"alias": ["al1"], "authentication": {"credentials": [unique]}}
    await api.make(app(), app("app2"), device(spec=one), device("dev2"))
    expect(await api("POST", "/apps/app1/devices", device("dev3", spec=spec)), 409, CONFLICT)
    expect(await api("PUT", "/apps/app1/devices/dev2", device("dev2", spec=spec)), 409, CONFLICT)
    expect(await api("POST", "/apps/app1/devices", device("al1")), 409, CONFLICT)
    await api.make(device("dev3", "app2", spec=spec))  # another application's are its own
    expect(await api("PUT", "/apps/app1/devices/dev1", device()), 204)
    expect(await api("PUT", "/apps/app1/devices/dev1", device(spec={"alias": ["dev1"]})), 204)


async def test_what_cannot_be_read_is_stored_as_it_is(api: RegistryApi) -> None:
    spec = {
        "authentication": {"credentials": [{"pass": {"rot13": "x"}}]},
        "core": {"disabled": "perhaps"},
        "mqtt": None,
        "alias": {"a": "b"},
        "gatewaySelector": 1,
    }
    await api.make(app(), device(spec=spec))
    assert (await api.get("/apps/app1/devices/dev1"))["spec"] == spec
