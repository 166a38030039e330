"""Drogue Cloud's rules and endpoints over real sockets: a hub, its clients, and an HTTP server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import tomlkit
from http_endpoint import Endpoint, Says, serving
from raw_mqtt import ClosedByHubError, OpenClient, RawClient
from whole_hub import TOKEN, RunningHub, running_hub
from worlds import DROGUE

from leafhub.contract.operator_api import CommandRequest
from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Disconnect, Puback, Publish, Will
from leafhub.mqtt.reason_codes import ReasonCode

TOPIC = "temp"
EXTENSION = {"name": "checked", "value": "yes"}
READING = b'{"t": 21}'
CAME = ("connection", {"connected": True})
WENT = ("connection", {"connected": False})
LEVELS = pytest.mark.parametrize("level", [4, 5], ids=["v3", "v5"])


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE,)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with serving() as endpoint:
        yield endpoint


@pytest.fixture
async def feed(feed: RawClient) -> RawClient:
    assert await feed.subscribe("app/plant-a", qos=0) == [0]
    return feed


async def declare(hub: RunningHub, **sections: Any) -> None:
    """Let ``plant-a`` have these sections in its ``spec``."""
    application = {"name": "plant-a", "dialect": "drogue", "settings": {"spec": sections}}
    await hub.apply(tomlkit.dumps({"application": [application]}))


def rule(*steps: Any, when: Any = None) -> dict[str, Any]:
    return {"when": {"isChannel": TOPIC} if when is None else when, "then": list(steps)}


def rules(*steps: Any, when: Any = None) -> dict[str, Any]:
    return {"rules": [rule(*steps, when=when)]}


def ask(endpoint: Endpoint, **more: Any) -> dict[str, Any]:
    return {"endpoint": {"url": f"{endpoint.url}/judge", **more}}


async def log_in(open_client: OpenClient, level: int, will: Will | None = None) -> RawClient:
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
    message = await feed.expect(Publish)
    return msgspec.json.decode(message.payload, type=dict[str, Any])


async def subjects(feed: RawClient, count: int) -> list[tuple[str, Any]]:
    """Subject and data of so many events."""
    events = [await next_event(feed) for _ in range(count)]
    return [(event["subject"], event["data"]) for event in events]


# What becomes of a message


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


# Order, and who waits


@LEVELS
async def test_messages_and_acknowledgements_keep_their_order(
    hub: RunningHub, feed: RawClient, open_client: OpenClient, endpoint: Endpoint, level: int
) -> None:
    await declare(hub, publish=rules({"validate": ask(endpoint)}))
    client = await log_in(open_client, level)
    assert await subjects(feed, 1) == [CAME]
    endpoint.is_open.clear()
    topics = ["free", TOPIC, "free", TOPIC] * 10
    await client.send_bytes(
        b"".join(
            encode_packet(Publish(topic, str(number).encode(), 1, packet_id=number + 1), level)
            for number, topic in enumerate(topics)
        )
    )
    assert (await client.expect(Puback)).packet_id == 1  # nothing was before it
    await endpoint.wait_for(1)
    other = await open_client()
    await other.connect("", "gw1@plant-a", "gwpw")
    await other.publish("free", "-1")
    assert await subjects(feed, 3) == [("free", 0), CAME, ("free", -1)]
    endpoint.is_open.set()
    acknowledged = [(await client.expect(Puback)).packet_id for _ in topics[1:]]
    assert acknowledged == list(range(2, len(topics) + 1))
    assert await subjects(feed, len(topics) - 1) == [
        (topic, number) for number, topic in enumerate(topics) if number
    ]
    assert endpoint.busiest == 1


async def test_a_client_with_much_that_waits_is_not_read_on(
    hub: RunningHub, open_client: OpenClient, endpoint: Endpoint
) -> None:
    await declare(hub, publish=rules({"validate": ask(endpoint)}))
    endpoint.is_open.clear()
    client = await log_in(open_client, 5)
    for number in range(8):
        await client.send(Publish(TOPIC, b"1", 1, packet_id=number + 1))
    await client.ping()  # so much may wait, and pings are answered
    for number in range(8, 40):
        await client.send(Publish(TOPIC, b"1", 1, packet_id=number + 1))
    endpoint.is_open.set()
    assert [(await client.expect(Puback)).packet_id for _ in range(40)] == list(range(1, 41))
    await client.ping()


@LEVELS
async def test_a_client_that_leaves_gets_its_message_stored(
    hub: RunningHub, feed: RawClient, open_client: OpenClient, endpoint: Endpoint, level: int
) -> None:
    await declare(hub, publish=rules({"validate": ask(endpoint)}))
    endpoint.is_open.clear()
    client = await log_in(open_client, level)
    await client.send(Publish(TOPIC, b"1", 1, packet_id=1))
    await endpoint.wait_for(1)
    await client.disconnect()
    again = await log_in(open_client, level)
    await again.ping()
    endpoint.is_open.set()
    assert await subjects(feed, 4) == [CAME, (TOPIC, 1), WENT, CAME]


# Connection events and Wills


@LEVELS
async def test_a_will_and_the_news_of_a_device_are_judged_in_their_order(
    hub: RunningHub, feed: RawClient, open_client: OpenClient, endpoint: Endpoint, level: int
) -> None:
    await declare(hub, publish=rules({"validate": ask(endpoint)}, when="always"))
    first = await log_in(open_client, level, Will("bye", b'"x"', 0))
    second = await log_in(open_client, level)
    if level == 5:
        code = (await first.expect(Disconnect)).reason_code
        assert code is ReasonCode.SESSION_TAKEN_OVER
    await first.expect_closed()
    assert await subjects(feed, 4) == [CAME, ("bye", "x"), WENT, CAME]
    said = [(asked.headers["ce-subject"], asked.headers["ce-type"]) for asked in endpoint.asked]
    assert said[:2] == [
        ("connection", "io.drogue.connection.v1"),
        ("bye", "io.drogue.event.v1"),
    ]
    await second.ping()


@LEVELS
async def test_a_rule_against_everything_locks_nobody_out(
    hub: RunningHub,
    open_client: OpenClient,
    caplog: pytest.LogCaptureFixture,
    level: int,
) -> None:
    await declare(hub, publish=rules({"reject": "all"}, when="always"))
    client = await log_in(open_client, level, Will("bye", b"x", 0))
    await client.ping()
    assert caplog.text.count("plant-a/dev1: a rule rejects 'connection': 'all'") == 1
    await client.close()
    await hub.settle()
    stored = await hub.events(application="plant-a", device="dev1")
    assert {event.kind for event in stored.events} == {"registry"}


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


async def test_a_hub_stops_in_time_while_endpoints_do_not_answer(
    data_folder: Any, endpoint: Endpoint
) -> None:
    endpoint.is_open.clear()
    async with asyncio.timeout(20):
        async with running_hub(data_folder) as hub:
            await declare(hub, publish=rules({"validate": ask(endpoint)}, when="always"))
            reader, writer = await asyncio.open_connection("127.0.0.1", hub.plain_port)
            client = RawClient(reader, writer, 4, hub.settle)
            assert (await client.connect("", "dev1@plant-a", "pw1")).reason_code == 0
            await client.send(Publish(TOPIC, READING, 1, packet_id=1))
            await endpoint.wait_for(1)
            started_s = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started_s < 4.5
    writer.close()


# Commands


@LEVELS
async def test_rules_judge_commands_however_they_come(
    hub: RunningHub,
    open_client: OpenClient,
    endpoint: Endpoint,
    caplog: pytest.LogCaptureFixture,
    level: int,
) -> None:
    endpoint.answer = lambda asked: (
        Says(400, b"too hot") if asked.body == b"99" else Says(200, b"changed")
    )
    step = {"enrich": {**ask(endpoint), "response": {"type": "raw"}}}
    await declare(hub, command=rules({"validate": ask(endpoint)}, step, when="always"))
    client = await log_in(open_client, level)
    assert await client.subscribe("command/inbox/#", qos=0) == [0]
    assert await post_command(hub, "dev1", b"20") == 202
    await client.expect_message("command/inbox//set", b"changed")
    assert await post_command(hub, "dev1", b"99") == 406
    operator = await open_client()
    await operator.connect("", "operator", TOKEN)
    await operator.publish("command/plant-a/dev1/set", "20")
    await client.expect_message("command/inbox//set", b"changed")
    await operator.publish("command/plant-a/dev1/set", "99")  # taken, whatever becomes of it
    answer = await hub.http.post(
        "/api/v1/applications/plant-a/devices/dev1/commands",
        content=msgspec.json.encode(CommandRequest(name="set", data=msgspec.Raw(b"99"))),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert "too hot" in answer.text
    await client.expect_nothing()
    assert "from operator refused: a rule of the application rejects it: 'too hot'" in caplog.text


async def test_a_dropped_command_reaches_nobody(hub: RunningHub, open_client: OpenClient) -> None:
    await declare(hub, command=rules("drop", when="always"))
    client = await log_in(open_client, 4)
    assert await client.subscribe("command/inbox/#", qos=0) == [0]
    assert await post_command(hub, "dev1", b"20") == 202
    record = await hub.command("plant-a", "dev1", "set")
    assert (record.state, record.error) == ("failed", "a rule of the application drops it")
    await client.expect_nothing()


async def test_an_endpoint_takes_commands_in_place_of_the_device(
    hub: RunningHub, open_client: OpenClient, endpoint: Endpoint
) -> None:
    commands = [{"external": {"url": f"{endpoint.url}/down", "headers": {"X-Key": "k"}}}]
    gateway = {"id": "gw1", "settings": {"spec": {"commands": {"commands": commands}}}}
    application = {"name": "plant-a", "dialect": "drogue", "device": [gateway]}
    await hub.apply(tomlkit.dumps({"application": [application]}))
    client = await open_client()
    await client.connect("", "gw1@plant-a", "gwpw")
    assert await client.subscribe("command/inbox/#", qos=0) == [0]

    endpoint.answer = lambda _: Says(200, b"queued")
    assert await post_command(hub, "sen1", b"20") == 200
    (asked,) = endpoint.asked
    assert (asked.method, asked.target, asked.headers["x-key"]) == ("POST", "/down", "k")
    assert asked.json() == {
        "application": "plant-a",
        "device": "sen1",
        "command": "set",
        "payload": "MjA=",
    }
    record = await hub.command("plant-a", "sen1", "set", 20)
    assert record.state == "answered"
    assert not isinstance(record.answer, msgspec.UnsetType)
    assert msgspec.json.decode(record.answer) == "queued"

    endpoint.answer = lambda _: Says(503, b"full")
    assert await post_command(hub, "sen1", b"20") == 406
    await hub.settle()
    answer = await hub.http.get("/api/v1/commands", params={"device": "sen1", **PLANT, "limit": 1})
    (failed,) = answer.json()
    assert (failed["state"], failed["error"]) == (
        "failed",
        f"{endpoint.url}: it answered 503 'full'",
    )
    await client.expect_nothing()


PLANT = {"application": "plant-a"}


async def post_command(hub: RunningHub, device: str, payload: bytes) -> int:
    """Send the command ``set`` as an application of Drogue Cloud does; gives the status."""
    answer = await hub.http.post(
        f"/api/command/v1alpha1/apps/plant-a/devices/{device}",
        params={"command": "set"},
        content=payload,
    )
    return answer.status_code
