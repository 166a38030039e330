"""What Drogue Cloud's rules make of messages: a hub, its clients, and an HTTP server."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from both_loops import LOOPS, runner
from drogue_rules import LEVELS, READING, TOPIC, answer_to, ask, declare, log_in, next_event, rules
from http_endpoint import Endpoint, Says, serving
from raw_mqtt import OpenClient, RawClient, raw_client
from whole_hub import RunningHub

EXTENSION = {"name": "checked", "value": "yes"}


@LEVELS
@pytest.mark.parametrize("status", [200, 204, 202])
async def test_a_valid_message_is_taken(
    hub: RunningHub,
    feed: RawClient,
    open_client: OpenClient,
    endpoint: Endpoint,
    level: int,
    status: int,
) -> None:
    endpoint.answer = lambda _: Says(status)
    await declare(hub, publish=rules({"validate": ask(endpoint)}, {"setExtension": EXTENSION}))
    client = await log_in(open_client, level)
    puback = await answer_to(client)
    assert puback is not None
    assert puback.reason_code == 0
    assert (await next_event(feed))["subject"] == "connection"
    event = await next_event(feed)
    assert (event["subject"], event["data"], event["device"]) == (TOPIC, {"t": 21}, "dev1")
    assert event.get("checked") == (None if status == 202 else "yes")
    (asked,) = endpoint.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/judge", READING)
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["ce-specversion"] == "1.0"
    assert asked.headers["ce-subject"] == TOPIC
    assert (asked.headers["ce-application"], asked.headers["ce-device"]) == ("plant-a", "dev1")


@LEVELS
@pytest.mark.parametrize(
    ("step", "status", "reason"),
    [
        ({"reject": "no"}, 200, "Unspecified error"),
        ("validate", 400, "Unspecified error"),
        ("validate", 422, "Unspecified error"),
        ("validate", 500, "Process error"),
        ("validate", 307, "Process error"),
        ("enrich", 204, "Process error"),
        ("enrich", 404, "Process error"),
    ],
)
async def test_a_message_that_is_not_taken(
    hub: RunningHub,
    open_client: OpenClient,
    endpoint: Endpoint,
    level: int,
    step: Any,
    status: int,
    reason: str,
) -> None:
    endpoint.answer = lambda _: Says(status, b"secret reason", (("Location", endpoint.url),))
    await declare(hub, publish=rules({step: ask(endpoint)} if isinstance(step, str) else step))
    client = await log_in(open_client, level)
    puback = await answer_to(client)
    if level == 4:
        assert puback is None
    else:
        assert puback is not None
        assert (puback.reason_code, puback.properties.reason_string) == (0x80, reason)
        await client.ping()
    assert len(endpoint.asked) == (0 if isinstance(step, dict) else 1)
    stored = await hub.events(channel=TOPIC)
    assert stored.events == []


@LEVELS
async def test_an_endpoint_that_does_not_answer(
    hub: RunningHub, open_client: OpenClient, endpoint: Endpoint, level: int
) -> None:
    endpoint.is_open.clear()
    await declare(hub, publish=rules({"validate": ask(endpoint, timeout="100ms")}))
    puback = await answer_to(await log_in(open_client, level))
    assert (puback is None) if level == 4 else (puback is not None and puback.reason_code == 0x80)


@LEVELS
async def test_rules_that_cannot_be_read(
    hub: RunningHub, open_client: OpenClient, level: int
) -> None:
    await declare(hub, publish={"rules": [{"then": ["explode"]}]})
    puback = await answer_to(await log_in(open_client, level))
    if level == 4:
        assert puback is None
    else:
        assert puback is not None
        assert puback.reason_code == 0x80
        assert puback.properties.reason_string == "Publish spec error"


@LEVELS
async def test_a_dropped_message_is_taken_as_far_as_its_device_can_tell(
    hub: RunningHub, open_client: OpenClient, level: int
) -> None:
    await declare(hub, publish=rules("drop"))
    puback = await answer_to(await log_in(open_client, level))
    assert puback is not None
    assert puback.reason_code == 0
    assert (await hub.events(channel=TOPIC)).events == []


@LEVELS
@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_an_enriched_message(
    hub: RunningHub,
    feed: RawClient,
    open_client: OpenClient,
    endpoint: Endpoint,
    level: int,
    mode: str,
) -> None:
    event = {"specversion": "1.0", "id": "forged", "source": "forged", "type": "my.type"}
    event |= {"subject": "kelvin", "device": "forged", "unit": "K"}
    if mode == "binary":
        headers = tuple((f"ce-{name}", value) for name, value in event.items())
        says = Says(200, b'{"t": 294}', (*headers, ("Content-Type", "application/json")))
    else:
        body = msgspec.json.encode({**event, "data": {"t": 294}})
        says = Says(200, body, (("Content-Type", "application/cloudevents+json"),))
    endpoint.answer = lambda _: says
    request = {"type": "cloudEvent", "mode": mode}
    await declare(hub, publish=rules({"enrich": {**ask(endpoint), "request": request}}))
    client = await log_in(open_client, level)
    puback = await answer_to(client)
    assert puback is not None
    assert puback.reason_code == 0
    assert (await next_event(feed))["subject"] == "connection"
    shown = await next_event(feed)
    assert (shown["type"], shown["subject"], shown["data"]) == ("my.type", "kelvin", {"t": 294})
    assert (shown["unit"], shown["device"], shown["sender"]) == ("K", "dev1", "dev1")
    assert shown["id"] != "forged"


async def test_rules_that_change_hold_for_who_is_connected(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await log_in(open_client, 5)
    await declare(hub, publish=rules({"reject": "no"}))
    puback = await answer_to(client)
    assert puback is not None
    assert puback.reason_code == 0x80
    await declare(hub, publish={})
    puback = await answer_to(client)
    assert puback is not None
    assert puback.reason_code == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_both_event_loops(tmp_path: Path, loop: str) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with (
            serving() as endpoint,
            raw_client(hub.plain_port, protocol_level=5, settle=hub.settle) as client,
        ):
            await declare(hub, publish=rules({"validate": ask(endpoint)}))
            assert (await client.connect("", "dev1@plant-a", "pw1")).reason_code == 0
            answers = iter((Says(200), Says(400), Says(204)))
            endpoint.answer = lambda _: next(answers)
            for code in (0, 0x80, 0):
                puback = await answer_to(client)
                assert puback is not None
                assert puback.reason_code == code

    runner(tmp_path, loop)(scenario)
