"""The conformance cases of Drogue Cloud over real sockets, by their numbers."""

import base64
from typing import Any

import msgspec
import pytest
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub
from worlds import DROGUE

from leafhub.mqtt.packets import (
    Connack,
    Disconnect,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscriptionRequest,
    Unsuback,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

ACCEPTED_V3 = "20 02 00 00"
REFUSED_V3 = "20 02 00 04"
REFUSED_V5 = "20 03 00 86 00"
ALL_INBOX_FILTERS = (
    "command/inbox/#",
    "command/inbox//#",
    "command/inbox/sen1/#",
    "command/inbox/+/#",
    "#",
    "command/inbox//set",
    "command/inbox",
)


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE,)


@pytest.fixture
async def feed(feed: RawClient) -> RawClient:
    assert await feed.subscribe("app/plant-a", qos=0) == [0]
    return feed


async def log_in(client: RawClient, login: str, password: str) -> RawClient:
    assert (await client.connect("", login, password)).reason_code == 0
    return client


async def next_event(feed: RawClient) -> dict[str, Any]:
    message = await feed.expect(Publish)
    assert message.topic_name == "app/plant-a"
    return msgspec.json.decode(message.payload, type=dict[str, Any])


async def expect_connection(feed: RawClient) -> None:
    assert (await next_event(feed))["data"] == {"connected": True}


async def answer_to(
    client: RawClient, topic_name: str, payload: bytes = b"1", content_type: str | None = None
) -> tuple[int, str | None]:
    """The answer of a 5.0 hub to a PUBLISH with QoS 1."""
    properties = Properties(content_type=content_type)
    await client.send(Publish(topic_name, payload, 1, packet_id=7, properties=properties))
    puback = await client.expect(Puback)
    assert puback.packet_id == 7
    return int(puback.reason_code), puback.properties.reason_string


async def test_dr_01_connect(feed: RawClient, open_client: OpenClient) -> None:
    client = await open_client()
    await client.send_connect("any", "dev1@plant-a", "pw1")
    await client.expect_bytes(ACCEPTED_V3)
    event = await next_event(feed)
    assert (event["type"], event["subject"]) == ("io.drogue.connection.v1", "connection")
    assert event["data"] == {"connected": True}
    assert (event["device"], event["sender"]) == ("dev1", "dev1")


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("dev1@plant-a", "nope"),
        ("dev9@plant-a", "pw1"),
        ("dev1@plant-z", "pw1"),
        ("dev1@plant-a", None),
    ],
    ids=["password", "device", "application", "no-password"],
)
@pytest.mark.parametrize(
    ("level", "connack"), [(4, REFUSED_V3), (5, REFUSED_V5)], ids=["dr_02", "dr_03"]
)
async def test_dr_02_dr_03_connect_refused(
    hub: RunningHub,
    open_client: OpenClient,
    level: int,
    connack: str,
    login: str,
    password: str | None,
) -> None:
    client = await open_client(protocol_level=level)
    await client.send_connect("any", login, password)
    await client.expect_bytes(connack)
    await client.expect_closed()
    assert [e for e in (await hub.events()).events if e.kind == "connection"] == []


@pytest.mark.parametrize(
    ("level", "client_id", "connack"),
    [(4, "x", REFUSED_V3), (5, "x", REFUSED_V5)],
    ids=["v3", "v5"],
)
async def test_dr_04_a_kept_session_is_refused(
    open_client: OpenClient, level: int, client_id: str, connack: str
) -> None:
    client = await open_client(protocol_level=level)
    await client.send_connect(client_id, "dev1@plant-a", "pw1", clean_start=False)
    await client.expect_bytes(connack)
    await client.expect_closed()


async def test_dr_04_a_kept_session_without_client_id_is_refused(open_client: OpenClient) -> None:
    client = await open_client()
    await client.send_connect("", "dev1@plant-a", "pw1", clean_start=False)
    await client.expect_closed()


