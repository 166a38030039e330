"""Drogue Cloud's device registry: every call with its statuses and bodies, over real HTTP."""

import asyncio
import contextlib
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from drogue_registry import PATH, RegistryApi, app, device
from eventually import eventually
from http_hub import READER, WRITER, HttpHub

from leafhub.dialects.drogue.settings import ApplicationSettings
from leafhub.errors import StoreUnavailableError
from leafhub.exchange import proofs
from leafhub.http_server.document_api import PLANS
from leafhub.http_server.drogue.registry import AT_A_TIME, LONGEST_BODY
from leafhub.model.application import Application
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import DeleteOperator, PutApplication, PutOperator

MISSING = str(uuid.uuid4())
NOT_FOUND = {"error": "NotFound", "message": "Not found"}
CONFLICT = {"error": "Conflict", "message": "Conflict"}
NOT_AUTHORIZED = {"error": "AuthenticationError", "message": "Not authorized"}
NO_REFERENCE = {
    "error": "ReferenceNotFound",
    "message": "Referenced a non-existing entity",
}
JSON = {"Content-Type": "application/json"}


def expect(answer: httpx.Response, status: int, body: Any = None) -> None:
    """That status, and that body; ``None``: no body and no media type."""
    assert answer.status_code == status, answer.text
    if body is None:
        assert (answer.content, answer.headers.get("content-type")) == (b"", None)
    else:
        assert answer.json() == body


@contextlib.asynccontextmanager
async def caller(hub: HttpHub, name: str, token: str) -> AsyncIterator[RegistryApi]:
    async with httpx.AsyncClient(
        base_url=hub.plain, auth=(name, token), trust_env=False
    ) as client:
        yield RegistryApi(client)


@pytest.fixture
async def api(hub: HttpHub) -> AsyncIterator[RegistryApi]:
    """The registry for an admin of the hub."""
    async with caller(hub, "writer", WRITER) as one:
        yield one


def operator(name: str, role: Role | None = None, **roles: Role) -> Operator:
    """Whose token is its name."""
    credential = Credential(kind=SecretKind.SHA256, secret=proofs.sha256(name))
    return Operator(name=name, credentials=(credential,), role=role, roles=dict(roles))


# Applications


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


# Devices


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


# Deleting in two steps


async def test_finalizers_keep_what_is_deleted(api: RegistryApi) -> None:
    await api.make(app(finalizers=["foo", "bar"]))
    expect(await api("DELETE", "/apps/app1"), 204)
    shown = await api.get("/apps/app1")
    deleted = shown["metadata"]["deletionTimestamp"]
    assert dt.datetime.fromisoformat(deleted).tzinfo is not None
    assert shown["metadata"]["finalizers"] == ["foo", "bar"]
    expect(await api("DELETE", "/apps/app1"), 404, NOT_FOUND)
    expect(await api("POST", "/apps", app()), 409, CONFLICT)
    expect(await api("POST", "/apps/app1/devices", device()), 404, NO_REFERENCE)

    shown["metadata"]["finalizers"] = ["bar"]
    expect(await api("PUT", "/apps/app1", shown), 204)
    now = await api.get("/apps/app1")
    assert now["metadata"]["finalizers"] == ["bar"]
    assert now["metadata"]["deletionTimestamp"] == deleted
    expect(await api("PUT", "/apps/app1", shown), 409, CONFLICT)
    expect(await api("PUT", "/apps/app1", app()), 204)
    expect(await api("GET", "/apps/app1"), 404)


async def test_a_deleted_device_waits_for_its_finalizers(api: RegistryApi) -> None:
    await api.make(app(), device(finalizers=["foo"], spec={"alias": ["al1"]}))
    expect(await api("DELETE", "/apps/app1/devices/dev1"), 204)
    shown = await api.get("/apps/app1/devices/dev1")
    assert "deletionTimestamp" in shown["metadata"]
    assert await api.names("/apps/app1/devices") == ["dev1"]
    expect(await api("DELETE", "/apps/app1/devices/dev1"), 404, NOT_FOUND)
    shown["status"] = {"seen": True}
    expect(await api("PUT", "/apps/app1/devices/dev1", shown), 204)
    expect(await api("PUT", "/apps/app1/devices/dev1", device()), 204)
    expect(await api("GET", "/apps/app1/devices/dev1"), 404)
    assert await api.names("/apps") == ["app1"]
    await api.make(device("al1"))


async def test_an_application_waits_for_its_devices(api: RegistryApi) -> None:
    await api.make(
        app(), device("d1"), device("d2", finalizers=["foo"]), device("d3", finalizers=["foo"])
    )
    expect(await api("DELETE", "/apps/app1"), 204)
    assert await api.names("/apps/app1/devices") == ["d2", "d3"]
    shown = await api.get("/apps/app1")
    assert shown["metadata"]["finalizers"] == ["has-devices"]
    left = await api.get("/apps/app1/devices/d2")
    assert "deletionTimestamp" not in left["metadata"]

    expect(await api("PUT", "/apps/app1", app()), 204)  # it cannot be told to forget them
    assert await api.get("/apps/app1") == shown
    expect(await api("DELETE", "/apps/app1/devices/d2"), 204)
    expect(await api("PUT", "/apps/app1/devices/d2", device("d2")), 204)
    assert await api.get("/apps/app1") == shown
    expect(await api("PUT", "/apps/app1/devices/d3", device("d3")), 204)
    expect(await api("DELETE", "/apps/app1/devices/d3"), 204)
    expect(await api("GET", "/apps/app1"), 404)


