"""Applications that read events with aiomqtt: together, and going on where they stopped."""

import asyncio
import collections
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any

import aiomqtt
import pytest
import pytest_asyncio
from hub_process import HubProcess

from leafhub.contract import operator_login

PATIENCE_S = 20
DEVICES = ("dev1", "dev2", "dev3", "dev4")
DOCUMENT = '[[application]]\nname = "plant"\ndialect = "drogue"\n' + "".join(
    f'[[application.device]]\nid = "{name}"\ncredentials = [{{ password = "device-secret" }}]\n'
    for name in DEVICES
)
READINGS = 5


@pytest_asyncio.fixture
async def plant(hub: HubProcess) -> HubProcess:
    """A hub with the application ``plant``."""
    await hub.operator.apply(DOCUMENT)
    return hub


def application(plant: HubProcess, name: str, **options: Any) -> aiomqtt.Client:
    """A client of an application, with this client id."""
    login = operator_login.load(plant.folder)
    return aiomqtt.Client(
        "127.0.0.1",
        plant.plain_port,
        identifier=name,
        username=login.name,
        password=login.token,
        **options,
    )


async def report(plant: HubProcess, device: str, *values: int) -> None:
    """A device comes, tells of these values, and goes."""
    async with aiomqtt.Client(
        "127.0.0.1",
        plant.plain_port,
        username=f"{device}@plant",
        password="device-secret",
    ) as client:
        for value in values:
            await client.publish("count", str(value), qos=1)


async def readings(client: aiomqtt.Client) -> AsyncGenerator[tuple[str, int]]:
    """What devices told, as (device, value)."""
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        event = json.loads(message.payload)
        if event["type"] == "io.drogue.event.v1":
            yield event["device"], event["data"]


async def heard(client: aiomqtt.Client, count: int) -> list[tuple[str, int]]:
    """The next so many readings."""
    found: list[tuple[str, int]] = []
    async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(readings(client)) as coming:
        while len(found) < count:
            found.append(await anext(coming))
    return found


@pytest.mark.parametrize("share", ["$share/workers", "$shared/workers"])
async def test_members_of_a_group_share_the_events_each_device_with_one_of_them(
    plant: HubProcess, share: str
) -> None:
    shares: dict[str, list[tuple[str, int]]] = collections.defaultdict(list)
    complete = asyncio.Event()

    async def work(name: str, client: aiomqtt.Client) -> None:
        async for reading in readings(client):
            shares[name].append(reading)
            if sum(map(len, shares.values())) == READINGS * len(DEVICES):
                complete.set()

    async with application(plant, "one") as one, application(plant, "two") as two:
        for client in (one, two):
            await client.subscribe(f"{share}/app/plant", qos=1)
        workers = [
            asyncio.create_task(work(name, client)) for name, client in (("1", one), ("2", two))
        ]
        await asyncio.gather(*(report(plant, name, *range(READINGS)) for name in DEVICES))
        async with asyncio.timeout(PATIENCE_S):
            await complete.wait()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    told = sorted(shares["1"] + shares["2"])
    assert told == sorted((name, value) for name in DEVICES for value in range(READINGS))
    assert not {name for name, _ in shares["1"]} & {name for name, _ in shares["2"]}
    for name in DEVICES:
        in_order = [value for who, value in shares["1"] + shares["2"] if who == name]
        assert in_order == list(range(READINGS))


async def test_an_application_goes_on_where_it_stopped(plant: HubProcess) -> None:
    """Known by its client id, it gets all it missed, after a restart of the hub too, and once."""
    async with application(plant, "ledger") as client:
        await client.subscribe("app/plant", qos=1)
        await report(plant, "dev1", 1, 2)
        assert await heard(client, 2) == [("dev1", 1), ("dev1", 2)]
    await report(plant, "dev1", 3)
    await plant.restart()
    await report(plant, "dev1", 4)
    async with application(plant, "ledger") as client:
        await client.subscribe("app/plant", qos=1)
        assert await heard(client, 2) == [("dev1", 3), ("dev1", 4)]
        await report(plant, "dev1", 5)
        assert await heard(client, 1) == [("dev1", 5)]


async def test_an_application_without_a_client_id_hears_what_comes_from_now_on(
    plant: HubProcess,
) -> None:
    await report(plant, "dev1", 1)
    async with application(plant, "") as client:
        await client.subscribe("app/plant", qos=1)
        await report(plant, "dev1", 2)
        assert await heard(client, 1) == [("dev1", 2)]


async def test_one_device_or_channel_can_be_read_alone(plant: HubProcess) -> None:
    async with application(plant, "") as client:
        await client.subscribe("app/plant/dev2/#", qos=1)
        await report(plant, "dev1", 1)
        await report(plant, "dev2", 2)
        assert await heard(client, 1) == [("dev2", 2)]
