"""The conformance cases of Drogue Cloud, by their numbers: what devices say."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from drogue_clients import answer_to, expect_connection, log_in, next_event
from raw_mqtt import OpenClient, RawClient

from leafhub.mqtt.packets import Publish


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
        "instance": "drogue",
    }
    assert {name: event[name] for name in expected} == expected
    for name in ("applicationuid", "deviceuid", "senderuid", "id"):
        assert str(UUID(event[name])) == event[name]
    time = datetime.fromisoformat(event["time"].removesuffix("Z") + "+00:00")
    assert timedelta() <= datetime.now(UTC) - time < timedelta(minutes=1)


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
