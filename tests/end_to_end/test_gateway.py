"""A gateway of Drogue Cloud: one board, in a real MicroPython, that speaks for two sensors."""

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import msgspec
import pytest
import pytest_asyncio
from documentation import DIALECTS, examples
from eventually import eventually
from hub_process import HubProcess
from paho_client import PahoClient, Way

from leafhub.contract import live_feed, operator_login
from leafhub.contract.live_feed import DEVICE_EVENT, FeedEvent
from leafhub.contract.operator_api import EventRecord
from leafhub_tools.virtual_leaf import VirtualLeaf

PATIENCE_S = 30  # a refused gateway waits some seconds before it comes back
DOCUMENT = """
[[application]]
name = "plant"
dialect = "drogue"
[[application.device]]
id = "gw1"
credentials = [{{ password = "gateway-secret" }}]
[[application.device]]
id = "sen1"
settings.spec.gatewaySelector.matchNames = ["gw1"]
[[application.device]]
id = "sen2"
settings.spec.gatewaySelector.matchNames = [{gateway_of_sen2}]
[[application.device]]
id = "sen3"
settings.spec.gatewaySelector.matchNames = ["gw2"]
"""
TOGETHER = DOCUMENT.format(gateway_of_sen2='"gw2", "gw1"')
TAKEN_AWAY = DOCUMENT.format(gateway_of_sen2='"gw2"')
RADIO = """
readings = {}
def sensors():
    return sorted(readings)
def ask(sensor, what, argument=None):
    return readings[sensor] if what == "temperature" else argument
"""
"""The module that the documentation's gateway reaches its sensors by."""


class Gateway:
    """The documentation's gateway, running, and what it said."""

    def __init__(self, leaf: VirtualLeaf) -> None:
        self._leaf = leaf
        self._lines = leaf.lines()
        self.said: list[str] = []

    async def until(self, text: str) -> None:
        """Read on until it says ``text``."""
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                self.said.append(line)
                if line.startswith(f"leaf: {text}"):
                    return
        raise AssertionError(f"it ended before {text!r}: {self.said}")


@pytest_asyncio.fixture
async def plant(hub: HubProcess) -> HubProcess:
    """A hub on which two of three sensors are behind the gateway."""
    await hub.operator.apply(TOGETHER)
    return hub


def write_program(folder: Path, readings: dict[str, float]) -> Path:
    """The documentation's gateway, and what it takes for its radio."""
    folder.mkdir()
    (source,) = examples(DIALECTS / "drogue.md", "python")
    (folder / "radio.py").write_text(RADIO.replace("{}", repr(readings)))
    program = folder / "gateway.py"
    program.write_text(source)
    return program


@contextlib.asynccontextmanager
async def gateway(plant: HubProcess, folder: Path, **readings: float) -> AsyncIterator[Gateway]:
    """The gateway with the sensors of these names in its radio's reach."""
    program = write_program(folder, readings)
    settings = {
        "host": "127.0.0.1",
        "port": plant.tls_port,
        "ca": str(plant.folder / "ca.der"),
        "interval_s": 0.3,
        "dialect": "drogue",
        "drogue": {"application": "plant", "device": "gw1", "password": "gateway-secret"},
    }
    async with VirtualLeaf(folder, settings, program=program) as leaf:
        yield Gateway(leaf)


@pytest.fixture(autouse=True)
def interpreter(micropython_interpreter: Path, umqtt_folder: Path) -> None:
    """Whatever must be built is built before a test's time runs."""
    assert micropython_interpreter.exists()
    assert umqtt_folder.exists()


@contextlib.asynccontextmanager
async def application(plant: HubProcess) -> AsyncIterator[aiomqtt.Client]:
    """An application's client, which hears the events."""
    login = operator_login.load(plant.folder)
    async with aiomqtt.Client(
        "127.0.0.1", plant.plain_port, username=login.name, password=login.token
    ) as client:
        await client.subscribe("app/plant", qos=1)
        yield client


async def device_events(client: aiomqtt.Client) -> AsyncIterator[FeedEvent]:
    """What devices say, as it comes."""
    async with asyncio.timeout(PATIENCE_S):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            event = live_feed.decode_event(message.payload)
            if event.type == DEVICE_EVENT:
                yield event


async def stored(plant: HubProcess, device: str) -> list[EventRecord]:
    page = await plant.operator.events(application="plant", device=device, channel="temperature")
    return page.events


