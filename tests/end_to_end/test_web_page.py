"""A web page that reads events, with the WebSocket of browsers as Node.js has it."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import node
import pytest
from raw_mqtt import raw_client
from whole_hub import TOKEN, RunningHub, running_hub
from worlds import DROGUE

PAGE = Path(__file__).with_name("web_page.js")
PATIENCE_S = 60
FEED = f"/plant-a/temp?username=operator&api_key={TOKEN}"
DATA = [1, {"t": 21}, "ä" * 7_000]  # the last one's length takes 16 bits in a frame


class Page:
    """A page that is open, and what it tells."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def told(self) -> Any:
        """The next line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self._process.stdout.readline() or b'"nothing"')

    def say(self, text: str) -> None:
        """Send a message."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")


@contextlib.asynccontextmanager
async def page(hub: RunningHub, scheme: str) -> AsyncIterator[Page]:
    """A page at ``http`` or ``https``, whose browser trusts the hub's CA."""
    address = f"{scheme.replace('http', 'ws')}://127.0.0.1:{hub.port(scheme)}{FEED}"
    process = await asyncio.create_subprocess_exec(
        *(await asyncio.to_thread(node.node), PAGE, address),
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(hub.folder / "ca.pem")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        opened = Page(process)
        assert await opened.told() == "open"
        yield opened
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_page_reads_events_until_the_hub_stops(tmp_path: Path, scheme: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        listeners = "[{port = 0}, {port = 0, tls = true}]"
        async with running_hub(tmp_path, LEAFHUB_HTTP__LISTENERS=listeners) as hub:
            await hub.apply(DROGUE)
            reading = await stack.enter_async_context(page(hub, scheme))
            mistaken = await stack.enter_async_context(page(hub, scheme))
            mistaken.say("hello")
            assert (await mistaken.told())["code"] == 1002
            async with raw_client(hub.plain_port, protocol_level=4, settle=hub.settle) as device:
                await device.connect("", "dev1@plant-a", "pw1")
                for data in DATA:
                    await device.publish("temp", json.dumps(data, ensure_ascii=False))
                assert [(await reading.told())["data"] for _ in DATA] == DATA
        end = {"code": 1001, "reason": "the hub is stopping", "wasClean": True}
        assert await reading.told() == end