async def test_dr_05_connack_of_v5(open_client: OpenClient) -> None:
    client = await open_client(protocol_level=5)
    assert await client.connect("", "dev1@plant-a", "pw1") == Connack(
        session_present=False,
        reason_code=ReasonCode.SUCCESS,
        properties=Properties(
            wildcard_subscription_available=True,
            subscription_identifiers_available=False,
            shared_subscription_available=False,
        ),
    )


@pytest.mark.parametrize(
    ("client_id", "username", "password", "device"),
    [
        pytest.param("dev2@plant-a", "u2", "pw2", "dev2", id="dr_06-user"),
        pytest.param("whatever", "u2", "pw2", None, id="dr_06-client-id"),
        pytest.param("", "dev2@plant-a", "pw2", None, id="dr_06-scoped"),
        pytest.param("dev1@plant-a", "dev1", "pw1", "dev1", id="dr_07-name"),
        pytest.param("dev1@plant-a", "other", "pw1", None, id="dr_07-other"),
        pytest.param("", "mac3@plant-a", "pw3", "dev3", id="dr_08-unique"),
        pytest.param("", "al3@plant-a", "pp3", "dev3", id="dr_08-alias"),
        pytest.param("", "dev3@plant-a", "pw3", None, id="dr_08-name"),
        pytest.param("", "al3@plant-a", "pw3", None, id="dr_08-alias-unique"),
        pytest.param("", "hash1@plant-a", "b-secret", "hash1", id="dr_09-bcrypt"),
        pytest.param("", "hash1@plant-a", "s-secret", "hash1", id="dr_09-sha512"),
        pytest.param("", "hash1@plant-a", "$6$rounds=1000$", None, id="dr_09-hash-text"),
        pytest.param("", "d@off-a", "x", None, id="dr_10-application-off"),
    ],
)
async def test_dr_06_to_dr_10_credentials(
    hub: RunningHub,
    open_client: OpenClient,
    client_id: str,
    username: str,
    password: str,
    device: str | None,
) -> None:
    client = await open_client()
    await client.send_connect(client_id, username, password)
    await client.expect_bytes(REFUSED_V3 if device is None else ACCEPTED_V3)
    if device is None:
        await client.expect_closed()
        return
    await client.publish("temp", "1")
    (event,) = (await hub.events(channel="temp")).events
    assert (event.device, event.sender) == (device, device)


async def test_dr_10_an_unknown_dialect_never_gets_into_the_registry(hub: RunningHub) -> None:
    document = """
    [[application]]
    name = "plant-a"
    dialect = "drogue"
    [[application.device]]
    id = "bad1"
    settings.spec = { mqtt = { dialect = { type = "nope" } } }
    """
    answer = await hub.http.put(
        "/api/v1/registry", content=document, headers={"Content-Type": "application/toml"}
    )
    assert answer.status_code == 422
    assert "application[0].device[0].settings.spec.mqtt.dialect" in answer.text


@pytest.mark.parametrize(
    ("username", "password"), [(None, "pw1"), ("dev1", None)], ids=["password", "username"]
)
async def test_dr_11_half_a_login(
    open_client: OpenClient, username: str | None, password: str | None
) -> None:
    client = await open_client(protocol_level=5)
    await client.send_connect("dev1@plant-a", username, password)
    await client.expect_bytes(REFUSED_V5)
    await client.expect_closed()


async def test_dr_12_publish(feed: RawClient, open_client: OpenClient) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    await client.publish("temp", '{"t": 21}')
    event = await next_event(feed)
    expected = {
        "specversion": "1.0",
        "type": "io.drogue.event.v1",
        "subject": "temp",
        "datacontenttype": "application/json",
        "data": {"t": 21},
        "application": "plant-a",
        "device": "dev1",
        "sender": "dev1",
        "source": "drogue://plant-a/dev1",
        "partitionkey": "plant%2Da/dev1",
    }
    assert {name: event[name] for name in expected} == expected
    assert all(event[name] for name in ("applicationuid", "deviceuid", "senderuid"))