async def test_an_application_has_finalizers_of_its_own_beside_that(api: RegistryApi) -> None:
    await api.make(app(finalizers=["bar"]), device(finalizers=["foo"]))
    expect(await api("DELETE", "/apps/app1"), 204)
    shown = await api.get("/apps/app1")
    assert shown["metadata"]["finalizers"] == ["bar", "has-devices"]
    expect(await api("DELETE", "/apps/app1/devices/dev1"), 204)
    expect(await api("PUT", "/apps/app1/devices/dev1", device()), 204)
    now = await api.get("/apps/app1")
    assert now["metadata"]["finalizers"] == ["bar"]
    assert now["metadata"]["resourceVersion"] != shown["metadata"]["resourceVersion"]
    expect(await api("PUT", "/apps/app1", app()), 204)
    expect(await api("GET", "/apps/app1"), 404)


async def test_an_application_takes_its_devices_with_it(api: RegistryApi) -> None:
    await api.make(app(), device("d1"), device("d2"))
    expect(await api("DELETE", "/apps/app1"), 204)
    await api.make(app())
    assert await api.names("/apps/app1/devices") == []


# Lists


async def test_lists_are_sorted_selected_and_cut(api: RegistryApi) -> None:
    for number in range(10):
        labels = {"even" if number % 2 == 0 else "odd": "", "n": str(number)}
        await api.make(app(f"app-{9 - number}", labels=labels))
    everything = [f"app-{number}" for number in range(10)]
    assert await api.names("/apps") == everything
    assert await api.names("/apps", limit="4") == everything[:4]
    assert await api.names("/apps", limit="4", offset="1") == everything[1:5]
    assert await api.names("/apps", offset="8") == everything[8:]
    assert await api.names("/apps", limit="0") == []
    assert await api.names("/apps", limit="2147483647", offset="2147483647") == []
    assert await api.names("/apps", labels="even", limit="2", offset="1") == ["app-3", "app-5"]
    assert await api.names("/apps", labels="n in (1, 2),odd") == ["app-8"]
    assert await api.names("/apps", labels="") == everything
    assert await api.names("/apps", other="x") == everything


async def test_devices_are_selected_by_labels(api: RegistryApi) -> None:
    await api.make(app())
    rooms = [None, ("1", "101"), ("1", "102"), ("2", "201")]
    for number, place in enumerate(rooms):
        labels = {} if place is None else {"floor": place[0], "room": place[1]}
        await api.make(device(f"d{number}", labels=labels))
    for selector, names in [
        ("floor", ["d1", "d2", "d3"]),
        ("!floor", ["d0"]),
        ("floor!=1", ["d3"]),
        ("floor notin (1,2)", []),
        ("floor=1,room!=101", ["d2"]),
    ]:
        assert await api.names("/apps/app1/devices", labels=selector) == names


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("labels=a%20,b", "InvalidRequest"),
        ("labels=%00", "InvalidRequest"),
        ("limit=-1", "BadRequest"),
        ("limit=many", "BadRequest"),
        ("offset=1.5", "BadRequest"),
    ],
)
async def test_queries_that_are_refused(api: RegistryApi, query: str, error: str) -> None:
    await api.make(app())
    for path in ("/apps", "/apps/app1/devices"):
        answer = await api("GET", f"{path}?{query}")
        assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_long_list_comes_whole(api: RegistryApi) -> None:
    count = AT_A_TIME * 2
    await api.make(app())
    await asyncio.gather(*(api.make(device(f"d{number:03}")) for number in range(count)))
    assert await api.names("/apps/app1/devices") == [f"d{number:03}" for number in range(count)]


# Who may do what


