import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import old_paho
import pytest
import pytest_asyncio
from eventually import eventually
from hub_process import HubProcess

from leafhub.contract.operator_api import EventRecord

SCRIPTS = Path(__file__).parent / "murano_scripts"
PATIENCE_S = 30
CONNECTOR = """
[[application]]
name = "workshop"
dialect = "murano"
[application.settings]
identity = { type = "base10" }
[application.settings.resources]
temperature = { format = "number", unit = "Cel" }
set-temp = { format = "number", settable = true }
greeting = { settable = true }
"""


@pytest.fixture(params=[old_paho.VERSION, "installed"])
def paho(request: pytest.FixtureRequest) -> dict[str, str]:
    """Variables with which a script finds one or the other generation of paho-mqtt."""
    if request.param == "installed":
        return {}
    return {"PYTHONPATH": str(old_paho.paho_1())}


class Person:
    """Runs the vendor's scripts in a folder of their own, and answers what they ask."""

    def __init__(self, hub: HubProcess, folder: Path, paho: dict[str, str]) -> None:
        self.hub = hub
        self.folder = folder
        self._environment = {**os.environ, **paho, "PYTHONWARNINGS": "ignore"}
        self._started: list[asyncio.subprocess.Process] = []

    @property
    def token(self) -> Path:
        return self.folder / "token.txt"

    async def start(self, script: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            SCRIPTS / script,
            "127.0.0.1",
            str(self.hub.tls_port),
            self.hub.folder / "ca.pem",
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._started.append(process)
        return process

    async def run(self, script: str, *answers: str) -> tuple[int | None, str]:
        """Run a script to its end; gives exit code and output."""
        process = await self.start(script)
        async with asyncio.timeout(PATIENCE_S):
            output, _ = await process.communicate("".join(f"{a}\n" for a in answers).encode())
        return process.returncode, output.decode()

    async def close(self) -> None:
        for process in self._started:
            if process.returncode is None:
                process.kill()
            await process.communicate()


@pytest_asyncio.fixture
async def person(hub: HubProcess, tmp_path: Path, paho: dict[str, str]) -> AsyncIterator[Person]:
    await hub.operator.apply(CONNECTOR)
    folder = tmp_path / "scripts"
    folder.mkdir()
    somebody = Person(hub, folder, paho)
    yield somebody
    await somebody.close()


async def test_provisioned_token_publishes_and_hears_what_the_cloud_sets(person: Person) -> None:
    code, output = await person.run("provision.py", "12345")
    assert code == 0, output
    assert "Provisioned: 12345" in output
    assert re.fullmatch("[A-Za-z0-9]{40}", person.token.read_text())

    code, output = await person.run("publish.py", "temperature", "21.5")
    assert code == 0, output

    async def readings() -> list[EventRecord]:
        page = await person.hub.operator.events(application="workshop", channel="temperature")
        return page.events

    (event,) = await eventually(readings)
    assert (event.device, bytes(event.data)) == ("12345", b"21.5")
    assert event.topic == "$resource/temperature"

    for name, value in (("set-temp", 19), ("greeting", "Grüße")):  # both wait for the device
        await person.hub.operator.command("workshop", "12345", name, value)
    process = await person.start("subscribe.py")
    await _line(process, r"set-temp is 19 since \d{16}\b")
    await _line(process, r"greeting is Grüße since \d{16}\b")
    await person.hub.operator.command("workshop", "12345", "set-temp", 23.5)
    await _line(process, r"set-temp is 23.5 since \d{16}\b")
    assert process.returncode is None


async def test_identity_of_a_wrong_format_ends_with_an_error(person: Person) -> None:
    code, output = await person.run("provision.py", "lathe")
    assert code == 1, output
    assert "Disconnected with error: 7" in output
    assert not person.token.exists()
    assert "Traceback" not in output


async def test_second_provisioning_of_an_identity_ends_with_an_error(person: Person) -> None:
    code, output = await person.run("provision.py", "12345")
    assert code == 0, output
    token = person.token.read_text()
    code, output = await person.run("provision.py", "12345")
    assert code == 1, output
    assert "Disconnected with error: 7" in output
    assert person.token.read_text() == token
    code, output = await person.run("publish.py", "temperature", "4")
    assert code == 0, output  # the token is as good as before


async def test_wrong_token_stores_nothing(person: Person) -> None:
    code, output = await person.run("provision.py", "12345")
    assert code == 0, output
    person.token.write_text("x" * 40)
    _, output = await person.run("publish.py", "temperature", "4")
    assert "Connected with code: 4" in output
    page = await person.hub.operator.events(application="workshop", channel="temperature")
    assert page.events == []


async def _line(process: asyncio.subprocess.Process, pattern: str) -> None:
    """Read on until a whole line fits."""
    assert process.stdout is not None
    said = []
    async with asyncio.timeout(PATIENCE_S):
        while line := await process.stdout.readline():
            said.append(line.decode().rstrip())
            if re.fullmatch(pattern, said[-1]):
                return
    raise AssertionError(f"it ended before {pattern!r}:\n" + "\n".join(said))