@pytest.mark.parametrize(
    ("payload", "content_type", "data"),
    [
        (b"\x00\xff", "application/octet-stream", {"data_base64": "AP8="}),
        (b"42", "application/json", {"data": 42}),
        (b"", "application/octet-stream", {}),
    ],
    ids=["bytes", "json", "empty"],
)
async def test_dr_13_what_a_payload_is(
    feed: RawClient,
    open_client: OpenClient,
    payload: bytes,
    content_type: str,
    data: dict[str, Any],
) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    await client.publish("temp", payload)
    event = await next_event(feed)
    assert event["datacontenttype"] == content_type
    assert {name: event[name] for name in ("data", "data_base64") if name in event} == data


async def test_dr_14_declared_content_types(feed: RawClient, open_client: OpenClient) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    assert await answer_to(client, "temp", b"hi", "text/plain") == (0, None)
    event = await next_event(feed)
    assert (event["datacontenttype"], event["data"]) == ("text/plain", "hi")
    refusal = await answer_to(client, "temp", b"{oops", "application/json")
    assert refusal == (0x80, "Unspecified error")
    assert await answer_to(client, "temp", b"[]", "application/senml+json") == (0, None)
    event = await next_event(feed)
    assert (event["datacontenttype"], event["data"]) == ("application/json", [])


async def test_dr_15_bad_topic_v5(open_client: OpenClient) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    assert await answer_to(client, "a/b/c") == (0x90, "Topic name is invalid")
    await client.publish("a/b/c", "1", qos=0)
    await client.ping()


async def test_dr_16_bad_topic_v3(open_client: OpenClient) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await client.send(Publish("a/b/c", b"1", 1, packet_id=7))
    await client.expect_closed()


@pytest.mark.parametrize(
    ("device", "password", "topic_name", "code", "spoken_for", "channel"),
    [
        pytest.param("gw1", "gwpw", "temp/sen1", 0, "sen1", "temp", id="dr_17-name"),
        pytest.param("gw1", "gwpw", "temp/s-one", 0, "sen1", "temp", id="dr_17-alias"),
        pytest.param("gw1", "gwpw", "temp/sen2", 0x87, None, "", id="dr_17-other"),
        pytest.param("gw1", "gwpw", "temp/ghost", 0x87, None, "", id="dr_17-nobody"),
        pytest.param("gw1", "gwpw", "temp/", 0x87, None, "", id="dr_17-empty"),
        pytest.param("dev1", "pw1", "temp/dev1", 0, "dev1", "temp", id="dr_18-own"),
        pytest.param("plain1", "pl", "/a/b//c", 0, "plain1", "/a/b//c", id="dr_19-slashes"),
        pytest.param("plain1", "pl", "x/sen1", 0, "plain1", "x/sen1", id="dr_19-no-gateway"),
        pytest.param("pref1", "pr", "sen1/x/y", 0, "sen1", "x/y", id="dr_20-other"),
        pytest.param("pref1", "pr", "/x", 0, "pref1", "x", id="dr_20-own"),
        pytest.param("pref1", "pr", "x", 0x90, None, "", id="dr_20-no-slash"),
        pytest.param("pref1", "pr", "sen2/x", 0x87, None, "", id="dr_20-forbidden"),
    ],
)
async def test_dr_17_to_dr_20_who_speaks_for_whom(
    feed: RawClient,
    open_client: OpenClient,
    device: str,
    password: str,
    topic_name: str,
    code: int,
    spoken_for: str | None,
    channel: str,
) -> None:
    client = await log_in(await open_client(protocol_level=5), f"{device}@plant-a", password)
    await expect_connection(feed)
    texts = {0: None, 0x87: "Not authorized", 0x90: "Topic name is invalid"}
    assert await answer_to(client, topic_name) == (code, texts[code])
    if spoken_for is None:
        await feed.expect_nothing()
        return
    event = await next_event(feed)
    assert (event["device"], event["sender"]) == (spoken_for, device)
    assert event["subject"] == channel
    assert event["source"] == f"drogue://plant-a/{spoken_for}"
    assert event["partitionkey"] == f"plant%2Da/{device}"


