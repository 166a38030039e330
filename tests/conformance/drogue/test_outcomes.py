"""What a device is told of a message that comes to nothing, by version and QoS."""

import pytest
from drogue_clients import expect_connection, log_in, next_event
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub

from leafhub.mqtt.packets import Puback, Pubcomp, Publish, Pubrec, Pubrel, Will
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

JSON = Properties(content_type="application/json")
STRICT = """
[[application]]
name = "plant-a"
dialect = "drogue"
settings.spec = { leafhub = { strict = true } }
"""
REFUSED_V5 = [
    pytest.param("a/b/c", Properties(), 0x90, "Topic name is invalid", id="topic"),
    pytest.param("temp/sen2", Properties(), 0x87, "Not authorized", id="device"),
    pytest.param("temp", JSON, 0x80, "Unspecified error", id="payload"),
]
REFUSED_V3 = [pytest.param("a/b/c", id="topic"), pytest.param("temp/sen2", id="device")]


async def connected(
    open_client: OpenClient, level: int, properties: Properties | None = None
) -> RawClient:
    client = await open_client(protocol_level=level)
    will = Will("bye", b"1")
    connack = await client.connect(
        "c", "gw1@plant-a", "gwpw", will=will, properties=properties or Properties()
    )
    assert connack.reason_code is ReasonCode.SUCCESS
    return client


@pytest.mark.parametrize(("topic_name", "properties", "code", "text"), REFUSED_V5)
@pytest.mark.parametrize("wants_reasons", [True, False], ids=["reasons", "codes"])
async def test_v5_is_told_and_stays(
    hub: RunningHub,
    open_client: OpenClient,
    topic_name: str,
    properties: Properties,
    code: int,
    text: str,
    *,
    wants_reasons: bool,
) -> None:
    wish = Properties(request_problem_information=wants_reasons)
    client = await connected(open_client, 5, wish)
    told = Properties(reason_string=text) if wants_reasons else Properties()
    await client.send(Publish(topic_name, b"{oops", 0, properties=properties))
    await client.send(Publish(topic_name, b"{oops", 1, packet_id=7, properties=properties))
    assert await client.expect(Puback) == Puback(7, ReasonCode(code), told)
    await client.send(Publish(topic_name, b"{oops", 2, packet_id=7, properties=properties))
    assert await client.expect(Pubrec) == Pubrec(7, ReasonCode(code), told)
    await client.expect_nothing()
    assert [e for e in (await hub.events()).events if e.kind in {"reading", "data"}] == []


@pytest.mark.parametrize("topic_name", REFUSED_V3)
@pytest.mark.parametrize("qos", [1, 2])
async def test_v3_ends_and_its_will_is_published(
    feed: RawClient, open_client: OpenClient, topic_name: str, qos: int
) -> None:
    client = await connected(open_client, 4)
    await expect_connection(feed)
    await client.send(Publish(topic_name, b"1", qos, packet_id=7))
    await client.expect_closed()
    assert (await next_event(feed))["subject"] == "bye"
    assert (await next_event(feed))["data"] == {"connected": False}


@pytest.mark.parametrize("topic_name", REFUSED_V3)
async def test_v3_at_qos_0_is_dropped_or_ends_where_that_is_wanted(
    hub: RunningHub, feed: RawClient, open_client: OpenClient, topic_name: str
) -> None:
    client = await connected(open_client, 4)
    await expect_connection(feed)
    await client.send(Publish(topic_name, b"1"))
    await client.send(Publish("temp", b"2"))
    assert (await next_event(feed))["data"] == 2
    await client.disconnect()
    assert (await next_event(feed))["data"] == {"connected": False}
    await hub.apply(STRICT)
    client = await connected(open_client, 4)
    await expect_connection(feed)
    await client.send(Publish(topic_name, b"1"))
    await client.expect_closed()
    assert (await next_event(feed))["subject"] == "bye"


async def test_v5_at_qos_0_stays_even_where_strictness_is_wanted(
    hub: RunningHub, open_client: OpenClient
) -> None:
    await hub.apply(STRICT)
    client = await connected(open_client, 5)
    await client.send(Publish("a/b/c", b"1"))
    await client.expect_nothing()


@pytest.mark.parametrize("level", [4, 5])
async def test_qos_2_is_one_event_however_often_it_is_sent(
    feed: RawClient, open_client: OpenClient, level: int
) -> None:
    client = await connected(open_client, level)
    await expect_connection(feed)
    await client.send(Publish("temp", b"1", 2, packet_id=7))
    assert await client.expect(Pubrec) == Pubrec(7)
    await client.send(Publish("temp", b"1", 2, dup=True, packet_id=7))
    assert await client.expect(Pubrec) == Pubrec(7)
    for _ in range(2):  # the second may come after the client lost the first PUBCOMP
        await client.send(Pubrel(7))
        assert (await client.expect(Pubcomp)).packet_id == 7
    assert (await next_event(feed))["subject"] == "temp"
    await feed.expect_nothing()


async def test_what_is_sent_again_at_qos_1_is_another_event(
    feed: RawClient, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    for dup in (False, True):
        await client.send(Publish("temp", b"1", 1, dup=dup, retain=True, packet_id=7))
        assert await client.expect(Puback) == Puback(7)
    first, second = [await next_event(feed) for _ in range(2)]
    assert first["id"] != second["id"]
    assert first["subject"] == second["subject"] == "temp"
