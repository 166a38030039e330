"""What tests of Drogue Cloud's devices do and see, over real sockets."""

from typing import Any

import msgspec
from raw_mqtt import RawClient

from leafhub.mqtt.packets import Puback, Publish
from leafhub.mqtt.properties import Properties

ACCEPTED_V3 = "20 02 00 00"
REFUSED_V3 = "20 02 00 04"
REFUSED_V5 = "20 03 00 86 00"


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
