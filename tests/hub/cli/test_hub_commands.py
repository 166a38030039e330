import json
import os
import signal
import ssl
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import httpx
import pytest

from leafhub.cli import main
from leafhub.contract import operator_login

LEAFHUB = [sys.executable, "-c", "import sys; from leafhub.cli import main; sys.exit(main())"]
FREE_PORTS = {
    "LEAFHUB_MQTT__LISTENERS": '[{host = "127.0.0.1", port = 0}]',
    "LEAFHUB_HTTP__LISTENERS": '[{port = 0}, {host = "127.0.0.1", port = 0, tls = true}]',
}


def test_init_makes_a_private_folder_and_twice_is_no_harm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "new" / "data"
    assert main(["init", "--data", str(data), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["made"]) == 4
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "operator.json").stat().st_mode & 0o777 == 0o600
    token = operator_login.load(data).token
    assert main(["init", "--data", str(data)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{data} is complete\n"
    assert "leafhub run" in said.err
    assert operator_login.load(data).token == token


def test_config_prints_a_file_that_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "--data", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["domain"] == "leafhub.local"
    (tmp_path / "leafhub.toml").write_text(text)
    assert main(["config", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out == text
    assert main(["config", "--schema"]) == 0
    assert "Sections" in json.loads(capsys.readouterr().out)["$defs"]


def test_a_wrong_configuration_is_told_in_two_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "leafhub.toml").write_text("[mqtt]\nconect_time_s = 1")
    assert main(["config", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"leafhub: {tmp_path}/leafhub.toml: mqtt.conect_time_s: unknown key",
        "  Did you mean 'connect_time_s'?",
    ]


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"][0].isdigit()


def test_help_names_every_command_without_loading_other_rooms() -> None:
    program = (
        "import sys\nfrom leafhub.cli import main\nmain(['--help'])\n"
        "rooms = {'textual', 'litestar', 'sqlalchemy', 'leafhub_tui.app', 'esptool'}\n"
        "print(sorted(rooms & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "100"},
    )
    for name in ("init", "run", "apply", "export", "devices", "events", "command", "watch"):
        assert f" {name} " in done.stdout
    assert "Watch the whole fleet" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_run_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*LEAFHUB, "run", "--data", str(data)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **FREE_PORTS},
    )
    try:
        login = _served(data, process)
        answer = httpx.get(
            f"{login.http}/api/v1/status",
            auth=(login.name, login.token),
            verify=ssl.create_default_context(cafile=login.ca),
            trust_env=False,
        )
        assert answer.status_code == 200
        assert main(["devices", "--data", str(data)]) == 0
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "made operator.json" in said
    assert said.splitlines()[-1].endswith("nothing acknowledged is lost")


def _served(data: Path, process: subprocess.Popen[str]) -> operator_login.OperatorLogin:
    """Wait until the login points at what is served."""
    for _ in range(200):
        if (data / "operator.json").exists():
            login = operator_login.load(data)
            if not login.http.endswith(":0"):
                return login
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    pytest.fail("the hub was not there after 10 s")
