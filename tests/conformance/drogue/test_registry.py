"""What is changed in Drogue Cloud's registry takes effect at once, on those who are there."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from client_certificates import authority
from drogue_clients import ACCEPTED_V3, REFUSED_V3, answer_to, log_in, next_event
from drogue_registry import RegistryApi, app, device
from raw_mqtt import OpenClient, RawClient
from whole_hub import TOKEN, RunningHub

from leafhub.mqtt.packets import Disconnect
from leafhub.mqtt.reason_codes import ReasonCode

APP = "plant-a"
LOGIN = f"d@{APP}"
REGISTRY, CONNECTION, EVENT = (
    f"io.drogue.{kind}.v1" for kind in ("registry", "connection", "event")
)
NOT_AUTHORIZED = (ReasonCode.NOT_AUTHORIZED, "Not authorized")
DISABLED = {"core": {"disabled": True}}
PLAIN = {"mqtt": {"dialect": {"type": "plainTopic"}}}


def known(name: str = "d", spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A device that logs in with ``pw``, unless its spec says otherwise."""
    credentials = {"authentication": {"credentials": [{"pass": "pw"}]}}
    return device(name, APP, spec=credentials | (spec or {}), **more)


@pytest.fixture
def documents() -> tuple[str, ...]:
    return ()


@pytest.fixture
async def api(hub: RunningHub) -> AsyncIterator[RegistryApi]:
    """The registry, with one application and one device in it."""
    async with httpx.AsyncClient(
        base_url=hub.http.base_url, auth=("operator", TOKEN), trust_env=False
    ) as http:
        registry = RegistryApi(http)
        await registry.make(app(APP), known())
        yield registry


@pytest.fixture
async def feed(api: RegistryApi, open_client: OpenClient) -> RawClient:
    """Reads the application's events."""
    client = await open_client()
    await client.connect("", "operator", TOKEN)
    (name,) = await api.names("/apps")
    assert await client.subscribe(f"app/{name}", qos=0) == [0]
    return client


@pytest.fixture(params=[4, 5], ids=["v3", "v5"])
async def live(
    request: pytest.FixtureRequest, feed: RawClient, open_client: OpenClient
) -> RawClient:
    """The device's connection."""
    client = await log_in(await open_client(protocol_level=request.param), LOGIN, "pw")
    await expect_events(feed, ("d", CONNECTION))
    return client


async def expect_events(feed: RawClient, *wanted: tuple[str, str]) -> None:
    """Events come from these devices, of these types."""
    events = [await next_event(feed) for _ in wanted]
    assert [(event["device"], event["type"]) for event in events] == list(wanted)
    for event in events:
        if event["type"] == REGISTRY:
            assert (event["subject"], event["sender"]) == ("devices", event["device"])
            assert not {"data", "data_base64"} & event.keys()


async def expect_end(client: RawClient) -> None:
    """The hub ends the connection, and says why where the version can."""
    if client.protocol_level == 5:
        assert (await client.expect(Disconnect)).reason_code is ReasonCode.ADMINISTRATIVE_ACTION
    await client.expect_closed()


async def answer(open_client: OpenClient, login: str = LOGIN, password: str = "pw") -> str:
    """What a newcomer gets for CONNECT, which displaces nobody who is there."""
    client = await open_client()
    await client.send_connect("", login, password)
    return (await client.receive_bytes(4)).hex(" ")


@pytest.mark.parametrize(
    ("changed", "then"),
    [
        ([known(spec=DISABLED)], [("d", REGISTRY), ("d", CONNECTION)]),
        ([app(APP, spec=DISABLED)], [("d", CONNECTION)]),
        ([device("d", APP)], [("d", REGISTRY), ("d", CONNECTION)]),
        (
            [known(spec={"mqtt": {"dialect": {"type": "nope"}}})],
            [("d", REGISTRY), ("d", CONNECTION)],
        ),
        ([app(APP, spec={"mqtt": None})], [("d", CONNECTION)]),
    ],
    ids=["device-off", "application-off", "no-credentials", "dialect", "its-dialect"],
)
async def test_who_may_not_log_in_any_more_has_to_go(
    api: RegistryApi,
    feed: RawClient,
    live: RawClient,
    open_client: OpenClient,
    changed: list[dict[str, Any]],
    then: list[tuple[str, str]],
) -> None:
    await api.put(*changed)
    await expect_end(live)
    await expect_events(feed, *then)
    assert await answer(open_client) == REFUSED_V3
    await api.put(app(APP), known())
    assert await answer(open_client) == ACCEPTED_V3


