"""Applications written for Drogue Cloud, with other people's clients; only the host changed."""

import asyncio
import json

import httpx
import pytest
import pytest_asyncio
import websockets
from hub_process import HubProcess
from mosquitto_clients import Programs
from paho_program import PAHOS, run

from leafhub.contract import operator_login

PATIENCE_S = 20
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


@pytest.mark.parametrize("shown", ["basic", "bearer", "token", "api_key"])
async def test_events_come_by_websocket(plant: HubProcess, shown: str) -> None:
    login = operator_login.load(plant.folder)
    address = f"ws{login.http.removeprefix('http')}/plant"
    headers = {}
    if shown == "basic":
        address = address.replace("://", f"://{login.name}:{login.token}@")
    elif shown == "bearer":
        headers["Authorization"] = f"Bearer {login.token}"
    elif shown == "token":
        address += f"?token={login.token}"
    else:
        address += f"?username={login.name}&api_key={login.token}"
    programs = Programs(plant, version="5")
    device = ("-u", "dev1@plant", "-P", "device-secret")
    async with websockets.connect(address, additional_headers=headers, proxy=None) as feed:
        assert await programs.publish(*device, "-t", "temp", "-m", '{"temp":42}') == (0, "")
        async with asyncio.timeout(PATIENCE_S):
            events = [json.loads(await feed.recv(decode=True)) for _ in range(3)]
    assert [event["subject"] for event in events] == ["connection", "temp", "connection"]
    assert events[1]["data"] == {"temp": 42}
    assert events[1]["device"] == "dev1"


async def test_one_channel_comes_by_websocket(plant: HubProcess) -> None:
    login = operator_login.load(plant.folder)
    address = f"ws{login.http.removeprefix('http')}/plant/wanted%2Fchannel?token={login.token}"
    document = """
[[application]]
name = "plant"
dialect = "drogue"
settings.spec.mqtt.dialect.type = "plainTopic"
"""
    await plant.operator.apply(document)
    programs = Programs(plant, version="5")
    device = ("-u", "dev1@plant", "-P", "device-secret", "-m", "1")
    async with websockets.connect(address, proxy=None) as feed:
        for channel in ("other", "wanted/channel"):
            assert await programs.publish(*device, "-t", channel) == (0, "")
        async with asyncio.timeout(PATIENCE_S):
            assert json.loads(await feed.recv())["subject"] == "wanted/channel"


async def test_a_command_is_sent_by_http(plant: HubProcess) -> None:
    login = operator_login.load(plant.folder)
    programs = Programs(plant, version="5")
    device = ("-u", "dev1@plant", "-P", "device-secret", "-t", "command/inbox/#")
    devices = "/api/command/v1alpha1/apps/plant/devices"
    async with (
        httpx.AsyncClient(
            base_url=login.http,
            headers={"Authorization": f"Bearer {login.token}"},
            trust_env=False,
        ) as http,
        programs.subscribed(*device, "-F", "message %t %p") as inbox,
    ):
        body = b'{"target-temp": 23 }'
        path = f"{devices}/dev1?command=set-temp"
        answer = await http.post(path, content=body)
        assert (answer.status_code, answer.content) == (202, b"")
        assert await inbox.messages(1) == ['command/inbox//set-temp {"target-temp": 23 }']
        assert (await http.post(f"{devices}/ghost?command=set-temp")).status_code == 406
        assert (await http.post(f"{devices}/dev1")).status_code == 400
        wrong = await http.post(path, headers={"Authorization": "Bearer wrong"})
        assert (wrong.status_code, wrong.json()["error"]) == (403, "Forbidden")
