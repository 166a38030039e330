import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leafhub import config
from leafhub.cli import main
from leafhub.contract import operator_login

# Says at the end what it had loaded.
LEAFHUB = """
import sys
from leafhub.cli import main
code = main()
print(*sys.modules)
sys.exit(code)
"""
FREE_PORTS = {
    "LEAFHUB_MQTT__LISTENERS": (
        '[{host = "127.0.0.1", port = 0}, {host = "127.0.0.1", port = 0, tls = true, '
        "websocket = true}]"
    ),
    "LEAFHUB_HTTP__LISTENERS": '[{port = 0}, {host = "127.0.0.1", port = 0, tls = true}]',
}
NEEDLESS = {
    "alembic",  # for old databases
    "attr",  # Litestar would serve its users
    "httpx",  # for the commands that ask a hub, and for rules that ask endpoints
    "pydantic",  # typer and Litestar would load it
    "rich",  # for terminals
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
    "typer",
}
"""Modules that would stay in the hub's memory for months, and serve nothing there."""


class Hub:
    def __init__(self, data: Path, process: subprocess.Popen[str]) -> None:
        self.data = data
        self.process = process
        self.log = ""
        self.modules: set[str] = set()

    def login(self) -> operator_login.OperatorLogin:
        """Wait until the login points at what is served."""
        for _ in range(200):
            if (self.data / "operator.json").exists():
                login = operator_login.load(self.data)
                if not login.http.endswith(":0") and self._answers(login):
                    return login
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(0.05)
        pytest.fail("the hub was not there after 10 s")

    def _answers(self, login: operator_login.OperatorLogin) -> bool:
        """Whether it is served there, by this hub and not by one before."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(
                f"{login.http}/api/v1/status",
                auth=(login.name, login.token),
                verify=ssl.create_default_context(cafile=login.ca),
                trust_env=False,
            ).is_success
        return False


@contextlib.contextmanager
def running(data: Path, *options: str) -> Iterator[Hub]:
    """A hub in its own process; when the context ends, it is told to stop and says all."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", LEAFHUB, "run", "--data", str(data), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **FREE_PORTS},
    )
    hub = Hub(data, process)
    try:
        yield hub
    finally:
        process.send_signal(signal.SIGINT)
        modules, hub.log = process.communicate(timeout=20)
    assert process.returncode == 0, hub.log
    hub.modules.update(modules.split())


def test_run_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with running(tmp_path / "data") as hub:
        hub.login()
        assert main(["devices", "--data", str(hub.data)]) == 0
    assert "Traceback" not in hub.log
    assert "made operator.json" in hub.log
    assert hub.log.splitlines()[-1].endswith("nothing acknowledged is lost")


def test_a_hub_holds_nothing_that_only_others_need(tmp_path: Path) -> None:
    for start in ("first", "second"):
        with running(tmp_path / "data") as hub:
            hub.login()
        assert "leafhub.http_server.app" in hub.modules
        assert not NEEDLESS & hub.modules, start


def test_a_quiet_hub_says_only_what_is_wrong(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--quiet") as hub:
        hub.login()
    assert hub.log == ""


def test_a_log_for_programs_is_one_object_a_line(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--json") as hub:
        hub.login()
    entries = [json.loads(line) for line in hub.log.splitlines()]
    assert any(entry["message"].startswith("ready") for entry in entries)
    assert {"time", "level", "logger", "message"} <= set(entries[0])


def test_run_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: leafhub run ")
    assert all(option in said for option in ("--data FOLDER", "--quiet", "--json"))


def test_a_wrong_call_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    assert main(["run", "--data", str(data), "--quite"]) == 2
    assert "unrecognized arguments: --quite" in capsys.readouterr().err
    assert not data.exists()


def test_a_wrong_configuration_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "leafhub.toml").write_text("[mqtt]\nconect_time_s = 1")
    assert main(["run", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"leafhub: {tmp_path}/leafhub.toml: mqtt.conect_time_s: unknown key",
        "  Did you mean 'connect_time_s'?",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["leafhub.toml"]


def test_ctrl_c_before_the_hub_serves_ends_it_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_folder: Path) -> config.Config:
        raise KeyboardInterrupt

    monkeypatch.setattr(config, "load", interrupt)
    assert main(["run", "--data", str(tmp_path)]) == 130
    assert capsys.readouterr() == ("", "")
