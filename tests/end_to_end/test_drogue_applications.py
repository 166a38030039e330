"""Applications written for Drogue Cloud, with other people's clients; only the host changed."""

import json

import pytest
import pytest_asyncio
from hub_process import HubProcess
from mosquitto_clients import Programs
from paho_program import PAHOS, run

from leafhub.contract import operator_login

DOCUMENT = """
[[application]]
name = "plant"
dialect = "drogue"
[[application.device]]
id = "dev1"
credentials = [{ password = "device-secret" }]
[[application.device]]
id = "dev2"
credentials = [{ password = "device-secret" }]
"""


@pytest_asyncio.fixture
async def plant(hub: HubProcess) -> HubProcess:
    """A hub with the application ``plant``."""
    await hub.operator.apply(DOCUMENT)
    return hub


@pytest.mark.parametrize("paho", PAHOS)
@pytest.mark.parametrize("level", [4, 5])
async def test_paho(plant: HubProcess, paho: str, level: int) -> None:
    login = operator_login.load(plant.folder)
    await run(
        plant,
        paho,
        "paho_application.py",
        str(plant.plain_port),
        str(level),
        login.name,
        login.token,
    )


async def test_mosquitto_reads_events_in_structured_mode(plant: HubProcess) -> None:
    login = operator_login.load(plant.folder)
    programs = Programs(plant, version="311", tls=True)
    operator = ("-u", login.name, "-P", login.token)
    device = ("-u", "dev1@plant", "-P", "device-secret")
    async with programs.subscribed(*operator, "-t", "app/plant", "-v", "-q", "1") as feed:
        assert await programs.publish(*device, "-t", "temp", "-m", '{"temp":42}') == (0, "")
        topic, _, payload = (await feed.until('"temp"')).partition(" ")
        assert topic == "app/plant"
        assert json.loads(payload)["data"] == {"temp": 42}


async def test_mosquitto_reads_events_in_binary_mode(plant: HubProcess) -> None:
    login = operator_login.load(plant.folder)
    programs = Programs(plant, version="5", tls=True)
    operator = ("-u", login.name, "-P", login.token)
    binary = ("-D", "subscribe", "user-property", "content-mode", "binary")
    device = ("-u", "dev1@plant", "-P", "device-secret")
    markup = ("-D", "publish", "content-type", "text/html")
    shown = ("-F", "message %t %C %P subject:%p")
    async with programs.subscribed(*operator, "-t", "a/plant", *binary, *shown) as feed:
        assert await programs.publish(*device, "-t", "page", "-m", "<p>", *markup) == (0, "")
        line = await feed.until("subject:page ")
        assert line.startswith("message a/plant text/html ")
        assert line.endswith("subject:<p>")
        assert " type:io.drogue.event.v1 " in line
        assert " device:dev1 " in line


@pytest.mark.parametrize("version", ["311", "5"])
async def test_mosquitto_sends_a_command(plant: HubProcess, version: str) -> None:
    login = operator_login.load(plant.folder)
    programs = Programs(plant, version=version)
    device = ("-u", "dev1@plant", "-P", "device-secret", "-t", "command/inbox/#")
    async with programs.subscribed(*device, "-F", "message %t %q %p") as inbox:
        command = ("-t", "command/plant/dev1/set-temp", "-m", '{"target-temp":23}', "-q", "1")
        assert await programs.publish("-u", login.name, "-P", login.token, *command) == (0, "")
        assert await inbox.messages(1) == ['command/inbox//set-temp 0 {"target-temp":23}']