async def test_a_deleted_device_has_to_go(
    api: RegistryApi, feed: RawClient, live: RawClient, open_client: OpenClient
) -> None:
    await api.delete(known())
    await expect_end(live)
    await expect_events(feed, ("d", REGISTRY))
    assert await answer(open_client) == REFUSED_V3
    await api.make(known())
    await expect_events(feed, ("d", REGISTRY))
    assert await answer(open_client) == ACCEPTED_V3


async def test_with_its_application_a_device_has_to_go(
    api: RegistryApi, live: RawClient, open_client: OpenClient
) -> None:
    await api.delete(app(APP))
    await expect_end(live)
    assert await answer(open_client) == REFUSED_V3


@pytest.mark.parametrize("which", ["device", "application"])
async def test_what_is_deleted_and_waits_is_out_already(
    api: RegistryApi, feed: RawClient, live: RawClient, open_client: OpenClient, which: str
) -> None:
    one = known(finalizers=["f"]) if which == "device" else app(APP, finalizers=["f"])
    await api.put(one)
    await live.ping()
    if which == "device":
        await expect_events(feed, ("d", REGISTRY))
    else:
        await api.put(known(finalizers=["f"]))  # it stays, and its application with it
        await expect_events(feed, ("d", REGISTRY))
    await api.delete(one)
    await expect_end(live)
    assert await answer(open_client) == REFUSED_V3
    assert (await api.get("/apps/plant-a/devices/d"))["metadata"]["finalizers"] == ["f"]


async def test_another_password_ends_what_the_old_one_began(
    api: RegistryApi, feed: RawClient, live: RawClient, open_client: OpenClient
) -> None:
    await api.put(known(spec={"authentication": {"credentials": [{"pass": "new"}]}}))
    await expect_end(live)
    await expect_events(feed, ("d", REGISTRY), ("d", CONNECTION))
    assert await answer(open_client) == REFUSED_V3
    assert await answer(open_client, password="new") == ACCEPTED_V3


@pytest.mark.parametrize(
    "changed",
    [
        known(labels={"floor": "1"}),
        known(annotations={"note": "x"}),
        known(finalizers=["f"]),
        known(spec={"own": {"x": 1}}),
        known(status={"conditions": []}),
        known(spec={"alias": ["other"]}),
        known(spec={"gatewaySelector": {"matchNames": ["g"]}}),
    ],
    ids=["label", "annotation", "finalizer", "section", "status", "alias", "gateway"],
)
async def test_what_does_not_concern_a_connection_leaves_it_alone(
    api: RegistryApi, feed: RawClient, live: RawClient, changed: dict[str, Any]
) -> None:
    await api.put(changed)
    await expect_events(feed, ("d", REGISTRY))
    await live.expect_nothing()
    await api.put(changed)  # no difference, no event
    await feed.expect_nothing()


async def test_an_alias_lets_in_at_once(api: RegistryApi, open_client: OpenClient) -> None:
    assert await answer(open_client, f"al1@{APP}") == REFUSED_V3
    await api.put(known(spec={"alias": ["al1"]}))
    assert await answer(open_client, f"al1@{APP}") == ACCEPTED_V3
    await api.put(known())
    assert await answer(open_client, f"al1@{APP}") == REFUSED_V3


