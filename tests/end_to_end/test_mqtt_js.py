"""MQTT.js, which most dashboards in a browser are built on, in Node.js."""

import asyncio
import os
from pathlib import Path

import node
import pytest
from hub_process import HubProcess

PROGRAM = Path(__file__).with_name("mqtt_js_conversation.js")
PATIENCE_S = 100


@pytest.mark.parametrize("level", [4, 5], ids=["3.1.1", "5.0"])
@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws", "wss"])
async def test_mqtt_js_converses(broker: HubProcess, scheme: str, level: int) -> None:
    websocket, tls = scheme.startswith("ws"), scheme in {"mqtts", "wss"}
    address = f"{scheme}://127.0.0.1:{broker.port(websocket=websocket, tls=tls)}"
    process = await asyncio.create_subprocess_exec(
        *(node.node(), PROGRAM, f"{address}/mqtt" if websocket else address, str(level)),
        broker.folder / "ca.pem" if tls else "-",
        env={**os.environ, "NODE_PATH": str(node.mqtt_js())},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        said, _ = await process.communicate()
    told = said.decode() + "\n".join(broker.lines[-20:])
    assert process.returncode == 0, told
    assert said == b"all is well\n", told