async def test_a_gateway_speaks_for_its_sensors_and_for_itself(
    plant: HubProcess, tmp_path: Path
) -> None:
    missing = {("sen1", "temperature"), ("sen2", "temperature"), ("gw1", "uptime")}
    async with application(plant) as client, gateway(plant, tmp_path / "gw", sen1=21.5, sen2=4.5):
        async for event in device_events(client):
            assert event.sender == "gw1"
            assert event.data is not msgspec.UNSET
            if event.subject == "temperature":
                value = {"sen1": 21.5, "sen2": 4.5}[event.device]
                assert json.loads(bytes(event.data)) == value
            missing.discard((event.device, event.subject))
            if not missing:
                break


async def test_a_command_for_a_sensor_is_answered_for_it(
    plant: HubProcess, tmp_path: Path
) -> None:
    async with (
        application(plant) as client,
        gateway(plant, tmp_path / "gw", sen1=21.5, sen2=4.5) as board,
    ):
        await board.until("logged in")
        await client.publish("command/plant/sen2/set-interval", b"60", qos=1)
        async for event in device_events(client):
            if event.subject == "answer":
                break
        assert (event.device, event.sender) == ("sen2", "gw1")
        assert event.data is not msgspec.UNSET
        assert json.loads(bytes(event.data)) == {"command": "set-interval", "result": 60}

        sent = await plant.operator.command("plant", "sen1", "set-interval", 90)
        ended = await plant.operator.command_end(sent)
        assert (ended.state, ended.device) == ("answered", "sen1")
        assert ended.answer is not msgspec.UNSET
        assert json.loads(bytes(ended.answer)) == 90
        await board.until("command set-interval of sen1 90 -> ok")


async def test_a_sensor_of_another_gateway_is_refused_and_the_others_are_served(
    plant: HubProcess, tmp_path: Path
) -> None:
    async with gateway(plant, tmp_path / "gw", sen1=21.5, sen3=-3.0) as board:
        await board.until("sen3 rests: ")
        await board.until("logged in")
        await board.until("sent temperature of sen1 21.5")
        await board.until("sent uptime")
        await board.until("sent temperature of sen1 21.5")
    assert await stored(plant, "sen1")
    assert await stored(plant, "sen3") == []


async def test_a_sensor_that_is_taken_away_is_gone_at_once(
    plant: HubProcess, tmp_path: Path
) -> None:
    async with gateway(plant, tmp_path / "gw", sen1=21.5, sen2=4.5) as board:
        await board.until("sent temperature of sen2 4.5")
        await plant.operator.apply(TAKEN_AWAY)
        before = len(await stored(plant, "sen2"))
        await board.until("sen2 rests: ")
        await board.until("logged in")
        lost = await plant.operator.command("plant", "sen2", "set-interval", 60)
        sent = await plant.operator.command("plant", "sen1", "set-interval", 60)
        assert (await plant.operator.command_end(sent)).state == "answered"
        lost = await plant.operator.command_end(lost)
        assert (lost.state, lost.error) == ("failed", "the device is not connected")
        more = len(await stored(plant, "sen1")) + 2
        await eventually(functools.partial(_has, plant, "sen1", more))
        assert len(await stored(plant, "sen2")) == before


async def _has(plant: HubProcess, device: str, count: int) -> bool:
    return len(await stored(plant, device)) >= count


async def test_a_gateway_with_mqtt_5_is_told_and_stays(plant: HubProcess) -> None:
    login = ("gw1@plant", "gateway-secret")
    board = PahoClient(Way(plant.plain_port, 5), "gateway", login)
    await asyncio.to_thread(board.connect)
    try:
        await asyncio.to_thread(board.subscribe, "command/inbox/#", 0)
        report = functools.partial(board.publish, "temperature/sen2")
        assert await asyncio.to_thread(report, "4.5") == "Success"
        await plant.operator.apply(TAKEN_AWAY)
        assert await asyncio.to_thread(report, "4.6") == "Not authorized"
        async with application(plant) as client:
            await client.publish("command/plant/sen2/set-interval", b"60", qos=1)
            await client.publish("command/plant/sen1/set-interval", b"60", qos=1)
        got = await asyncio.to_thread(board.message)
        assert got.topic == "command/inbox/sen1/set-interval"
        assert board.connects == 1
        await plant.operator.apply(TOGETHER)
        assert await asyncio.to_thread(report, "4.7") == "Success"
        values = [json.loads(bytes(event.data)) for event in await stored(plant, "sen2")]
        assert values == [4.7, 4.5]
    finally:
        await asyncio.to_thread(board.leave)
