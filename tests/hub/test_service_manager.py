"""What a service manager is told, over a real datagram socket."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from leafhub.service_manager import Health, ServiceManager


class Listener:
    """The service manager's end."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(0)

    def heard(self) -> list[str]:
        """What came since the last call."""
        messages: list[str] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self._socket.recv(4096).decode())
        return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "path":
        return str(tmp_path / "notify")
    return f"@leafhub-test-{secrets.token_hex(8)}"


@pytest.fixture
def listener(name: str) -> Iterator[Listener]:
    listener = Listener("\0" + name[1:] if name.startswith("@") else name)
    yield listener
    listener.close()


def test_ready_and_stopping_with_words(name: str, listener: Listener) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": name})
    manager.ready("serving\nREADY=0 mqtt://127.0.0.1:1883")
    manager.stopping()
    assert listener.heard() == [
        "READY=1\nSTATUS=serving READY=0 mqtt://127.0.0.1:1883",
        "STOPPING=1\nSTATUS=stopping",
    ]


def test_its_variables_are_not_handed_on(name: str) -> None:
    environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    ServiceManager(environ)
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize(
    ("variables", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({}, None),
    ],
)
def test_whether_there_is_a_watchdog(variables: dict[str, str], watchdog_s: float | None) -> None:
    assert ServiceManager({"NOTIFY_SOCKET": "/x", **variables}).watchdog_s == watchdog_s


async def test_the_watchdog_hears_of_the_hub_only_while_it_is_well(
    name: str, listener: Listener
) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000"})
    now = Health("all is well")
    task = asyncio.create_task(manager.attend(lambda: now))
    heard: list[str] = []
    async with asyncio.timeout(10):
        while heard.count("WATCHDOG=1") < 3:
            await asyncio.sleep(0.01)
            heard += listener.heard()
        assert heard.count("STATUS=all is well") == 1  # once, as long as it stays so
        now = Health("the store is stuck", alive=False)
        while "STATUS=the store is stuck" not in heard:
            await asyncio.sleep(0.01)
            heard += listener.heard()
    assert heard[-1] == "STATUS=the store is stuck"
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert listener.heard() == []
    task.cancel()


async def test_without_a_service_manager_nothing_is_done() -> None:
    manager = ServiceManager({"WATCHDOG_USEC": "20000"})
    manager.ready("x")
    manager.stopping()
    await manager.attend(lambda: pytest.fail("nobody asked"))
    assert manager.watchdog_s is None


def test_one_that_does_not_listen_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    with caplog.at_level(logging.WARNING):
        manager.ready("x")
        manager.stopping()
    (record,) = caplog.records
    assert "No such file" in record.getMessage()


def test_one_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    listener = Listener(path)
    manager = ServiceManager({"NOTIFY_SOCKET": path})
    for _ in range(5_000):  # more than any socket's queue holds
        manager.stopping()
    assert 0 < len(listener.heard()) < 5_000
    listener.close()
