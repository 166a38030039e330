"""paho-mqtt, the last 1.x and the one installed, by every transport and both of its loops."""

import asyncio
import os
import sys
from pathlib import Path

import old_paho
import pytest
from hub_process import HubProcess

PROGRAM = Path(__file__).with_name("paho_conversation.py")
SUPPORT = Path(old_paho.__file__).parent
PATIENCE_S = 100


@pytest.fixture(params=[old_paho.VERSION, "installed"])
def python_path(request: pytest.FixtureRequest) -> str:
    """Where a program finds one or the other generation of paho-mqtt."""
    if request.param == "installed":
        return str(SUPPORT)
    return f"{old_paho.paho_1()}{os.pathsep}{SUPPORT}"


@pytest.mark.parametrize(
    ("level", "transport", "tls", "loop"),
    [
        pytest.param(3, "tcp", False, "thread", id="3.1"),
        pytest.param(4, "tcp", False, "thread", id="3.1.1"),
        pytest.param(4, "tcp", True, "own", id="3.1.1-tls-own_loop"),
        pytest.param(5, "tcp", False, "own", id="5.0-own_loop"),
        pytest.param(5, "tcp", True, "thread", id="5.0-tls"),
        pytest.param(4, "websockets", False, "own", id="3.1.1-websocket-own_loop"),
        pytest.param(5, "websockets", True, "thread", id="5.0-websocket-tls"),
    ],
)
async def test_paho_converses(
    broker: HubProcess,
    python_path: str,
    level: int,
    transport: str,
    tls: bool,  # noqa: FBT001 - a table
    loop: str,
) -> None:
    port = broker.port(websocket=transport == "websockets", tls=tls)
    ca = broker.folder / "ca.pem" if tls else "-"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "faulthandler", PROGRAM, str(port), str(level), transport),
        *(ca, loop),
        env={**os.environ, "PYTHONPATH": python_path, "PYTHONWARNINGS": "ignore"},
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
    assert process.returncode == 0, said.decode() + "\n".join(broker.lines[-20:])