async def test_roles(hub: HttpHub, api: RegistryApi) -> None:
    await api.make(app(), app("app2"), device())
    cast = {
        "stranger": operator("stranger"),
        "reader": operator("app-reader", app1=Role.READER),
        "manager": operator("manager", app1=Role.WRITER),
        "admin": operator("admin", app1=Role.ADMIN),
    }
    await hub.exchange.apply([PutOperator(one) for one in cast.values()])

    async def answers(who: str) -> list[int]:
        async with caller(hub, cast[who].name, cast[who].name) as one:
            calls = [
                await one("GET", "/apps/app1"),
                await one("GET", "/apps/app1/devices"),
                await one("GET", "/apps/app1/devices/dev1"),
                await one("PUT", "/apps/app1", app(labels={"by": who})),
                await one("PUT", "/apps/app1/devices/dev1", device(labels={"by": who})),
                await one("POST", "/apps/app1/devices", device(f"by-{who}")),
                await one("DELETE", f"/apps/app1/devices/by-{who}"),
                await one("POST", "/apps", app(f"by-{who}")),
                await one("DELETE", "/apps/app1"),
            ]
            assert await one.names("/apps") == (["app1"] if who in {"reader", "manager"} else [])
            for answer in calls:
                if answer.status_code in {403, 404}:
                    assert answer.json() in (NOT_AUTHORIZED, NOT_FOUND, NO_REFERENCE)
        return [answer.status_code for answer in calls]

    assert await answers("stranger") == [403, 404, 404, 403, 404, 404, 404, 403, 403]
    assert await answers("reader") == [200, 200, 200, 403, 404, 404, 404, 403, 403]
    assert await answers("manager") == [200, 200, 200, 204, 204, 201, 204, 403, 403]
    assert await answers("admin") == [200, 200, 200, 204, 204, 201, 204, 403, 204]


async def test_who_makes_an_application_is_its_admin(hub: HttpHub) -> None:
    await hub.exchange.apply([PutOperator(operator("maker", Role.WRITER))])
    async with caller(hub, "maker", "maker") as maker:
        await maker.make(app())
        known = hub.exchange.registry.operator("maker")
        assert known is not None
        assert known.roles == {"app1": Role.ADMIN}
        expect(await maker("DELETE", "/apps/app1"), 204)
        known = hub.exchange.registry.operator("maker")
        assert known is not None
        assert known.roles == {}


async def test_callers_without_a_login_see_what_anybody_may(
    hub: HttpHub, api: RegistryApi
) -> None:
    await api.make(app(), app("app2"))
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        nobody = RegistryApi(http)
        assert await nobody.names("/apps") == []
        expect(await nobody("POST", "/apps", app("app3")), 403, NOT_AUTHORIZED)
        await hub.exchange.apply(
            [PutOperator(Operator(name="", role=None, roles={"app1": Role.WRITER}))]
        )
        assert await nobody.names("/apps") == ["app1"]
        await nobody.make(device())
    async with caller(hub, "reader", "wrong") as wrong:
        answer = await wrong("GET", "/apps")
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")
    async with caller(hub, "reader", READER) as reader:
        assert await reader.names("/apps") == ["app1", "app2"]
        expect(await reader("PUT", "/apps/app1", app()), 403, NOT_AUTHORIZED)


async def test_a_role_counts_as_it_is_when_the_body_has_come(
    hub: HttpHub, api: RegistryApi
) -> None:
    await api.make(app())
    await hub.exchange.apply([PutOperator(operator("manager", app1=Role.WRITER))])

    async def body(*, remove: bool) -> AsyncIterator[bytes]:
        yield b'{"metadata":{"name":"app1",'
        await hub.exchange.apply(
            [DeleteOperator("manager") if remove else PutOperator(operator("manager"))]
        )
        yield b'"labels":{"a":"1"}}}'

    async with caller(hub, "manager", "manager") as manager:
        path = f"{PATH}/apps/app1"
        expect(
            await manager.http.put(path, content=body(remove=False), headers=JSON),
            403,
            NOT_AUTHORIZED,
        )
        answer = await manager.http.put(path, content=body(remove=True), headers=JSON)
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")
    assert "labels" not in (await api.get("/apps/app1"))["metadata"]


async def test_applications_of_other_dialects_are_not_there_but_take_names(
    hub: HttpHub, api: RegistryApi
) -> None:
    other = Application(name="home", uid="u", dialect="broker", settings=ApplicationSettings())
    hub.exchange.registry.apply(PutApplication(other))
    assert await api.names("/apps") == []
    expect(await api("GET", "/apps/home"), 404)
    expect(await api("PUT", "/apps/home", app("home")), 404, NOT_FOUND)
    expect(await api("DELETE", "/apps/home"), 404, NOT_FOUND)
    expect(await api("GET", "/apps/home/devices"), 404, NOT_FOUND)
    expect(await api("POST", "/apps/home/devices", device("d", "home")), 404, NO_REFERENCE)
    expect(await api("POST", "/apps", app("home")), 409, CONFLICT)


# At the same time


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


class FailingStore:
    """Stands in for ``write`` of a store: keeps batches back, then takes none of them."""

    def __init__(self, hub: HttpHub, monkeypatch: pytest.MonkeyPatch) -> None:
        self._waiting: list[Any] = []
        self._patch = monkeypatch
        monkeypatch.setattr(hub.exchange._store, "write", self._write)

    def _write(self, _: Any, done: Any) -> None:
        self._waiting.append(done)

    async def holds(self, count: int) -> None:
        async def there() -> bool:
            return len(self._waiting) >= count

        await eventually(there)

    def fail(self) -> None:
        self._patch.undo()
        for done in self._waiting:
            done(StoreUnavailableError("the disk is full"))


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

    async def waits() -> bool:
        return bool(hub.exchange._carrier._pending._awaited)

    await eventually(waits)
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