@pytest.mark.parametrize("level", [4, 5])
async def test_dr_21_the_spellings_of_the_inbox(open_client: OpenClient, level: int) -> None:
    client = await log_in(await open_client(protocol_level=level), "gw1@plant-a", "gwpw")
    codes = await client.subscribe(*ALL_INBOX_FILTERS, qos=1)
    assert codes == [0, 0, 0, 0, 0x80, 0x80, 0x80]


async def test_dr_22_no_subscription_identifiers(hub: RunningHub, open_client: OpenClient) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    requests = (SubscriptionRequest("command/inbox/#"),)
    await client.send(Subscribe(3, requests, Properties(subscription_identifiers=(5,))))
    suback = await client.expect(Suback)
    assert suback.reason_codes == (ReasonCode.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,)
    await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_nothing()


@pytest.mark.parametrize(
    ("filters", "topics"),
    [
        (("command/inbox/#",), ["command/inbox//set", "command/inbox/sen1/set"]),
        (("command/inbox/+/#",), ["command/inbox//set", "command/inbox/sen1/set"]),
        (("command/inbox//#",), ["command/inbox//set"]),
        (("command/inbox/sen1/#",), ["command/inbox/sen1/set"]),
        (("command/inbox/gw1/#",), ["command/inbox/gw1/set"]),
        (
            ("command/inbox/#", "command/inbox//#"),
            ["command/inbox//set", "command/inbox//set", "command/inbox/sen1/set"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_dr_23_commands(
    feed: RawClient, open_client: OpenClient, filters: tuple[str, ...], topics: list[str]
) -> None:
    client = await log_in(await open_client(), "gw1@plant-a", "gwpw")
    await expect_connection(feed)
    assert set(await client.subscribe(*filters)) == {0}
    await feed.publish("command/plant-a/gw1/set", '{ "a": 1 }')
    await feed.publish("command/plant-a/sen1/set", '{ "a": 1 }')
    for topic_name in topics:
        message = await client.expect_message(topic_name, '{ "a": 1 }')
        assert (message.qos, message.retain) == (0, False)
    await client.expect_nothing()


@pytest.mark.parametrize(
    ("level", "first", "second"),
    [
        (4, (), ()),
        (5, (ReasonCode.SUCCESS,), (ReasonCode.NO_SUBSCRIPTION_EXISTED,)),
    ],
)
async def test_dr_24_unsubscribe(
    hub: RunningHub,
    open_client: OpenClient,
    level: int,
    first: tuple[ReasonCode, ...],
    second: tuple[ReasonCode, ...],
) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    await client.subscribe("command/inbox/#")
    for packet_id, codes in ((2, first), (3, second)):
        await client.send(Unsubscribe(packet_id, ("command/inbox/#",)))
        assert await client.expect(Unsuback) == Unsuback(packet_id, codes)
    await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_nothing()


async def test_dr_25_take_over(feed: RawClient, open_client: OpenClient) -> None:
    old = await open_client(protocol_level=5)
    await old.connect("one", "dev1@plant-a", "pw1", will=Will("bye", b"x"))
    await expect_connection(feed)
    new = await open_client()
    await new.send_connect("two", "dev1@plant-a", "pw1")
    await new.expect_bytes(ACCEPTED_V3)
    assert await old.expect(Disconnect) == Disconnect(ReasonCode.SESSION_TAKEN_OVER)
    await old.expect_closed()
    will, gone, there = [await next_event(feed) for _ in range(3)]
    assert (will["subject"], base64.b64decode(will["data_base64"])) == ("bye", b"x")
    assert [e["data"] for e in (gone, there)] == [{"connected": False}, {"connected": True}]


async def test_a_command_is_answered_on_the_channel_answer(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await client.subscribe("command/inbox//#")
    command = await hub.command("plant-a", "dev1", "led", {"on": True})
    await client.expect_message("command/inbox//led", '{"on":true}')
    await client.publish("answer", '{"command":"led","result":"lit"}')
    ended = await hub.command_end(command)
    assert (ended.state, ended.answer) == ("answered", msgspec.Raw(b'"lit"'))