async def test_a_gateway_speaks_for_whom_it_may_now(
    api: RegistryApi, feed: RawClient, open_client: OpenClient
) -> None:
    gateway = await log_in(await open_client(protocol_level=5), LOGIN, "pw")
    await expect_events(feed, ("d", CONNECTION))
    assert await answer_to(gateway, "temp/s") == NOT_AUTHORIZED
    sensor = device("s", APP, spec={"gatewaySelector": {"matchNames": ["d"]}})
    await api.make(sensor)
    assert await answer_to(gateway, "temp/s") == (0, None)
    await expect_events(feed, ("s", REGISTRY), ("s", EVENT))
    await api.put(device("s", APP, spec={"gatewaySelector": {"matchNames": ["other"]}}))
    assert await answer_to(gateway, "temp/s") == NOT_AUTHORIZED
    await api.put(sensor)
    assert await answer_to(gateway, "temp/s") == (0, None)
    await api.delete(sensor)
    assert await answer_to(gateway, "temp/s") == NOT_AUTHORIZED


@pytest.mark.parametrize("changed", [known(spec=PLAIN), app(APP, spec=PLAIN)], ids=["own", "its"])
async def test_topics_are_read_as_is_said_now(
    api: RegistryApi, open_client: OpenClient, changed: dict[str, Any]
) -> None:
    client = await log_in(await open_client(protocol_level=5), LOGIN, "pw")
    assert await answer_to(client, "a/b/c") == (0x90, "Topic name is invalid")
    await api.put(changed)
    assert await answer_to(client, "a/b/c") == (0, None)
    await api.put(app(APP), known())
    assert await answer_to(client, "a/b/c") == (0x90, "Topic name is invalid")


async def test_a_trust_anchor_is_one_applications(api: RegistryApi) -> None:
    anchor = base64.b64encode(authority("Plant").pem.encode()).decode()
    spec = {"trustAnchors": {"anchors": [{"certificate": anchor}]}}
    forged = {"trustAnchors": {"anchors": []}, "other": {"x": 1}}
    await api.put(app(APP, spec=spec, status=forged))
    shown = await api.get(f"/apps/{APP}")
    assert shown["spec"] == spec
    (found,) = shown["status"]["trustAnchors"]["anchors"]
    assert found["valid"]["subject"] == "CN=Plant"
    assert shown["status"]["other"] == {"x": 1}
    await api.put(shown)
    assert await api.get(f"/apps/{APP}") == shown

    await api.make(app("plant-b"))
    for method, path, name in (("POST", "", "plant-c"), ("PUT", "/plant-b", "plant-b")):
        refused = await api(method, f"/apps{path}", app(name, spec=spec))
        assert (refused.status_code, refused.json()["error"]) == (409, "Conflict")
    await api.put(app(APP))
    assert "status" not in await api.get(f"/apps/{APP}")
    await api.put(app("plant-b", spec=spec))


async def test_the_feed_tells_what_becomes_of_devices(api: RegistryApi, feed: RawClient) -> None:
    await api.make(known("e", finalizers=["f"]))
    await api.put(app(APP, labels={"a": "1"}))  # tells nothing of devices
    await api.put(known("e", finalizers=["f"], labels={"a": "1"}))
    await api.delete(known("e"))
    await api.put(known("e"))
    await expect_events(feed, *[("e", REGISTRY)] * 4)
    await feed.expect_nothing()


async def test_what_was_made_here_is_in_the_hubs_own_document_and_back(
    hub: RunningHub, api: RegistryApi, open_client: OpenClient
) -> None:
    await api.put(known(spec={"x": [None, 1.0, {"ü": ""}]}, labels={"a/b": "1"}, finalizers=["f"]))
    before = [await api.get(path) for path in ("/apps/plant-a", "/apps/plant-a/devices/d")]
    report = await hub.apply(await hub.registry())
    assert (report.created, report.updated) == ([], [])
    assert [await api.get(path) for path in ("/apps/plant-a", "/apps/plant-a/devices/d")] == before
    await hub.apply(f'[[application]]\nname = "{APP}"\ndialect = "drogue"\nenabled = false\n')
    now = await api.get("/apps/plant-a")
    assert now["spec"] == DISABLED
    assert now["metadata"]["generation"] == before[0]["metadata"]["generation"] + 1
    await api.put(now)
    assert await answer(open_client) == REFUSED_V3
