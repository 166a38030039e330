import asyncio
import functools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import msgspec
import pytest
import pytest_asyncio
from eventually import eventually
from hub_process import HubProcess, hub_process

from leafhub.contract import live_feed, operator_login
from leafhub.contract.operator_api import CommandRecord, EventRecord
from leafhub_tools import demo_fleet
from leafhub_tools.virtual_leaf import VirtualLeaf

DEVICES = {
    "drogue": ("greenhouse", "bed-1"),
    "cloudplugs": ("kitchen", "Fridge"),
    "murano": ("workshop", "lathe-1"),
    "smartworks": ("roof", "Weather mast"),
}
"""Application of each dialect, and its device by id, or by name where the hub made the id."""
NO_ARGUMENT: dict[str, object] = {
    "drogue": None,
    "cloudplugs": None,
    "smartworks": None,
    "murano": {},
}
"""What a command that takes nothing is sent with: a Murano resource is always set to a value."""
ENROLLS_ITSELF = {"cloudplugs", "murano"}
PATIENCE_S = 30  # back-off of a leaf included


class Leaf:
    """A virtual leaf and what it said since its last start."""

    def __init__(self, folder: Path, plan: demo_fleet.LeafPlan) -> None:
        self.dialect = plan.dialect
        self.application, self.device = DEVICES[plan.dialect]
        self.said: list[str] = []
        self._leaf = VirtualLeaf(folder / plan.dialect, plan.settings)
        self._lines = self._leaf.lines()

    async def start(self) -> None:
        self.said = []
        await self._leaf.start()
        self._lines = self._leaf.lines()

    async def stop(self) -> None:
        await self._leaf.stop()

    async def until(self, text: str) -> None:
        """Read on until it says ``text``."""
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                self.said.append(line)
                if line.startswith(f"leaf: {text}"):
                    return
        raise AssertionError(f"{self.dialect} ended before {text!r}: {self.said}")


class Fleet:
    """A hub and one leaf per dialect, all on one port over TLS."""

    def __init__(self, hub: HubProcess, leaves: list[Leaf]) -> None:
        self.hub = hub
        self.leaves = leaves

    async def until_all(self, text: str) -> None:
        await asyncio.gather(*(leaf.until(text) for leaf in self.leaves))

    async def readings(self, leaf: Leaf) -> list[EventRecord]:
        page = await self.hub.operator.events(
            application=leaf.application, device=leaf.device, channel="temperature"
        )
        return page.events

    async def answer(self, leaf: Leaf, name: str, argument: object) -> object:
        """Send a command, which must be answered; gives the answer."""
        sent = await self.hub.operator.command(leaf.application, leaf.device, name, argument)
        ended = await self.hub.operator.command_end(sent)
        assert ended.state == "answered", (leaf.dialect, ended)
        assert ended.answer is not msgspec.UNSET
        return json.loads(bytes(ended.answer))

    def feed(self) -> aiomqtt.Client:
        """An operator's MQTT client."""
        login = operator_login.load(self.hub.folder)
        assert login.mqtt.port == self.hub.tls_port
        return aiomqtt.Client(
            login.mqtt.host,
            login.mqtt.port,
            username=login.name,
            password=login.token,
            tls_context=self.hub.tls(),
        )


@pytest_asyncio.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with hub_process(tmp_path / "data") as hub:
        document = demo_fleet.make_document(hub.folder)
        await hub.operator.apply(document)
        ca = str(hub.folder / "ca.der")
        where = {
            "host": "127.0.0.1",
            "port": hub.tls_port,
            "tls": True,
            "ca": ca,
            "interval_s": 0.3,
        }
        plans = demo_fleet.plan(document, await hub.operator.registry(), where)
        leaves = [Leaf(tmp_path, plan) for plan in plans]
        assert {leaf.dialect for leaf in leaves} == set(DEVICES)
        try:
            await asyncio.gather(*(leaf.start() for leaf in leaves))
            yield Fleet(hub, leaves)
        finally:
            await asyncio.gather(*(leaf.stop() for leaf in leaves))


@pytest.fixture(autouse=True)
def interpreter(micropython_interpreter: Path, umqtt_folder: Path) -> None:
    """Whatever must be built is built before a test's time runs."""
    assert micropython_interpreter.exists()
    assert umqtt_folder.exists()


