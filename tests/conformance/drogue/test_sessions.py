"""The conformance cases of Drogue Cloud, by their numbers: one session for each device."""

import base64
from typing import Any

import pytest
from drogue_clients import (
    ACCEPTED_V3,
    answer_to,
    expect_connection,
    log_in,
    next_event,
)
from raw_mqtt import OpenClient, RawClient

from leafhub.mqtt.packets import Disconnect, Publish, Will
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

LOGINS = {"dev1": "pw1", "pref1": "pr"}


async def told(feed: RawClient) -> tuple[str, Any]:
    """Subject and data of the next event."""
    event = await next_event(feed)
    if "data_base64" in event:
        return event["subject"], base64.b64decode(event["data_base64"])
    return event["subject"], event.get("data")


async def with_will(
    open_client: OpenClient, level: int, will: Will, device: str = "dev1"
) -> RawClient:
    client = await open_client(protocol_level=level)
    await client.connect("one", f"{device}@plant-a", LOGINS[device], will=will)
    return client


@pytest.mark.parametrize(("old_level", "new_level"), [(5, 4), (4, 4), (4, 5), (5, 5)])
async def test_dr_25_take_over(
    feed: RawClient, open_client: OpenClient, old_level: int, new_level: int
) -> None:
    old = await with_will(open_client, old_level, Will("bye", b"x"))
    await expect_connection(feed)
    new = await open_client(protocol_level=new_level)
    await new.send_connect("two", "dev1@plant-a", "pw1")
    if new_level == 4:
        await new.expect_bytes(ACCEPTED_V3)
    else:
        await new.receive()
    if old_level == 5:
        assert await old.expect(Disconnect) == Disconnect(ReasonCode.SESSION_TAKEN_OVER)
    await old.expect_closed()
    assert [await told(feed) for _ in range(3)] == [
        ("bye", b"x"),
        ("connection", {"connected": False}),
        ("connection", {"connected": True}),
    ]
    assert (await new.publish("temp", "1")) is not None


@pytest.mark.parametrize("device", ["dev1", "pref1"])
@pytest.mark.parametrize(
    ("payload", "content_type", "data", "datacontenttype"),
    [
        (b"x", None, b"x", "application/octet-stream"),
        (b'{"a": 1}', None, {"a": 1}, "application/json"),
        (b"x", "text/plain", "x", "text/plain"),
        (b"{oops", "application/json", b"{oops", "application/octet-stream"),
        (b"", None, None, "application/octet-stream"),
    ],
    ids=["bytes", "json", "text", "called-json", "empty"],
)
async def test_a_will_is_an_event_on_its_topic_whatever_the_grammar(
    feed: RawClient,
    open_client: OpenClient,
    device: str,
    payload: bytes,
    content_type: str | None,
    data: object,
    datacontenttype: str,
) -> None:
    properties = Properties(content_type=content_type)
    will = Will("sen1/a//b", payload, qos=1, retain=True, properties=properties)
    client = await with_will(open_client, 5, will, device)
    await expect_connection(feed)
    await client.close()
    event = await next_event(feed)
    assert (event["subject"], event["datacontenttype"]) == ("sen1/a//b", datacontenttype)
    assert (event["device"], event["sender"]) == (device, device)
    encoded = base64.b64encode(data).decode() if isinstance(data, bytes) else None
    assert (event.get("data"), event.get("data_base64")) == (
        (None, encoded) if encoded else (data, None)
    )
    assert await told(feed) == ("connection", {"connected": False})


@pytest.mark.parametrize(
    ("level", "end", "has_will"),
    [
        pytest.param(4, Disconnect(), False, id="v3-disconnect"),
        pytest.param(5, Disconnect(), False, id="v5-disconnect"),
        pytest.param(5, Disconnect(ReasonCode.DISCONNECT_WITH_WILL), True, id="v5-0x04"),
        pytest.param(4, None, True, id="v3-lost"),
        pytest.param(5, None, True, id="v5-lost"),
        pytest.param(4, Publish("a/b/c", b"1", 1, packet_id=1), True, id="v3-refused"),
    ],
)
async def test_every_end_but_a_leave_taken_brings_the_will(
    feed: RawClient,
    open_client: OpenClient,
    level: int,
    end: Disconnect | Publish | None,
    *,
    has_will: bool,
) -> None:
    client = await with_will(open_client, level, Will("bye", b"x"))
    await expect_connection(feed)
    if end is None:
        await client.close()
    else:
        await client.send(end)
        await client.expect_closed()
    if has_will:
        assert await told(feed) == ("bye", b"x")
    assert await told(feed) == ("connection", {"connected": False})


async def test_who_is_spoken_for_never_comes_or_goes(
    feed: RawClient, open_client: OpenClient
) -> None:
    gateway = await log_in(await open_client(protocol_level=5), "gw1@plant-a", "gwpw")
    assert await answer_to(gateway, "temp/sen1") == (0, None)
    await gateway.disconnect()
    events = [await next_event(feed) for _ in range(3)]
    assert [(event["subject"], event["device"]) for event in events] == [
        ("connection", "gw1"),
        ("temp", "sen1"),
        ("connection", "gw1"),
    ]
    await feed.expect_nothing()
