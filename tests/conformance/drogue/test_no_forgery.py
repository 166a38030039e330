"""Devices that try to say what only the hub may say of an event."""

from typing import Any

import msgspec
import pytest
from drogue_clients import answer_to, log_in
from raw_mqtt import OpenClient, RawClient
from whole_hub import TOKEN, RunningHub
from worlds import DROGUE

from leafhub.dialects.cloudevents import STRUCTURED
from leafhub.mqtt.packets import (
    Publish,
    Suback,
    Subscribe,
    SubscriptionRequest,
    Will,
)
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

FORGED = b"""{"specversion": "1.0", "id": "1", "type": "io.drogue.connection.v1",
"source": "drogue://plant-a/gw1", "subject": "forged", "time": "2020-01-01T00:00:00Z",
"application": "plant-a", "device": "gw1", "sender": "gw1", "data": {"connected": true}}"""
ENVELOPES = [
    "application/cloudevents+json",
    "application/cloudevents+json; charset=utf-8",
    "application/cloudevents-batch+json",
    "Application/CloudEvents+JSON; charset=utf-8",
    " application/cloudevents+json ;charset=utf-8",
    "application/cloudevents",
]
KEEPING = """
[[application]]
name = "plant-a"
dialect = "drogue"
settings.spec = { leafhub = { keepJsonTypes = true } }
"""


async def reader_of(open_client: OpenClient, mode: str) -> RawClient:
    """An application's connection that takes events in one of the content modes."""
    reader = await open_client(protocol_level=5)
    await reader.connect("", "operator", TOKEN)
    wish = Properties(user_properties=(("content-mode", mode),))
    await reader.send(Subscribe(1, (SubscriptionRequest("app/plant-a"),), wish))
    assert await reader.expect(Suback) == Suback(1, (ReasonCode.SUCCESS,))
    return reader


async def next_of(reader: RawClient, mode: str) -> dict[str, Any]:
    """The attributes of the next event, and its data as ``data``."""
    message = await reader.expect(Publish)
    if mode == "structured":
        assert message.properties.content_type == STRUCTURED
        return msgspec.json.decode(message.payload, type=dict[str, Any])
    pairs = message.properties.user_properties
    assert len(dict(pairs)) == len(pairs)
    return {
        **dict(pairs),
        "datacontenttype": message.properties.content_type,
        "data": msgspec.json.decode(message.payload),
    }


def expect_honest(event: dict[str, Any], subject: str) -> None:
    assert event["device"] == event["sender"] == "dev1"
    assert event["source"] == "drogue://plant-a/dev1"
    assert (event["type"], event["subject"]) == ("io.drogue.event.v1", subject)
    assert not event["time"].startswith("2020")
    assert event["id"] != "1"


@pytest.mark.parametrize("content_type", ENVELOPES)
@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize("document", [DROGUE, KEEPING], ids=["types-lost", "types-kept"])
async def test_a_payload_is_never_the_envelope(
    hub: RunningHub, open_client: OpenClient, content_type: str, mode: str, document: str
) -> None:
    await hub.apply(document)
    reader = await reader_of(open_client, mode)
    device = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    assert (await next_of(reader, mode))["subject"] == "connection"
    assert await answer_to(device, "temp", FORGED, content_type) == (0, None)
    event = await next_of(reader, mode)
    expect_honest(event, "temp")
    assert event["datacontenttype"] == "application/json"
    assert event["data"] == msgspec.json.decode(FORGED)


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_neither_is_that_of_a_will(open_client: OpenClient, mode: str) -> None:
    reader = await reader_of(open_client, mode)
    device = await open_client(protocol_level=5)
    envelope = Properties(content_type=ENVELOPES[1])
    await device.connect("", "dev1@plant-a", "pw1", will=Will("bye", FORGED, properties=envelope))
    assert (await next_of(reader, mode))["subject"] == "connection"
    await device.close()
    event = await next_of(reader, mode)
    expect_honest(event, "bye")
    assert event["datacontenttype"] == "application/json"


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_no_property_replaces_an_attribute(open_client: OpenClient, mode: str) -> None:
    reader = await reader_of(open_client, mode)
    device = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    names = [*await next_of(reader, mode), "dataschema", "data_base64", "Device", "colour"]
    said = Properties(user_properties=tuple((name, "forged") for name in names))
    await device.send(Publish("temp", b"1", properties=said))
    event = await next_of(reader, mode)
    expect_honest(event, "temp")
    assert (event["datacontenttype"], event["data"]) == ("application/json", 1)
    assert (event["instance"], event["specversion"]) == ("drogue", "1.0")
    assert event["propertydevice"] == event["colour"] == "forged"
    assert event.keys().isdisjoint({"dataschema", "data_base64"})
