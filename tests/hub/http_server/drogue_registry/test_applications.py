"""Applications, call by call: statuses, bodies, and what an update counts."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from drogue_registry import (
    CONFLICT,
    JSON,
    NOT_FOUND,
    PATH,
    RegistryApi,
    app,
    device,
    expect,
)
from http_hub import HttpHub

from leafhub.http_server.drogue.registry import LONGEST_BODY

MISSING = str(uuid.uuid4())


async def test_an_application_is_made_shown_and_deleted(api: RegistryApi) -> None:
    expect(await api("GET", "/apps/app1"), 404)
    answer = await api("POST", "/apps", app())
    expect(answer, 201)
    assert answer.headers["location"] == f"{api.http.base_url}{PATH}/apps/app1"

    shown = await api.get("/apps/app1")
    metadata = shown.pop("metadata")
    assert shown == {}
    assert uuid.UUID(metadata.pop("uid"))
    assert uuid.UUID(metadata.pop("resourceVersion"))
    made = dt.datetime.fromisoformat(metadata.pop("creationTimestamp"))
    assert dt.timedelta(0) <= dt.datetime.now(dt.UTC) - made < dt.timedelta(minutes=1)
    assert metadata == {"name": "app1", "generation": 0}

    expect(await api("POST", "/apps", app()), 409, CONFLICT)
    expect(await api("DELETE", "/apps/app1"), 204)
    expect(await api("GET", "/apps/app1"), 404)
    expect(await api("DELETE", "/apps/app1"), 404, NOT_FOUND)
    expect(await api("PUT", "/apps/app1", app()), 404, NOT_FOUND)


async def test_a_record_is_shown_as_it_was_written(api: RegistryApi) -> None:
    free = {"x": [1, 1.0, True, None, {"ü": "\u0000"}], "z": 123456789012345678901234567890}
    written = app(
        labels={"foo": "bar", "foo/bar": "baz"},
        annotations={"note": ""},
        finalizers=["f1", "f1"],
        spec={"core": {"disabled": True}, **free},
        status=free,
    )
    await api.make(written)
    shown = await api.get("/apps/app1")
    assert written["metadata"].items() <= shown["metadata"].items()
    assert (shown["spec"], shown["status"]) == (written["spec"], written["status"])


async def test_empty_sections_are_left_out(api: RegistryApi) -> None:
    await api.make(app(labels={}, annotations={}, finalizers=[], spec={}, status={}))
    shown = await api.get("/apps/app1")
    assert set(shown) == {"metadata"}
    assert not {"labels", "annotations", "finalizers", "deletionTimestamp"} & set(
        shown["metadata"]
    )


async def test_what_only_the_registry_says_is_ignored_in_requests(api: RegistryApi) -> None:
    await api.make(
        app(
            uid=MISSING,
            resourceVersion=MISSING,
            generation=7,
            creationTimestamp="2001-02-03T04:05:06.123456789Z",
            deletionTimestamp="2001-02-03T04:05:06+01:00",
        )
        | {"kind": "Application", "x": 1}
    )
    metadata = (await api.get("/apps/app1"))["metadata"]
    assert metadata["generation"] == 0
    assert MISSING not in {metadata["uid"], metadata["resourceVersion"]}
    assert not metadata["creationTimestamp"].startswith("2001")
    assert "deletionTimestamp" not in metadata


async def test_names_of_applications(api: RegistryApi) -> None:
    for name in ["a", "app-1", "1", "a.b", "a-b.c--d.0", "a" * 63, "a" * 32 + "." + "b" * 31]:
        await api.make(app(name))
        assert (await api.get(f"/apps/{name}"))["metadata"]["name"] == name


async def test_what_is_no_name_of_an_application(api: RegistryApi) -> None:
    long = ("a" * 64, "a." * 32 + "b")
    for name in ("", "App", "a b", "-a", "a-", "a_b", "a..b", ".a", "a.", "ä", "a\n", *long):
        answer = await api("POST", "/apps", app(name))
        assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest"), name
    assert await api.names("/apps") == []


async def test_what_an_update_counts(api: RegistryApi) -> None:
    await api.make(app(labels={"a": "1"}, spec={"x": 1}))
    versions = [(await api.get("/apps/app1"))["metadata"]]

    async def update(**what: Any) -> tuple[int, bool]:
        """By how much the generation moved on, and whether the version changed."""
        expect(await api("PUT", "/apps/app1", app(**what)), 204)
        versions.append((await api.get("/apps/app1"))["metadata"])
        before, now = versions[-2:]
        assert before["uid"] == now["uid"]
        moved = now["generation"] - before["generation"]
        return moved, now["resourceVersion"] != before["resourceVersion"]

    assert await update(labels={"a": "1"}, spec={"x": 1}) == (0, False)
    assert await update(labels={"a": "2"}, spec={"x": 1}) == (0, True)
    assert await update(spec={"x": 1}, status={"s": 1}) == (0, True)
    assert await update(spec={"x": 1}, annotations={"n": "1"}) == (0, True)
    assert await update(spec={"x": True}) == (1, True)
    assert await update() == (1, True)
    assert await update(finalizers=["f"]) == (0, True)


async def test_an_update_replaces_the_whole(api: RegistryApi) -> None:
    await api.make(app(labels={"a": "1"}, annotations={"b": "2"}, spec={"x": 1}, status={"y": 2}))
    expect(await api("PUT", "/apps/app1", app()), 204)
    shown = await api.get("/apps/app1")
    assert set(shown) == {"metadata"}
    assert not {"labels", "annotations"} & set(shown["metadata"])


async def test_the_body_names_what_the_path_names(api: RegistryApi) -> None:
    await api.make(app(), app("app2"), device())
    expect(await api("PUT", "/apps/app1", app("app2")), 400)
    expect(await api("PUT", "/apps/app1/devices/dev1", device("dev2")), 400)
    expect(await api("PUT", "/apps/app1/devices/dev1", device("dev1", "app2")), 400)


@pytest.mark.parametrize("member", ["uid", "resourceVersion"])
@pytest.mark.parametrize("path", ["/apps/app1", "/apps/app1/devices/dev1"])
async def test_preconditions(api: RegistryApi, path: str, member: str) -> None:
    await api.make(app(), device())
    wanted = app(labels={"a": "1"}) if path == "/apps/app1" else device(labels={"a": "1"})

    async def change(value: str) -> tuple[int, int]:
        """What a PUT and then a DELETE answer."""
        wanted["metadata"][member] = value
        put = await api("PUT", path, wanted)
        preconditions = {"preconditions": {member: value}}
        delete = await api("DELETE", path, preconditions)
        for answer in (put, delete):
            expect(answer, answer.status_code, CONFLICT if answer.status_code == 409 else None)
        return put.status_code, delete.status_code

    for wrong in (MISSING, "no uuid", "0"):
        assert await change(wrong) == (409, 409)
    before = (await api.get(path))["metadata"]
    wanted["metadata"][member] = before[member].upper()  # a UUID however it is written
    expect(await api("PUT", path, wanted), 204)
    now = (await api.get(path))["metadata"]
    assert now["labels"] == {"a": "1"}
    assert now["resourceVersion"] != before["resourceVersion"]
    assert await change("") == (204, 204)


async def test_no_difference_is_no_change(hub: HttpHub, api: RegistryApi) -> None:
    await api.make(app(), device(spec={"x": 1}))
    before = await api.get("/apps/app1/devices/dev1")
    generation = hub.exchange.registry.generation
    expect(await api("PUT", "/apps/app1/devices/dev1", before), 204)
    expect(await api("PUT", "/apps/app1", await api.get("/apps/app1")), 204)
    assert hub.exchange.registry.generation == generation
    assert await api.get("/apps/app1/devices/dev1") == before


REFUSED_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"{}",
    b'{"metadata":{}}',
    b'{"metadata":null}',
    b'{"metadata":{"name":1}}',
    b'{"metadata":{"name":null}}',
    b'{"metadata":{"name":"app1","what":1}}',
    b'{"metadata":{"name":"app1","application":"app1"}}',
    b'{"metadata":{"name":"app1","uid":null}}',
    b'{"metadata":{"name":"app1","generation":"1"}}',
    b'{"metadata":{"name":"app1","creationTimestamp":"yesterday"}}',
    b'{"metadata":{"name":"app1","labels":{"a":1}}}',
    b'{"metadata":{"name":"app1","labels":null}}',
    b'{"metadata":{"name":"app1","finalizers":"a"}}',
    b'{"metadata":{"name":"app1"},"spec":null}',
    b'{"metadata":{"name":"app1"},"spec":[]}',
    b'{"metadata":{"name":"app1"},"status":1}',
    b'{"metadata":{"name":"app1"},"spec":{"x":NaN}}',
    b'{"metadata":{"name":"app1"},"spec":{"x":1e999}}',
    b'{"metadata":{"name":"app1"},"spec":{"x":"\\ud800"}}',
    b'{"metadata":{"name":"app1"},"spec":{"x":"\xff"}}',
    b'{"metadata":{"name":"app1"},"spec":{"x":' + b"[" * 126 + b"]" * 126 + b"}}",
    b'{"metadata":{"name":"app1"},"spec":{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
]


async def test_bodies_that_are_refused(api: RegistryApi) -> None:
    for body in REFUSED_BODIES:
        answer = await api.http.post(f"{PATH}/apps", content=body, headers=JSON)
        assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest"), body
    assert await api.names("/apps") == []


async def test_a_body_as_deep_as_can_be_is_kept(api: RegistryApi) -> None:
    deep = b'{"metadata":{"name":"app1"},"spec":{"x":' + b"[" * 125 + b"]" * 125 + b"}}"
    answer = await api.http.post(f"{PATH}/apps", content=deep, headers=JSON)
    expect(answer, 201)
    assert await api.names("/apps") == ["app1"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_has_to_say_that_it_is_json(api: RegistryApi, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    answer = await api.http.post(
        f"{PATH}/apps", content=b'{"metadata":{"name":"app1"}}', headers=headers
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")


async def test_a_body_has_a_longest_length(api: RegistryApi) -> None:
    start, end = b'{"metadata":{"name":"app1"},"spec":{"x":"', b'"}}'
    fits = start + b"a" * (LONGEST_BODY - len(start) - len(end)) + end
    too_long = fits.replace(b'"app1"', b'"app12"')

    async def chunks(data: bytes) -> AsyncIterator[bytes]:
        for place in range(0, len(data), 10_000):
            yield data[place : place + 10_000]

    for body in (too_long, chunks(too_long)):
        answer = await api.http.post(f"{PATH}/apps", content=body, headers=JSON)
        assert answer.status_code == 413
        assert set(answer.json()) == {"error", "message"}
    expect(await api.http.post(f"{PATH}/apps", content=chunks(fits), headers=JSON), 201)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"preconditions":1}', 400), (b"{}", 204)],
)
@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
async def test_a_precondition_that_cannot_be_read_deletes_nothing(
    api: RegistryApi, body: bytes, status: int, media_type: str
) -> None:
    await api.make(app())
    headers = {"Content-Type": media_type}
    answer = await api.http.request("DELETE", f"{PATH}/apps/app1", content=body, headers=headers)
    assert answer.status_code == status


async def test_a_precondition_counts_whatever_its_media_type(api: RegistryApi) -> None:
    await api.make(app())
    body = b'{"preconditions":{"uid":"wrong"}}'  # as curl -d sends it
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await api.http.request("DELETE", f"{PATH}/apps/app1", content=body, headers=headers)
    expect(answer, 409, CONFLICT)
