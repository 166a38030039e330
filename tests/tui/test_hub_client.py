import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import aiomqtt
import msgspec
import pytest
from hub_process import HubProcess, hub_process

from leafhub.contract.operator_api import CommandRequest
from leafhub.contract.operator_login import OperatorLogin
from leafhub_tui.hub_client import HubAwayError, HubClient, NotPermittedError
from leafhub_tui.login import login_from_words, read_login
from leafhub_tui.source import EXIT_REFUSED, WatchError
from leafhub_tui.state import (
    Change,
    CommandMoved,
    Complaint,
    EventHeard,
    FleetTaken,
    LinkDown,
    LinkUp,
    StatusTaken,
)

PATIENCE_S = 30
KEY = ("garden", "bed-1")
GARDEN = """
[[application]]
name = "garden"
dialect = "drogue"
[[application.device]]
id = "bed-1"
credentials = [{ password = "correct horse" }]
"""
SHED = """
[[application]]
name = "shed"
dialect = "drogue"
[[application.device]]
id = "lamp"
credentials = [{ password = "battery staple" }]
"""


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    async with hub_process(tmp_path / "data") as running:
        await running.operator.apply(GARDEN)
        yield running


@pytest.fixture
async def client(hub: HubProcess) -> AsyncIterator[HubClient]:
    async with aclosing(HubClient(read_login(hub.folder))) as client:
        yield client


@pytest.fixture
async def changes(client: HubClient) -> AsyncIterator[AsyncGenerator[Change, None]]:
    async with aclosing(client.changes()) as changes:
        yield changes


async def until(
    changes: AsyncGenerator[Change, None], wanted: Callable[[Change], bool]
) -> list[Change]:
    """Read on until a change is as ``wanted``; give all that were read."""
    seen: list[Change] = []
    async with asyncio.timeout(PATIENCE_S):
        async for change in changes:
            seen.append(change)
            if wanted(change):
                break
    return seen


def is_up(change: Change) -> bool:
    return isinstance(change, LinkUp)


def leaf(
    hub: HubProcess, *, device: str = "bed-1", password: str = "correct horse"
) -> aiomqtt.Client:
    application = "garden" if device == "bed-1" else "shed"
    return aiomqtt.Client(
        "127.0.0.1", hub.plain_port, username=f"{device}@{application}", password=password
    )


def is_event(change: Change, device: str) -> bool:
    return (
        isinstance(change, EventHeard)
        and change.event.device == device
        and change.event.kind == "reading"
    )


async def test_fleet_and_status_come_before_the_link_is_called_up(
    changes: AsyncGenerator[Change, None],
) -> None:
    seen = await until(changes, is_up)
    fleets = [change for change in seen if isinstance(change, FleetTaken)]
    assert [device.id for device in fleets[-1].devices] == ["bed-1"]
    assert any(isinstance(change, StatusTaken) for change in seen)


async def test_a_reading_comes_live(
    hub: HubProcess, changes: AsyncGenerator[Change, None]
) -> None:
    await until(changes, is_up)
    async with leaf(hub) as device:
        await device.publish("climate", b'{"temperature": 21.5}', qos=1)
        heard = (await until(changes, lambda c: is_event(c, "bed-1")))[-1]
    assert isinstance(heard, EventHeard)
    assert heard.event.subject == "climate"
    assert isinstance(heard.event.data, msgspec.Raw)
    assert msgspec.json.decode(heard.event.data) == {"temperature": 21.5}


