"""Drogue Cloud's WebSocket integration and command API, call by call, on a whole hub."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from both_loops import LOOPS, Run, runner
from event_sockets import end_of, next_event, open_socket, query, refusal
from raw_mqtt import RawClient, raw_client
from whole_hub import TOKEN, RunningHub, running_hub
from worlds import DROGUE

from leafhub.mqtt.packets import Publish

LISTENERS = {"LEAFHUB_HTTP__LISTENERS": "[{port = 0}, {port = 0, tls = true}]"}
OK = f"?token={TOKEN}"
BASIC = {"Authorization": "Basic b3BlcmF0b3I6YS10b2tlbi1mb3ItdGVzdHMtdGhhdC1pcy1sb25nLWVub3VnaA=="}
BEARER = {"Authorization": f"Bearer {TOKEN}"}

LET_IN: tuple[tuple[str, dict[str, str]], ...] = (
    ("/plant-a", BASIC),
    ("/plant-a", BEARER),
    (f"/plant-a{OK}", {}),
    (f"/plant-a{query(username='operator', api_key=TOKEN)}", {}),
    (f"/plant-a/temp{OK}", {}),
    (f"/plant%2Da/a%2Fb{OK}&group_id=x%20y", {}),
)
REFUSED: tuple[tuple[str, dict[str, str], int, str], ...] = (
    (f"/plant-a{OK}", BASIC, 403, "Forbidden"),
    (f"/plant-a{OK}&username=operator&api_key={TOKEN}", {}, 403, "Forbidden"),
    ("/plant-a?token=wrong", {}, 403, "Forbidden"),
    ("/plant-a", {"Authorization": "Digest x"}, 403, "Forbidden"),
    ("/plant-a", {}, 404, "NotFound"),
    (f"/plant-b{OK}", {}, 404, "NotFound"),
    (f"/plant-b/temp{OK}", {}, 404, "NotFound"),
    (f"/%2e%2e/%00{OK}", {}, 404, "NotFound"),
    (f"/plant-a{OK}&group_id={'x' * 256}", {}, 400, "BadRequest"),
)
ENDED: tuple[tuple[str | bytes | list[str], int, str], ...] = (
    ("hi", 1002, "JSON is malformed: invalid character (byte 0)"),
    ('{"Refresh": "x"}', 1002, "Object contains unknown field `Refresh`"),
    (b"\x00", 1002, "JSON is malformed: invalid character (byte 0)"),
    (["{", "}"], 1006, ""),
    ('{"RefreshAccessToken": "drg_of_nobody"}', 1008, "Failed to refresh token"),
    ("x" * 65_537, 1009, "frame with 65537 bytes exceeds limit of 65536 bytes"),
)
COMMANDS: tuple[tuple[str, str, bytes, dict[str, str], int, str | None], ...] = (
    ("plant-a/devices/dev1", "?command=set", b'{"on":true}', {}, 202, None),
    ("plant-a/devices/sen1", "?command=set", b"", {}, 202, None),
    ("plant-a/devices/dev1", "", b"", {}, 400, "BadRequest"),
    ("plant-a/devices/dev1", "?command=set&token=wrong", b"", {}, 403, "Forbidden"),
    ("plant-b/devices/dev1", "?command=set", b"", {}, 404, "NotFound"),
    ("plant-a/devices/nobody", "?command=set", b"", {}, 406, None),
    ("plant-a/devices/dev1", "?command=set", b"{", {"Content-Type": "text/json"}, 406, None),
    ("plant-a/devices/dev1", "?command=set", b"x" * 65_537, {}, 413, "ContentTooLarge"),
)


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(tmp_path, request.param, DROGUE)


def address(hub: RunningHub, scheme: str) -> tuple[str, dict[str, Any]]:
    """Where a scheme is served, and what its clients need."""
    at = f"{scheme}://127.0.0.1:{hub.port(scheme)}"
    return at, {"tls": hub.tls()} if scheme == "https" else {}


def device(hub: RunningHub) -> Any:
    """A connection for ``dev1``."""
    return raw_client(hub.plain_port, protocol_level=4, settle=hub.settle)


async def log_in(client: RawClient) -> None:
    assert (await client.connect("", "dev1@plant-a", "pw1")).reason_code == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_devices_do_is_told_as_it_is_by_mqtt(run: Run, scheme: str) -> None:
    async def scenario(hub: RunningHub) -> None:
        at, options = address(hub, scheme)
        async with (
            open_socket(at, f"/plant-a{OK}", **options) as everything,
            open_socket(at, f"/plant-a/temp{OK}", **options) as temp,
            device(hub) as client,
        ):
            await log_in(client)
            await client.publish("other", "2")
            await client.publish("temp", '{"t": 21}')
            connected = await next_event(everything)
            assert connected["type"] == "io.drogue.connection.v1"
            assert connected["data"] == {"connected": True}
            assert (await next_event(everything))["subject"] == "other"
            event = await next_event(everything)
            assert event == await next_event(temp)
            uids = [event.pop(f"{one}uid") for one in ("application", "device", "sender")]
            assert all(uids)
            assert event.pop("id")
            assert event.pop("time").endswith("Z")
            assert event == {
                "specversion": "1.0",
                "type": "io.drogue.event.v1",
                "source": "drogue://plant-a/dev1",
                "datacontenttype": "application/json",
                "subject": "temp",
                "data": {"t": 21},
                "application": "plant-a",
                "device": "dev1",
                "sender": "dev1",
                "instance": "drogue",
                "partitionkey": "plant%2Da/dev1",
                "kind": "reading",
            }

    run(scenario, **LISTENERS)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_status_and_close_code(run: Run, scheme: str) -> None:
    async def scenario(hub: RunningHub) -> None:
        at, options = address(hub, scheme)
        for path, headers in LET_IN:
            async with open_socket(at, path, additional_headers=headers, **options) as socket:
                await (await socket.ping())
        for path, headers, status, error in REFUSED:
            found, body = await refusal(at, path, additional_headers=headers, **options)
            assert (found, body["error"]) == (status, error), path
        for message, code, reason in ENDED:
            async with open_socket(at, f"/plant-a{OK}", **options) as socket:
                await socket.send(message)
                assert await end_of(socket) == (code, reason), message

    run(scenario, **LISTENERS)


def test_commands(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with device(hub) as client:
            await log_in(client)
            await client.subscribe("command/inbox/#", qos=0)
            for place, asked, payload, headers, status, error in COMMANDS:
                answer = await hub.http.post(
                    f"/api/command/v1alpha1/apps/{place}{asked}", content=payload, headers=headers
                )
                told = answer.json()["error"] if answer.content else None
                assert (answer.status_code, told) == (status, error), (place, asked)
            message = await client.expect(Publish)
            assert (message.topic_name, message.payload) == ("command/inbox//set", b'{"on":true}')

    run(scenario, **LISTENERS)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_client_that_does_not_read_is_dropped_and_holds_nobody_up(
    run: Run, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(hub: RunningHub) -> None:
        at, options = address(hub, scheme)
        path = f"/plant-a/temp{OK}"
        deaf = open_socket(at, path, max_queue=1, close_timeout=0.1, **options)
        async with open_socket(at, path, **options) as reader, deaf, device(hub) as client:
            await log_in(client)
            big = "x" * 16_000
            for number in range(2_000):  # the system's buffers come first
                await client.publish("temp", f"{number} {big}")
                await next_event(reader)
                if "it does not read" in caplog.text:
                    break
            await client.publish("temp", "1")
            assert (await next_event(reader))["data"] == 1
        assert "it does not read" in caplog.text

    run(scenario, **LISTENERS)


async def test_a_group_goes_on_after_the_hub_was_restarted_under_it(tmp_path: Path) -> None:
    path = f"/plant-a/temp{OK}&group_id=night"
    async with contextlib.AsyncExitStack() as stack:
        async with running_hub(tmp_path, **LISTENERS) as hub:
            await hub.apply(DROGUE)
            at, options = address(hub, "https")
            reader = await stack.enter_async_context(open_socket(at, path, **options))
            async with device(hub) as client:
                await log_in(client)
                await client.publish("temp", "1")
                assert (await next_event(reader))["data"] == 1
                await (await reader.ping())  # its pong for the first stands before this one's
        assert await end_of(reader) == (1001, "the hub is stopping")
    async with running_hub(tmp_path, **LISTENERS) as hub:
        async with device(hub) as client:
            await log_in(client)
            await client.publish("temp", "2")
        at, options = address(hub, "https")
        async with open_socket(at, path, **options) as reader, device(hub) as client:
            assert (await next_event(reader))["data"] == 2
            await log_in(client)
            await client.publish("temp", "3")
            assert (await next_event(reader))["data"] == 3


async def test_many_at_once_and_all_get_everything(tmp_path: Path) -> None:
    count = 250
    async with contextlib.AsyncExitStack() as stack:
        async with running_hub(tmp_path, **LISTENERS) as hub:
            await hub.apply(DROGUE)
            at, _ = address(hub, "http")
            path = f"/plant-a/temp{OK}"
            readers = [
                await stack.enter_async_context(open_socket(at, path)) for _ in range(count)
            ]
            async with device(hub) as client:
                await log_in(client)
                for number in range(3):
                    await client.publish("temp", str(number))
            for number in range(3):
                told = await asyncio.gather(*map(next_event, readers))
                assert [event["data"] for event in told] == [number] * count
            answer = await hub.http.get("/healthz")  # they hold no place that requests need
            assert answer.status_code == 200
        ends = await asyncio.gather(*map(end_of, readers))
        assert ends == [(1001, "the hub is stopping")] * count
