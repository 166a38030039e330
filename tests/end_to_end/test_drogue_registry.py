"""A plant that is set up by Drogue Cloud's registry alone, step by step as ``drg`` does it."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
import websockets
from client_certificates import FOR_CLIENTS, authority, issue, subject
from drogue_registry import RegistryApi, app, device, path_of
from hub_process import HubProcess
from mosquitto_clients import Programs
from worlds import SHA512_OF_S_SECRET

from leafhub.contract import operator_login

KEY = bytes.fromhex("5f1c0a9e7d3b4826915e0c7a64d2f8b1")


class Plant:
    """The hub, with a program's access token for all that ``drg`` asks for."""

    def __init__(self, hub: HubProcess, http: httpx.AsyncClient) -> None:
        self.hub = hub
        self.http = http
        self.registry = RegistryApi(http)
        self.programs = Programs(hub, version="311")

    async def merge(self, record: dict[str, Any], **sections: Any) -> None:
        """Read a record, change these sections of its spec, and write it back."""
        found = await self.registry.get(path_of(record))
        found["spec"] = found.get("spec", {}) | sections
        await self.registry.put(found)

    async def comes_in(self, *login: str, programs: Programs | None = None) -> bool:
        """Whether a device that shows this is let in, and its message taken."""
        told = ("-t", "temp", "-m", "21", "-q", "1")
        code, _ = await (programs or self.programs).publish(*login, *told)
        return code == 0


@pytest_asyncio.fixture
async def plant(hub: HubProcess) -> AsyncIterator[Plant]:
    login = operator_login.load(hub.folder)
    async with httpx.AsyncClient(
        base_url=login.http, auth=(login.name, login.token), trust_env=False
    ) as operator:
        answer = await operator.post("/api/tokens/v1alpha1", params={"description": "drg"})
        token = answer.json()["token"]
    async with httpx.AsyncClient(
        base_url=login.http, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ) as http:
        plant = Plant(hub, http)
        await plant.registry.make(app("plant"), device("dev1", "plant"))
        yield plant


async def test_a_device_gets_a_password_and_another_one(plant: Plant) -> None:
    login = ("-u", "dev1@plant", "-P", "s-secret")
    assert not await plant.comes_in(*login)
    credentials = {"credentials": [{"pass": {"sha512": SHA512_OF_S_SECRET}}]}
    dev1 = device("dev1", "plant")
    await plant.merge(dev1, credentials=credentials, authentication=credentials)
    assert await plant.comes_in(*login)
    found = await plant.registry.get(path_of(dev1))
    assert found["spec"] == {"credentials": credentials, "authentication": credentials}
    await plant.merge(dev1, authentication={"credentials": [{"pass": "another"}]})
    assert not await plant.comes_in(*login)
    assert await plant.comes_in("-u", "dev1@plant", "-P", "another")
    await plant.merge(dev1, alias=["00:1b:44:11:3a:b7"])
    assert await plant.comes_in("-u", "00:1b:44:11:3a:b7@plant", "-P", "another")
    await plant.merge(app("plant"), core={"disabled": True})
    assert not await plant.comes_in("-u", "dev1@plant", "-P", "another")


async def test_a_device_gets_a_pre_shared_key(plant: Plant) -> None:
    key = ("--psk", KEY.hex(), "--psk-identity", "dev1@plant")
    programs = Programs(plant.hub, version="5", options=key)
    assert not await plant.comes_in(programs=programs)
    psk = {"key": base64.b64encode(KEY).decode()}
    dev1 = device("dev1", "plant")
    await plant.merge(dev1, authentication={"credentials": [{"psk": psk}]})
    assert await plant.comes_in(programs=programs)
    past = {"notBefore": "2020-01-01T00:00:00Z", "notAfter": "2021-01-01T00:00:00Z"}
    await plant.merge(dev1, authentication={"credentials": [{"psk": psk | {"validity": past}}]})
    assert not await plant.comes_in(programs=programs)


async def test_a_device_gets_a_certificate(plant: Plant, tmp_path: Path) -> None:
    ca = authority("", subject=subject("CN=plant, O=Drogue IoT, OU=Cloud"))
    own = issue(
        by=ca, subject=subject("CN=dev1, O=Drogue IoT, OU=plant"), extensions=(FOR_CLIENTS,)
    )
    paths = {name: tmp_path / name for name in ("dev1.pem", "dev1-key.pem")}
    paths["dev1.pem"].write_text(own.pem)
    paths["dev1-key.pem"].write_text(own.key_pem)
    shown = ("--cert", str(paths["dev1.pem"]), "--key", str(paths["dev1-key.pem"]))
    trusted = ("--cafile", str(plant.hub.folder / "ca.pem"))
    programs = Programs(plant.hub, version="5", options=(*trusted, *shown))

    assert not await plant.comes_in(programs=programs)
    anchor = {"certificate": base64.b64encode(ca.pem.encode()).decode()}
    await plant.merge(app("plant"), trustAnchors={"anchors": [anchor]})
    await plant.merge(device("dev1", "plant"), alias=["CN=dev1, O=Drogue IoT, OU=plant"])
    assert await plant.comes_in(programs=programs)
    status = (await plant.registry.get("/apps/plant"))["status"]
    assert status["trustAnchors"]["anchors"][0]["valid"]["subject"] == (
        "CN=plant, O=Drogue IoT, OU=Cloud"
    )
    await plant.merge(app("plant"), trustAnchors={"anchors": []})
    assert not await plant.comes_in(programs=programs)


async def test_the_log_says_why_a_device_stays_out(plant: Plant) -> None:
    mistyped = {"credentials": [{"passs": "secret"}]}
    await plant.merge(device("dev1", "plant"), authentication=mistyped)
    assert not await plant.comes_in("-u", "dev1@plant", "-P", "secret")
    line = await plant.hub.line("refused as 'dev1@plant'")
    assert "its section spec.authentication" in line
    assert "cannot be read" in line


async def test_a_program_finds_its_way(plant: Plant) -> None:
    """From the hub's address to the registry, the port for devices, and the stream of events."""
    public = (await plant.http.get("/.well-known/drogue-endpoints")).json()
    assert public["registry"]["url"] == str(plant.http.base_url)
    assert (await plant.http.get("/.well-known/drogue-version")).json()["version"]
    found = (await plant.http.get("/api/console/v1alpha1/info")).json()
    assert found["mqtt"]["port"] == plant.hub.tls_port

    password = {"credentials": [{"pass": "secret"}]}
    await plant.merge(device("dev1", "plant"), authentication=password)
    authorization = {"Authorization": plant.http.headers["Authorization"]}
    stream = found["websocket_integration"]["url"] + "/plant"
    async with websockets.connect(stream, additional_headers=authorization, proxy=None) as feed:
        assert await plant.comes_in("-u", "dev1@plant", "-P", "secret")
        events = [json.loads(await feed.recv()) for _ in range(2)]
        assert events[1]["data"] == 21


async def test_what_is_deleted_is_gone_for_good(plant: Plant) -> None:
    password = {"credentials": [{"pass": "secret"}]}
    await plant.merge(device("dev1", "plant"), authentication=password)
    inbox = ("-u", "dev1@plant", "-P", "secret", "-t", "command/inbox/#")
    async with plant.programs.subscribed(*inbox) as one:
        await plant.registry.delete(app("plant"))
        await one.until("received CONNACK (4)")  # it was cut off, came again, and was refused
    assert (await plant.http.get("/api/registry/v1alpha1/apps")).json() == []
