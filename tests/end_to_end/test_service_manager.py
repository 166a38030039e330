"""What a hub started by systemd tells it, over a real socket."""

import asyncio
import contextlib
import socket
from pathlib import Path

from eventually import eventually
from hub_process import HubProcess, hub_process


async def test_ready_alive_stopping(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(0)

        def listen() -> list[str]:
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.append(manager.recv(4096).decode())
            return heard

        hub = HubProcess(tmp_path / "data", NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
        try:
            await hub.start()
            assert listen()[0].startswith("READY=1\nSTATUS=serving at mqtt://127.0.0.1:")
            await eventually(lambda: asyncio.sleep(0, listen().count("WATCHDOG=1") >= 3))
            code, _ = await hub.terminate()
        finally:
            await hub.close()
        assert code == 0
        assert listen()[-1] == "STOPPING=1\nSTATUS=stopping"
    assert {one.split("\n")[0] for one in heard} == {"READY=1", "WATCHDOG=1", "STOPPING=1"}


async def test_a_service_manager_that_is_not_there_keeps_no_hub_from_its_work(
    tmp_path: Path,
) -> None:
    variables = {"NOTIFY_SOCKET": "@leafhub-nobody-listens", "WATCHDOG_USEC": "400000"}
    async with hub_process(tmp_path / "data", **variables) as hub:
        await hub.line("the service manager cannot be told")
        assert (await hub.operator.http.get("/healthz")).status_code == 200
