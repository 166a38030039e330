"""The page about Drogue Cloud: what it tells people to type does what it says."""

import asyncio
import contextlib
import os
import shlex
import sys
from pathlib import Path

import curl
import mosquitto
import pytest
from documentation import DIALECTS, examples
from hub_process import LEAFHUB, HubProcess
from mosquitto_clients import Programs, Subscriber
from msgspec.structs import fields

from leafhub.contract import operator_login
from leafhub.dialects.drogue.spec import Options

PAGE = DIALECTS / "drogue.md"
PATIENCE_S = 30


class Terminal:
    """A person's terminal beside a hub."""

    def __init__(self, hub: HubProcess, folder: Path) -> None:
        login = operator_login.load(hub.folder)
        self._token = login.token
        self._data = hub.folder
        self._programs = Programs(hub, version="311")
        self._elsewhere = {
            "-h pi.local -p 8883 ": f"-h 127.0.0.1 -p {hub.tls_port} ",
            "-h pi.local ": f"-h 127.0.0.1 -p {hub.plain_port} ",
            "http://localhost:8080": login.http,
        }
        stand_in = folder / "curl"
        stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} {curl.__file__} "$@"\n')
        stand_in.chmod(0o755)
        self._path = os.pathsep.join(
            map(str, (folder, mosquitto.programs()[0].parent, LEAFHUB.parent, os.environ["PATH"]))
        )

    async def run(self, block: str) -> str:
        """Type a block of commands; gives what they print."""
        for there, here in self._elsewhere.items():
            block = block.replace(there, here)
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-euc",
            block,
            cwd=self._data,
            env={
                **os.environ,
                "PATH": self._path,
                "TOKEN": self._token,
                "LEAFHUB_DATA": str(self._data),
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
        assert process.returncode == 0, f"{block}\n{said.decode()}"
        return said.decode()

    def listen(self, block: str) -> contextlib.AbstractAsyncContextManager[Subscriber]:
        """Type a ``mosquitto_sub`` that stays."""
        _, *words = shlex.split(block.replace("-h pi.local ", "").replace("$TOKEN", self._token))
        return self._programs.subscribed(*words)


async def test_the_five_steps(hub: HubProcess, tmp_path: Path) -> None:
    terminal = Terminal(hub, tmp_path)
    steps = examples(PAGE, "sh")
    listening = [step for step in steps if step.startswith("mosquitto_sub ")]
    declare, hear, tell, wait, command, let_in = steps
    assert listening == [hear, wait]
    await terminal.run(declare)
    async with terminal.listen(hear) as application:
        await terminal.run(tell)
        assert '"data":{"temp": 21}' in await application.until('"subject":"temp"')
        assert '"data":{"temp": 22}' in await application.until('"subject":"temp"')
        async with terminal.listen(wait) as device:
            await terminal.run(command)
            await device.until('command/inbox//set-temp {"target": 23}')
            await device.until('command/inbox//set-temp {"target": 24}')
    assert "\ndrg_" in await terminal.run(let_in)


@pytest.mark.parametrize("option", [field.encode_name for field in fields(Options)])
def test_every_option_is_told(option: str) -> None:
    assert f"\n| `{option}` | " in PAGE.read_text()
