import asyncio
import contextlib
import json
import os
import pty
from collections.abc import AsyncIterator

import mosquitto
import msgspec
import pytest
import pytest_asyncio
from hub_process import HubProcess

from leafhub.contract import live_feed, operator_login

PATIENCE_S = 15
DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
credentials = [{ password = "sunshine" }]
"""
LOGIN = ("-u", "bed-1@greenhouse", "-P", "sunshine")


class Programs:
    """The programs, set to one version of MQTT and to one of the hub's ports."""

    def __init__(self, hub: HubProcess, *, version: str, tls: bool) -> None:
        self.hub = hub
        self.pub, self.sub = mosquitto.programs()
        self._options = ["-h", "127.0.0.1", "-V", version, "-p"]
        if tls:
            self._options += [str(hub.tls_port), "--cafile", str(hub.folder / "ca.pem")]
        else:
            self._options += [str(hub.plain_port)]

    async def publish(self, *arguments: str) -> tuple[int | None, str]:
        """Run mosquitto_pub to its end; gives exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            self.pub,
            *self._options,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_S):
            output, _ = await process.communicate()
        return process.returncode, output.decode()

    @contextlib.asynccontextmanager
    async def subscribed(self, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
        """mosquitto_sub while it runs and is subscribed; gives what it prints from then on.

        It prints to a terminal: into a pipe it would tell that it is subscribed only at its end.
        """
        ours, its = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            self.sub,
            "-d",
            *self._options,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=its,
            stderr=its,
        )
        os.close(its)
        lines = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(ours, "rb", buffering=0)
        )
        try:
            await _until(lines, "Subscribed (mid: 1): ")
            yield lines
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            transport.close()


@pytest.fixture(params=["311", "5"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest_asyncio.fixture
async def programs(hub: HubProcess, version: str, tls: bool) -> Programs:  # noqa: FBT001 - a fixture
    await hub.operator.apply(DOCUMENT)
    return Programs(hub, version=version, tls=tls)


async def test_drogue_device_publishes_obeys_and_is_watched(programs: Programs) -> None:
    hub = programs.hub
    login = operator_login.load(hub.folder)
    operator = ("-u", login.name, "-P", login.token)
    async with programs.subscribed(
        *operator, "-t", "app/greenhouse", "-F", "message %t %p"
    ) as feed:
        for qos, value in (("0", "20.5"), ("1", "21.5")):
            code, said = await programs.publish(
                *LOGIN, "-t", "temperature", "-m", value, "-q", qos
            )
            assert (code, said) == (0, "")
            _, topic, payload = (await _until(feed, '"temperature"')).split(" ", 2)
            event = live_feed.decode_event(payload.encode())
            assert (topic, event.device, event.subject) == (
                "app/greenhouse",
                "bed-1",
                "temperature",
            )
            assert event.data is not msgspec.UNSET
            assert bytes(event.data) == value.encode()
    page = await hub.operator.events(application="greenhouse", channel="temperature")
    assert [bytes(event.data) for event in page.events] == [b"21.5", b"20.5"]

    device = (*LOGIN, "-t", "command/inbox/#", "-F", "message %t %p")
    async with programs.subscribed(*device) as inbox:
        sent = await hub.operator.command("greenhouse", "bed-1", "set-temp", {"target": 24})
        _, topic, payload = (await _until(inbox, "message ")).split(" ", 2)
        assert topic == "command/inbox//set-temp"
        assert json.loads(payload) == {"target": 24}
        assert (await hub.operator.command_end(sent, wait_s=0)).state == "sent"


async def test_wrong_password_is_told(hub: HubProcess, version: str) -> None:
    await hub.operator.apply(DOCUMENT)
    programs = Programs(hub, version=version, tls=True)
    code, said = await programs.publish(
        "-u", "bed-1@greenhouse", "-P", "rain", "-t", "temperature", "-m", "1"
    )
    assert code not in {0, None}
    assert "bad user name or password" in said.lower()
    page = await programs.hub.operator.events(application="greenhouse", channel="temperature")
    assert page.events == []


async def _until(lines: asyncio.StreamReader, text: str) -> str:
    """Read on to a line with ``text`` in it."""
    said = []
    async with asyncio.timeout(PATIENCE_S):
        while line := await lines.readline():
            said.append(line.decode().rstrip())
            if text in said[-1]:
                return said[-1]
    raise AssertionError(f"it ended before {text!r}:\n" + "\n".join(said))