async def test_an_application_that_is_new_is_heard_too(
    hub: HubProcess, changes: AsyncGenerator[Change, None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leafhub_tui.hub_client.FLEET_EVERY_S", 0.2)
    await until(changes, is_up)
    await hub.operator.apply(SHED)

    def has_lamp(change: Change) -> bool:
        return isinstance(change, FleetTaken) and any(d.id == "lamp" for d in change.devices)

    await until(changes, has_lamp)
    async with leaf(hub, device="lamp", password="battery staple") as device:
        await device.publish("level", b"7", qos=1)
        await until(changes, lambda change: is_event(change, "lamp"))


async def test_a_command_is_seen_going_its_way(
    hub: HubProcess, client: HubClient, changes: AsyncGenerator[Change, None]
) -> None:
    await until(changes, is_up)
    async with leaf(hub) as device:
        await device.subscribe("command/inbox/#", qos=1)
        request = CommandRequest(name="set-fan", data=msgspec.Raw(b'{"on":true}'))
        record = await client.send(KEY, request)
        assert record.name == "set-fan"

        def moved_on(change: Change) -> bool:
            return isinstance(change, CommandMoved) and change.command.state != "queued"

        seen = await until(changes, moved_on)
    last = seen[-1]
    assert isinstance(last, CommandMoved)
    assert last.command.id == record.id
    assert [command.id for command in await client.commands(KEY, limit=5)] == [record.id]


async def test_a_page_and_its_history_are_fetched(hub: HubProcess, client: HubClient) -> None:
    async with leaf(hub) as device:
        await device.publish("level", b"71.5", qos=1)
    detail = await client.device(KEY)
    assert [(v.channel, bytes(v.data)) for v in detail.values] == [("level", b"71.5")]
    page = await client.events(KEY, limit=10)
    assert "level" in {event.channel for event in page.events}


async def test_a_hub_that_goes_is_told_and_found_again(
    hub: HubProcess, client: HubClient, changes: AsyncGenerator[Change, None]
) -> None:
    await until(changes, is_up)
    await hub.kill()
    lost = (await until(changes, lambda change: isinstance(change, LinkDown)))[-1]
    assert isinstance(lost, LinkDown)
    assert "does not answer" in lost.reason
    await hub.start()
    client.retry()
    await until(changes, is_up)


async def test_an_unknown_device_is_refused_in_the_hubs_words(client: HubClient) -> None:
    with pytest.raises(WatchError) as caught:
        await client.device(("garden", "no-such"))
    assert not isinstance(caught.value, HubAwayError)
    assert "no-such" in caught.value.cause


async def test_a_wrong_token_is_named_as_the_cause(hub: HubProcess) -> None:
    login = msgspec.structs.replace(read_login(hub.folder), token="another")
    async with aclosing(HubClient(login)) as client:
        with pytest.raises(HubAwayError, match="refuses the login") as caught:
            await client.status()
        assert caught.value.exit_code == EXIT_REFUSED
        async with aclosing(client.changes()) as changes:
            change = await anext(changes)
    assert isinstance(change, LinkDown)
    assert "another" not in change.reason


async def let_in(hub: HubProcess, name: str) -> OperatorLogin:
    """Somebody who may see the garden, and nothing else."""
    request = {"name": name, "roles": {"garden": "reader"}}
    http = hub.operator.http
    assert (await http.post("/api/v1/operators", json=request)).is_success
    made = await http.post(f"/api/v1/operators/{name}/tokens", json={})
    token = str(made.json()["token"])
    return msgspec.structs.replace(read_login(hub.folder), name=name, token=token)


async def test_who_may_see_one_application_sees_that_one(hub: HubProcess) -> None:
    await hub.operator.apply(SHED)
    login = await let_in(hub, "anna")
    async with aclosing(HubClient(login)) as client, aclosing(client.changes()) as changes:
        seen = await until(changes, is_up)
        fleets = [change.devices for change in seen if isinstance(change, FleetTaken)]
        assert {(one.application, one.id) for fleet in fleets for one in fleet} == {KEY}
        assert not any(isinstance(change, StatusTaken) for change in seen)
        async with leaf(hub) as device:
            await device.publish("level", b"71.5", qos=1)
            await until(changes, lambda change: isinstance(change, EventHeard))
        with pytest.raises(NotPermittedError, match="'writer'"):
            await client.send(KEY, CommandRequest(name="open"))


async def test_a_hub_that_never_was_is_waited_for_longer_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leafhub_tui.hub_client.BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr("leafhub_tui.hub_client.BACKOFF_LAST_S", 0.04)
    (tmp_path / "operator.json").write_text(
        '{"name": "o", "token": "t", "http": "http://127.0.0.1:1",'
        ' "mqtt": {"host": "127.0.0.1", "port": 1, "tls": false}}'
    )
    async with (
        aclosing(HubClient(read_login(tmp_path), clock_us=lambda: 0)) as client,
        aclosing(client.changes()) as changes,
    ):
        waits = [await anext(changes) for _ in range(4)]
    assert [wait.retry_us for wait in waits if isinstance(wait, LinkDown)] == [
        10_000,
        20_000,
        40_000,
        40_000,
    ]


async def test_what_is_no_event_becomes_a_complaint() -> None:
    login = login_from_words(hub="http://127.0.0.1:1", name="o", token="t", ca=None)
    async with aclosing(HubClient(login)) as client:
        change = client._understand("app/garden", b"{}")
    assert isinstance(change, Complaint)
    assert "app/garden" in change.text
