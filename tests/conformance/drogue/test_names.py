"""Names that are hard to write, everywhere that a name may come from."""

from urllib.parse import quote

import msgspec
import pytest
from drogue_clients import REFUSED_V3, answer_to, expect_connection, log_in, next_event
from drogue_registry import PATH, RegistryApi
from drogue_registry import device as record
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub

from leafhub.dialects.cloudevents import percent_encode
from leafhub.mqtt.packets import Puback, Publish

LONGEST = "ü" * 125 + "x" + "\N{MUSICAL SYMBOL G CLEF}"
"""255 bytes."""
NAMES = {
    "nul": "a\0b",
    "plus": "+",
    "hash": "a#",
    "slashes": "/a//b",
    "at": "a@b@c",
    "percent": "100%25",
    "blank": " ",
    "lines": "a\r\nb\N{RIGHT-TO-LEFT OVERRIDE}",
    "query": "$a?b&c=d",
    "longest": LONGEST,
}
NO_TOPIC = frozenset("+#\0")
LEVELS = pytest.mark.parametrize("level", [4, 5])


def places(without: str = "") -> pytest.MarkDecorator:
    """Each name for itself, but for those with one of these characters."""
    fit = {key: name for key, name in NAMES.items() if not set(name) & set(without)}
    return pytest.mark.parametrize("name", fit.values(), ids=fit.keys())


def path_of(name: str) -> str:
    return f"/apps/plant-a/devices/{quote(name, safe='')}"


def login_of(name: str) -> str:
    return f"{quote(name, safe='')}@plant-a"


def with_password(name: str, **spec: object) -> dict[str, object]:
    section = {"authentication": {"credentials": [{"pass": "pw"}]}}
    return record(name, "plant-a", spec=section | spec)


@places()
async def test_the_registry_keeps_any(api: RegistryApi, name: str) -> None:
    answer = await api("POST", "/apps/plant-a/devices", record(name, "plant-a"))
    assert answer.status_code == 201
    assert answer.headers["location"].endswith(PATH + path_of(name))
    assert (await api.get(path_of(name)))["metadata"]["name"] == name
    assert name in await api.names("/apps/plant-a/devices")
    answer = await api("PUT", path_of(name), record(name, "plant-a", labels={"a": "b"}))
    assert answer.status_code == 204
    assert (await api("DELETE", path_of(name))).status_code == 204
    assert (await api("GET", path_of(name))).status_code == 404


@places()
async def test_a_document_declares_any(hub: RunningHub, api: RegistryApi, name: str) -> None:
    written = msgspec.json.encode(name).decode().replace("\x7f", "\\u007f")
    await hub.apply(f"""
    [[application]]
    name = "plant-a"
    dialect = "drogue"
    [[application.device]]
    id = {written}
    [[application.device]]
    id = "other"
    settings.spec.alias = [{msgspec.json.encode("alias " + name).decode()}]
    """)
    assert (await api.get(path_of(name)))["metadata"]["name"] == name
    assert (await api.get("/apps/plant-a/devices/other"))["spec"]["alias"] == ["alias " + name]


@LEVELS
@places()
async def test_a_device_of_any_name_logs_in_by_it_or_by_an_alias(
    api: RegistryApi, feed: RawClient, open_client: OpenClient, name: str, level: int
) -> None:
    await api.make(with_password(name), with_password("by-alias", alias=["alias " + name]))
    for _ in range(2):
        await next_event(feed)  # that they are made
    for login, device in ((name, name), ("alias " + name, "by-alias")):
        client = await open_client(protocol_level=level)
        assert (await client.connect("", login_of(login), "pw")).reason_code == 0
        event = await next_event(feed)
        assert (event["device"], event["data"]) == (device, {"connected": True})
        await client.publish("temp", "1")
        event = await next_event(feed)
        assert (event["device"], event["sender"]) == (device, device)
        assert event["source"] == f"drogue://plant-a/{percent_encode(device)}"
        assert event["partitionkey"] == f"plant%2Da/{percent_encode(device)}"
        await client.disconnect()
        assert (await next_event(feed))["data"] == {"connected": False}


@places()
async def test_a_device_of_any_name_has_commands(
    hub: RunningHub, api: RegistryApi, open_client: OpenClient, name: str
) -> None:
    await api.make(with_password(name))
    client = await log_in(await open_client(), login_of(name), "pw")
    await client.subscribe("command/inbox/#")
    path = f"/api/command/v1alpha1{path_of(name)}"
    answer = await hub.http.post(path, params={"command": "set"}, content=b"1")
    assert answer.status_code == 202
    await client.expect_message("command/inbox//set", "1")


