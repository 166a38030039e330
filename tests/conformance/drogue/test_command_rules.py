"""Rules for commands, and commands that endpoints take, as Drogue Cloud has them."""

import msgspec
import pytest
import tomlkit
from drogue_rules import LEVELS, ask, declare, log_in, rules
from http_endpoint import Endpoint, Says
from raw_mqtt import OpenClient
from whole_hub import TOKEN, RunningHub

from leafhub.contract.operator_api import CommandRequest


async def post_command(hub: RunningHub, device: str, payload: bytes) -> int:
    """Send the command ``set`` as an application of Drogue Cloud does; gives the status."""
    answer = await hub.http.post(
        f"/api/command/v1alpha1/apps/plant-a/devices/{device}",
        params={"command": "set"},
        content=payload,
    )
    return answer.status_code


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
    answer = await hub.http.get(
        "/api/v1/commands", params={"application": "plant-a", "device": "sen1", "limit": 1}
    )
    (failed,) = answer.json()
    assert (failed["state"], failed["error"]) == (
        "failed",
        f"{endpoint.url}: it answered 503 'full'",
    )
    await client.expect_nothing()
