"""paho-mqtt, the last 1.x and the one installed, by every transport and both of its loops."""

import pytest
from hub_process import HubProcess
from paho_program import PAHOS, run


@pytest.mark.parametrize("paho", PAHOS)
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
    paho: str,
    level: int,
    transport: str,
    tls: bool,  # noqa: FBT001 - a table
    loop: str,
) -> None:
    port = broker.port(websocket=transport == "websockets", tls=tls)
    ca = str(broker.folder / "ca.pem") if tls else "-"
    arguments = (str(port), str(level), transport, ca, loop)
    await run(broker, paho, "paho_conversation.py", *arguments)
