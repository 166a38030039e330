"""A mosquitto whose bridge leads into a topic space, configured as most are."""

import asyncio
import contextlib
import getpass
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hub_process import HubProcess
from raw_mqtt import RawClient, eventually, quiet, raw_client

from leafhub.mqtt.packets import Publish
from leafhub_tools.bench import mosquitto

STATE = "$SYS/broker/connection/leafhub-bridge/state"


def configuration(broker: HubProcess, socket: Path, version: str) -> str:
    """Say nothing of ``try_private``: first it asks whether the hub is a mosquitto."""
    return f"""
user {getpass.getuser()}
listener 0 {socket}
allow_anonymous true
connection leafhub
address 127.0.0.1:{broker.plain_port}
bridge_protocol_version {version}
remote_clientid bridge
remote_username hass
remote_password hass-pw
local_clientid leafhub-bridge
notification_topic {STATE}
notifications_local_only true
restart_timeout 1
topic # both 1
"""


@contextlib.asynccontextmanager
async def running_mosquitto(file: Path, socket: Path) -> AsyncIterator[RawClient]:
    """Run mosquitto, and be its client."""
    program = await asyncio.to_thread(mosquitto.broker)
    process = await asyncio.create_subprocess_exec(program, "-c", file)
    try:

        async def listens() -> bool:
            return await asyncio.to_thread(socket.exists)

        await eventually(listens)
        reader, writer = await asyncio.open_unix_connection(socket)
        client = RawClient(reader, writer, 4, quiet)
        try:
            await client.connect("behind")
            yield client
        finally:
            await client.close()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def wait_for(client: RawClient, topic_name: str, payload: bytes) -> None:
    """Read messages until that one comes."""
    async with asyncio.timeout(20):
        while True:
            message = await client.expect(Publish)
            if (message.topic_name, message.payload) == (topic_name, payload):
                return


@pytest.mark.parametrize("version", ["mqttv311", "mqttv50"])
async def test_messages_cross_the_bridge(broker: HubProcess, tmp_path: Path, version: str) -> None:
    socket, file = tmp_path / "socket", tmp_path / "mosquitto.conf"
    file.write_text(configuration(broker, socket, version))
    async with running_mosquitto(file, socket) as behind, raw_client(broker.plain_port) as before:
        await before.connect("before", "hass", "hass-pw")
        await before.subscribe("from/#", qos=0)
        await behind.subscribe(STATE, "to/#", qos=0)
        await wait_for(behind, STATE, b"1")
        await behind.publish("from/behind", "there", qos=0)
        await wait_for(before, "from/behind", b"there")
        await before.publish("to/behind", "back", qos=0)
        await wait_for(behind, "to/behind", b"back")
