import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from leafhub.cli import main
from leafhub.contract import operator_login


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
    for name in (
        *("init", "run", "apply", "export", "devices", "events", "command", "watch"),
        *("operator", "token"),
    ):
        assert f" {name} " in done.stdout
    assert "Watch the whole fleet" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