@places("\0")
async def test_a_device_is_spoken_for_by_any_name_without_a_slash(
    api: RegistryApi, feed: RawClient, open_client: OpenClient, name: str
) -> None:
    await api.make(record(name, "plant-a", spec={"gatewaySelector": {"matchNames": ["gw1"]}}))
    await next_event(feed)  # that it is made
    client = await log_in(await open_client(protocol_level=5), "gw1@plant-a", "gwpw")
    await expect_connection(feed)
    code, _ = await answer_to(client, f"temp/{name}")
    if "/" in name:
        assert code == 0x90
    else:
        assert (code, (await next_event(feed))["device"]) == (0, name)


@places()
async def test_a_gateway_has_the_commands_of_a_device_whose_name_a_topic_has(
    hub: RunningHub, api: RegistryApi, open_client: OpenClient, name: str
) -> None:
    await api.make(record(name, "plant-a", spec={"gatewaySelector": {"matchNames": ["gw1"]}}))
    client = await log_in(await open_client(), "gw1@plant-a", "gwpw")
    await client.subscribe("command/inbox/#")
    path = f"/api/command/v1alpha1{path_of(name)}"
    answer = await hub.http.post(path, params={"command": "set"}, content=b"1")
    assert answer.status_code == 202
    if not set(name) & NO_TOPIC:
        await client.expect_message(f"command/inbox/{name}/set", "1")
    await client.expect_nothing()


@LEVELS
@places("\0")
async def test_a_channel_has_any_name_that_a_topic_has(
    hub: RunningHub, feed: RawClient, open_client: OpenClient, name: str, level: int
) -> None:
    client = await log_in(await open_client(protocol_level=level), "plain1@plant-a", "pl")
    await expect_connection(feed)
    await client.publish(name, "1")
    assert (await next_event(feed))["subject"] == name
    (stored,) = (await hub.events(channel=name)).events
    assert stored.channel == name


@LEVELS
async def test_a_topic_with_a_nul_ends_the_connection(
    feed: RawClient, open_client: OpenClient, level: int
) -> None:
    client = await log_in(await open_client(protocol_level=level), "plain1@plant-a", "pl")
    await expect_connection(feed)
    await client.send_bytes({4: b"\x30\5\0\3a\0b", 5: b"\x30\6\0\3a\0b\0"}[level])
    await client.drain()
    assert (await next_event(feed))["data"] == {"connected": False}


@places()
async def test_a_command_by_http_has_a_name_that_a_topic_has_or_is_refused(
    hub: RunningHub, open_client: OpenClient, name: str
) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await client.subscribe("command/inbox//#")
    path = f"/api/command/v1alpha1{path_of('dev1')}"
    answer = await hub.http.post(path, params={"command": name}, content=b"1")
    if set(name) & NO_TOPIC:
        assert (answer.status_code, answer.content) == (406, b"")
    else:
        assert answer.status_code == 202
        await client.expect_message(f"command/inbox//{name}", "1")
    await client.expect_nothing()


@places("\0")
async def test_a_command_by_mqtt_is_taken_and_arrives_where_a_topic_has_its_name(
    feed: RawClient, open_client: OpenClient, name: str
) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    await client.subscribe("command/inbox//#")
    await feed.send(Publish(f"command/plant-a/dev1/{name}", b"1", 1, packet_id=7))
    assert await feed.expect(Puback) == Puback(7)
    if not set(name) & NO_TOPIC:
        await client.expect_message(f"command/inbox//{name}", "1")
    await client.expect_nothing()


@pytest.mark.parametrize(
    "name", ["", LONGEST + "x", "..", "."], ids=["empty", "too-long", "dots", "dot"]
)
async def test_a_name_that_cannot_be_kept_is_refused(
    hub: RunningHub, api: RegistryApi, open_client: OpenClient, name: str
) -> None:
    answer = await api("POST", "/apps/plant-a/devices", record(name, "plant-a"))
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")
    document = f"""
    [[application]]
    name = "plant-a"
    dialect = "drogue"
    [[application.device]]
    id = "{name}"
    """
    answer = await hub.http.put(
        "/api/v1/registry",
        content=document.encode(),
        headers={"Content-Type": "application/toml"},
    )
    assert answer.status_code == 422
    assert "application[0].device[0].id" in answer.text
    client = await open_client()
    await client.send_connect("", login_of(name), "pw")
    await client.expect_bytes(REFUSED_V3)