async def test_every_dialect_enrolls_or_logs_in_on_one_port_and_is_read(fleet: Fleet) -> None:
    await fleet.until_all("sent temperature 18")
    for leaf in fleet.leaves:
        enrolled = any(line.startswith("leaf: enrolled") for line in leaf.said)
        assert enrolled is (leaf.dialect in ENROLLS_ITSELF), leaf.said
        assert "leaf: logged in" in leaf.said
        readings = await eventually(functools.partial(fleet.readings, leaf))
        assert msgspec.json.decode(readings[-1].data) == 18.0
        detail = await fleet.hub.operator.device(leaf.application, leaf.device)
        assert detail.summary.state == "online"
        assert detail.summary.dialect == leaf.dialect


async def test_command_is_answered_in_every_dialect(fleet: Fleet) -> None:
    await fleet.until_all("logged in")
    for leaf in fleet.leaves:
        identity = await fleet.answer(leaf, "identify", NO_ARGUMENT[leaf.dialect])
        assert isinstance(identity, dict)
        assert identity["dialect"] == leaf.dialect
        assert await fleet.answer(leaf, "set-temp", 24) == 24


async def test_restarted_leaf_logs_in_without_enrolling_again(fleet: Fleet) -> None:
    await fleet.until_all("sent temperature")
    before = await fleet.hub.operator.registry()
    await asyncio.gather(*(leaf.stop() for leaf in fleet.leaves))
    for leaf in fleet.leaves:
        await leaf.start()
    await fleet.until_all("sent temperature")
    for leaf in fleet.leaves:
        assert "leaf: logged in" in leaf.said
        assert not any(line.startswith("leaf: enrolled") for line in leaf.said), leaf.said
    assert await fleet.hub.operator.registry() == before


async def test_leaves_come_back_by_themselves_when_the_hub_was_away(fleet: Fleet) -> None:
    await fleet.until_all("sent temperature")
    await fleet.hub.restart()
    await fleet.until_all("logged in")
    await fleet.until_all("sent temperature")
    for leaf in fleet.leaves:
        assert sum(line.startswith("leaf: enrolled") for line in leaf.said) <= 1
        assert await fleet.answer(leaf, "set-temp", 24) == 24


async def test_live_feed_shows_the_readings_of_every_dialect(fleet: Fleet) -> None:
    missing = {leaf.application for leaf in fleet.leaves}
    async with fleet.feed() as client, asyncio.timeout(PATIENCE_S):
        for application in missing:
            await client.subscribe(f"app/{application}", qos=1)
        async for message in client.messages:
            event = live_feed.decode_event(_bytes(message))
            assert str(message.topic) == f"app/{event.application}"
            if event.type == live_feed.DEVICE_EVENT and event.subject == "temperature":
                assert event.data is not msgspec.UNSET
                assert 17 < json.loads(bytes(event.data)) < 30
                missing.discard(event.application)
            if not missing:
                break


async def test_command_sent_by_mqtt_is_answered_in_every_dialect(fleet: Fleet) -> None:
    await fleet.until_all("logged in")
    async with fleet.feed() as client, asyncio.timeout(PATIENCE_S):
        for leaf in fleet.leaves:
            detail = await fleet.hub.operator.device(leaf.application, leaf.device)
            device = detail.summary.id
            await client.subscribe(f"command/{leaf.application}", qos=1)
            await client.publish(f"command/{leaf.application}/{device}/set-temp", b"25", qos=1)
            steps = [step async for step in _life_line(client)]
            assert [step.state for step in steps][-1] == "answered", (leaf.dialect, steps)
            assert {(step.device, step.name) for step in steps} == {(device, "set-temp")}
            assert steps[-1].answer is not msgspec.UNSET
            assert json.loads(bytes(steps[-1].answer)) == 25


async def _life_line(client: aiomqtt.Client) -> AsyncIterator[CommandRecord]:
    """The steps of one command as they come, to the last."""
    async for message in client.messages:
        event = live_feed.decode_event(_bytes(message))
        assert event.type == live_feed.COMMAND_EVENT
        step = live_feed.decode_command(event)
        yield step
        if step.final:
            return


def _bytes(message: aiomqtt.Message) -> bytes:
    assert isinstance(message.payload, bytes)
    return message.payload
