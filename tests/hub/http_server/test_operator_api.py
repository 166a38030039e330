import asyncio
import base64
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from http_hub import READER, WRITER, HttpHub

from leafhub.contract import operator_api as contract
from leafhub.dialects.base import Outcome
from leafhub.model.event import BYTES, JSON, TEXT, Event, Kind
from leafhub.stores.base import CommandQuery

if TYPE_CHECKING:
    from leafhub.errors import StoreUnavailableError

LAST = CommandQuery()


async def store(hub: HttpHub, *events: Event) -> None:
    """Take events in as those of a device's packet are."""
    committed: asyncio.Future[StoreUnavailableError | None]
    committed = asyncio.get_running_loop().create_future()
    hub.exchange._parts.carrier.commit(Outcome(events=events), committed.set_result)
    assert await committed is None


def event(number: int, data: bytes = b"21.5", **other: Any) -> Event:
    base = Event(
        id=f"e{number}",
        application="greenhouse",
        device="bed-1",
        sender="bed-1",
        channel="temperature",
        time_us=1_000_000 + number,
        data=data,
    )
    return msgspec.structs.replace(base, **other)


async def test_status_tells_version_listeners_and_the_store(http: httpx.AsyncClient) -> None:
    answer = await http.get("/status")
    status = msgspec.json.decode(answer.content, type=contract.HubStatus)
    assert (status.version, status.listeners) == ("0.0.1", ["mqtt://127.0.0.1:1"])
    assert status.trouble == []
    assert status.store_bytes > 0
    assert (status.queue_bytes, status.messages_dropped) == (0, 0)


async def test_the_same_api_is_served_with_the_hubs_own_certificate(hub: HttpHub) -> None:
    trust = ssl.create_default_context(cafile=hub.folder.ca_certificate)
    async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
        answer = await client.get(f"{hub.tls}/api/v1/status", auth=("reader", READER))
    assert answer.status_code == 200


async def test_applications_count_their_devices(greenhouse: httpx.AsyncClient) -> None:
    answer = await greenhouse.get("/applications")
    assert answer.json() == [
        {"name": "greenhouse", "dialect": "drogue", "devices": 3, "online": 0}
    ]


async def test_devices_show_state_and_newest_reading(
    hub: HttpHub, greenhouse: httpx.AsyncClient
) -> None:
    await store(
        hub, event(2), event(1, b"19"), event(3, b"1", kind=Kind.OCCURRENCE, channel="rain")
    )
    answer = await greenhouse.get("/devices", params={"application": "greenhouse"})
    first, *others = msgspec.json.decode(answer.content, type=list[contract.DeviceSummary])
    assert (first.id, first.name, first.state) == ("bed-1", "First bed", "never")
    assert first.latest is not None
    assert (first.latest.channel, bytes(first.latest.data)) == ("temperature", b"21.5")
    assert [(d.name, d.latest) for d in others] == [("Twin", None), ("Twin", None)]


@pytest.mark.parametrize("named", ["bed-1", "First%20bed"])
async def test_a_device_is_found_by_id_or_name(greenhouse: httpx.AsyncClient, named: str) -> None:
    answer = await greenhouse.get(f"/applications/greenhouse/devices/{named}")
    assert msgspec.json.decode(answer.content, type=contract.DeviceDetail).summary.id == "bed-1"


async def test_an_id_may_hold_what_divides_a_path(greenhouse: httpx.AsyncClient) -> None:
    odd = "a/b?c%2F d"
    content = '[[application]]\nname = "greenhouse"\ndialect = "drogue"\n'
    await greenhouse.put("/registry", content=f'{content}[[application.device]]\nid = "{odd}"')
    answer = await greenhouse.get(f"/applications/greenhouse/devices/{quote(odd, safe='')}")
    assert msgspec.json.decode(answer.content, type=contract.DeviceDetail).summary.id == odd


async def test_a_name_of_two_devices_is_a_conflict_that_names_their_ids(
    greenhouse: httpx.AsyncClient,
) -> None:
    answer = await greenhouse.get("/applications/greenhouse/devices/Twin")
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert "bed-2, bed-3" in answer.json()["message"]


