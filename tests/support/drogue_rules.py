"""A world of Drogue Cloud with rules in it, and what comes of them."""

from typing import Any

import msgspec
import pytest
import tomlkit
from http_endpoint import Endpoint
from raw_mqtt import ClosedByHubError, OpenClient, RawClient
from whole_hub import RunningHub

from leafhub.mqtt.packets import Puback, Publish, Will

TOPIC = "temp"
READING = b'{"t": 21}'
CAME = ("connection", {"connected": True})
WENT = ("connection", {"connected": False})
LEVELS = pytest.mark.parametrize("level", [4, 5], ids=["v3", "v5"])


async def declare(hub: RunningHub, **sections: Any) -> None:
    """Let ``plant-a`` have these sections in its ``spec``."""
    application = {"name": "plant-a", "dialect": "drogue", "settings": {"spec": sections}}
    await hub.apply(tomlkit.dumps({"application": [application]}))


def rules(*steps: Any, when: Any = None) -> dict[str, Any]:
    """A section with one rule, for ``TOPIC`` unless it says when."""
    return {"rules": [{"when": {"isChannel": TOPIC} if when is None else when, "then": [*steps]}]}


def ask(endpoint: Endpoint, **more: Any) -> dict[str, Any]:
    """What a step says that asks this endpoint."""
    return {"endpoint": {"url": f"{endpoint.url}/judge", **more}}


async def log_in(open_client: OpenClient, level: int, will: Will | None = None) -> RawClient:
    """``dev1``."""
    client = await open_client(protocol_level=level)
    assert (await client.connect("", "dev1@plant-a", "pw1", will=will)).reason_code == 0
    return client


async def answer_to(client: RawClient, payload: bytes = READING) -> Puback | None:
    """What comes of a PUBLISH with QoS 1; ``None``: the connection ends."""
    await client.send(Publish(TOPIC, payload, 1, packet_id=7))
    try:
        return await client.expect(Puback)
    except ClosedByHubError:
        return None


async def next_event(feed: RawClient) -> dict[str, Any]:
    """What an application gets next."""
    message = await feed.expect(Publish)
    return msgspec.json.decode(message.payload, type=dict[str, Any])


async def subjects(feed: RawClient, count: int) -> list[tuple[str, Any]]:
    """Subject and data of so many events."""
    events = [await next_event(feed) for _ in range(count)]
    return [(event["subject"], event["data"]) for event in events]