@pytest.mark.parametrize(
    ("data", "datacontenttype", "shown"),
    [
        (b'{"t": [1, null]}', JSON, {"t": [1, None]}),
        (b"warm", TEXT, "warm"),
        (b"\x00\xff", BYTES, base64.b64encode(b"\x00\xff").decode()),
        (b"{oops", JSON, "{oops"),
        (b"\xff", JSON, base64.b64encode(b"\xff").decode()),
    ],
)
async def test_data_is_json_else_text_else_base64(
    hub: HttpHub, greenhouse: httpx.AsyncClient, data: bytes, datacontenttype: str, shown: object
) -> None:
    await store(hub, event(1, data, datacontenttype=datacontenttype, raw=b"as it came"))
    answer = await greenhouse.get("/events", params={"channel": "temperature"})
    (record,) = answer.json()["events"]
    assert record["data"] == shown
    assert base64.b64decode(record["raw_base64"]) == b"as it came"


async def test_pages_show_every_event_once_and_end(
    hub: HttpHub, greenhouse: httpx.AsyncClient
) -> None:
    await store(hub, *(event(number) for number in range(7)))
    seen: list[str] = []
    before: int | None = None
    pages = 0
    while True:
        wanted: dict[str, str | int] = {
            "limit": 3,
            "device": "First bed",
            "application": "greenhouse",
        }
        if before is not None:
            wanted["before"] = before
        answer = await greenhouse.get("/events", params={**wanted, "channel": "temperature"})
        page = msgspec.json.decode(answer.content, type=contract.EventPage)
        seen += [record.id for record in page.events]
        pages += 1
        before = page.next_before
        if before is None:
            break
    assert seen == [f"e{number}" for number in range(6, -1, -1)]
    assert pages == 3


async def test_a_command_is_stored_under_the_operators_name(
    greenhouse: httpx.AsyncClient,
) -> None:
    answer = await greenhouse.post(
        "/applications/greenhouse/devices/bed-1/commands",
        json={"name": "water", "data": {"litres": 2}},
    )
    assert answer.status_code == 201, answer.text
    sent = msgspec.json.decode(answer.content, type=contract.CommandRecord)
    assert (sent.device, sent.name, sent.operator) == ("bed-1", "water", "writer")
    assert msgspec.json.decode(sent.data) == {"litres": 2}
    again = await greenhouse.get(f"/commands/{sent.id}", params={"wait_s": 0.05})
    assert again.json()["id"] == sent.id
    listed = await greenhouse.get(
        "/commands", params={"application": "greenhouse", "device": "bed-1"}
    )
    assert [command["id"] for command in listed.json()] == [sent.id]


async def test_a_document_comes_back_as_one_that_changes_nothing(
    greenhouse: httpx.AsyncClient,
) -> None:
    document = (await greenhouse.get("/registry")).text
    assert "correct horse" not in document
    report = (await greenhouse.put("/registry", content=document)).json()
    assert (report["created"], report["updated"], len(report["unchanged"])) == ([], [], 4)


async def test_a_refused_document_changes_nothing(greenhouse: httpx.AsyncClient) -> None:
    answer = await greenhouse.put(
        "/registry",
        content='[[application]]\nname = "new"\ndialect = "drogue"\n'
        '[[application]]\nname = "other"\ndialect = "drouge"\n',
    )
    assert answer.status_code == 422
    assert answer.json()["path"] == "application[1].dialect"
    assert len((await greenhouse.get("/applications")).json()) == 1


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Basic " + base64.b64encode(b"writer:wrong").decode()},
        {"Authorization": "Basic " + base64.b64encode(f"nobody:{WRITER}".encode()).decode()},
        {"Authorization": "Basic ###"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:x").decode()},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Digest {WRITER}"},
    ],
)
async def test_without_a_right_login_a_call_is_401_and_says_where_one_is(
    hub: HttpHub, header: dict[str, str]
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{hub.plain}/api/v1/status", headers=header)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert "operator.json" in answer.json()["message"]
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_token_alone_is_a_login(hub: HttpHub) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(
            f"{hub.plain}/api/v1/status", headers={"Authorization": f"Bearer {READER}"}
        )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/registry"), ("POST", "/applications/greenhouse/devices/bed-1/commands")],
)
async def test_who_may_only_read_changes_nothing(
    hub: HttpHub, greenhouse: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await greenhouse.request(method, path, auth=("reader", READER), json={"name": "x"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert (await hub.exchange.commands(LAST)) == []


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "error"),
    [
        ("GET", "/nowhere", b"", 404, "not_found"),
        ("DELETE", "/registry", b"", 405, "method_not_allowed"),
        ("GET", "/applications/none/devices/x", b"", 404, "not_found"),
        ("GET", "/applications/greenhouse/devices/none", b"", 404, "not_found"),
        ("GET", "/commands/none", b"", 404, "not_found"),
        ("GET", "/commands/none?wait_s=61", b"", 400, "bad_request"),
        ("GET", "/events?limit=0", b"", 400, "bad_request"),
        ("GET", "/events?limit=many", b"", 400, "bad_request"),
        ("GET", "/events?device=bed-1", b"", 422, "refused"),
        ("PUT", "/registry", b"[[application]]\nname =", 422, "refused"),
        ("PUT", "/registry", b"\xff", 422, "refused"),
        ("PUT", "/registry", b"#" * 200_000, 413, "request_entity_too_large"),
        ("POST", "/applications/greenhouse/devices/bed-1/commands", b"{", 400, "bad_request"),
        (
            "POST",
            "/applications/greenhouse/devices/bed-1/commands",
            b'{"nome":"x"}',
            400,
            "bad_request",
        ),
        (
            "POST",
            "/applications/greenhouse/devices/bed-1/commands",
            b'{"name":"x","timeout_s":0}',
            422,
            "refused",
        ),
        (
            "POST",
            "/applications/greenhouse/devices/bed-1/commands",
            b'{"name":"x","timeout_s":1e300}',
            422,
            "refused",
        ),
        (
            "POST",
            "/applications/greenhouse/devices/bed-1/commands",
            b'{"name":"x","data":' + b"[" * 40_000 + b"]" * 40_000 + b"}",
            400,
            "bad_request",
        ),
        ("GET", f"/events?before={2**63}", b"", 400, "bad_request"),
        ("GET", f"/events?after={2**63}", b"", 400, "bad_request"),
        ("GET", f"/events?since_us={2**63}", b"", 400, "bad_request"),
        ("GET", "/events?application=none", b"", 404, "not_found"),
        ("GET", "/commands?application=none", b"", 404, "not_found"),
    ],
)
async def test_every_refusal_is_an_api_error(
    greenhouse: httpx.AsyncClient, method: str, path: str, content: bytes, status: int, error: str
) -> None:
    answer = await greenhouse.request(
        method, path, content=content, headers={"Content-Type": "application/json"}
    )
    refusal = msgspec.json.decode(answer.content, type=contract.ApiError)
    assert (answer.status_code, refusal.status, refusal.error) == (status, status, error)
    assert refusal.message


async def test_a_form_of_a_foreign_web_page_sends_no_command(
    greenhouse: httpx.AsyncClient,
) -> None:
    answer = await greenhouse.post(
        "/applications/greenhouse/devices/bed-1/commands",
        content=b'{"name":"open"}',
        headers={"Content-Type": "text/plain"},
    )
    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")


async def test_the_schema_tells_every_refusal_in_its_shape(hub: HttpHub) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        paths = (await client.get(f"{hub.plain}/schema")).json()["paths"]
    calls = [
        call
        for path, methods in paths.items()
        if path.startswith("/api/v1/")
        for call in methods.values()
    ]
    for call in calls:
        refusals = {int(status): r for status, r in call["responses"].items() if status >= "400"}
        assert {401, 429, 500, 503} <= set(refusals)
        for refusal in refusals.values():
            (body,) = refusal["content"].values()
            assert body["schema"] == {"$ref": "#/components/schemas/ApiError"}
    registry = paths["/api/v1/registry"]
    assert list(registry["put"]["requestBody"]["content"]) == ["application/toml"]
    assert list(registry["get"]["responses"]["200"]["content"]) == ["application/toml"]
    assert {"403", "413", "422"} <= set(registry["put"]["responses"])


async def test_the_schema_describes_every_call(hub: HttpHub) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{hub.plain}/schema")
    paths = answer.json()["paths"]
    assert {f"/api/v1{path}" for path in ("/status", "/devices", "/events", "/registry")} <= set(
        paths
    )
    assert "/api/v1/applications/{application}/devices/{device}/commands" in paths
