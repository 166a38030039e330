import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from http_hub import READER, HttpHub

from leafhub.cli import main

pytestmark = pytest.mark.usefixtures("hub")


def give(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    """Run a command with ``--json`` and read what it gave."""
    assert main([*args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_apply_makes_what_devices_lists(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = give(capsys, "apply", str(document))
    assert report["created"] == ["greenhouse", "greenhouse/bed-1"]
    (device,) = give(capsys, "devices", "greenhouse")
    assert (device["id"], device["name"], device["state"]) == ("bed-1", "First bed", "never")


def test_a_person_reads_lines_and_what_to_do_next(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", str(document)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "created greenhouse",
        "created greenhouse/bed-1",
        "2 created, 0 updated, 0 unchanged",
    ]
    assert said.err.startswith("Next: `leafhub devices`")
    assert main(["devices"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split() == ["never", "greenhouse/bed-1", "First", "bed", "drogue", "never"]


def test_an_export_can_be_applied_again(
    document: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    give(capsys, "apply", str(document))
    copy = tmp_path / "copy.toml"
    assert main(["export", str(copy)]) == 0
    capsys.readouterr()
    assert copy.stat().st_mode & 0o777 == 0o600
    report = give(capsys, "apply", str(copy))
    assert (report["created"], report["updated"]) == ([], [])
    assert main(["export"]) == 0
    assert capsys.readouterr().out == copy.read_text()


def test_a_mistake_in_a_document_is_told_with_file_path_and_cure(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document.write_text(document.read_text().replace("credentials", "credentals"))
    assert main(["apply", str(document)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"leafhub: {document}: application[0].device[0].credentals: unknown key",
        "  Did you mean 'credentials'?",
    ]


def test_a_command_to_a_device_that_is_away_fails_with_code_4(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    give(capsys, "apply", str(document))
    assert main(["command", "greenhouse/First bed", "water", "5", "--wait"]) == 4
    said = capsys.readouterr()
    assert "failed" in said.out
    assert said.err.startswith("leafhub: the command failed")
    assert "leafhub events greenhouse/bed-1" in said.err


def test_a_command_with_json_gives_one_document_at_its_end(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    give(capsys, "apply", str(document))
    assert main(["command", "greenhouse/bed-1", "water", "--wait", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["state"] == "failed"


def test_a_hint_can_be_pasted_into_a_shell(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document.write_text(document.read_text().replace("bed-1", "bed 1; x"))
    give(capsys, "apply", str(document))
    assert main(["devices"]) == 0
    assert "`leafhub events 'greenhouse/bed 1; x'`" in capsys.readouterr().err


def test_what_a_device_is_called_cannot_steer_the_terminal(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document.write_text(document.read_text().replace("First bed", "\\u001b[2J\\u009b"))
    give(capsys, "apply", str(document))
    assert main(["devices"]) == 0
    assert r"\x1b[2J\x9b" in capsys.readouterr().out


def test_a_table_in_a_pipe_is_whole_and_without_padding(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document.write_text(document.read_text().replace("First bed", "x" * 800))
    give(capsys, "apply", str(document))
    assert main(["devices"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert "x" * 800 in row
    assert row.endswith("never")
    assert heading.endswith("reading")


def test_a_pipe_that_ends_early_is_no_failure(
    hub: HttpHub, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    give(capsys, "apply", str(document))
    program = "import sys; from leafhub.cli import main; sys.exit(main())"
    for args in (["export"], ["devices"], ["devices", "--json"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", program, *args, "--data", str(hub.folder.path)],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, "rror" in done.stderr) == (0, False), done.stderr


def test_events_shows_what_was_stored(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    give(capsys, "apply", str(document))
    page = give(capsys, "events", "greenhouse/bed-1", "--limit", "1")
    assert [event["kind"] for event in page["events"]] == ["registry"]
    assert main(["events"]) == 0
    assert "greenhouse/bed-1" in capsys.readouterr().out


def test_a_hub_elsewhere_is_named_by_address_and_token(hub: HttpHub, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert main(["devices", "--data", nowhere, "--hub", hub.plain, "--token", READER]) == 0


def test_who_may_only_read_is_told_so_with_code_1(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", str(document), "--token", READER]) == 1
    assert "may not do that: it takes the role 'admin'" in capsys.readouterr().err


def test_a_certificate_of_another_ca_is_not_trusted(
    hub: HttpHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert main(["devices", "--data", nowhere, "--hub", hub.tls, "--token", READER]) == 3
    assert "certificate" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args",
    [
        ["command", "greenhouse", "water"],
        ["command", "greenhouse/bed-1", "water", "not json"],
        ["events", "--limit", "0"],
        ["apply"],
        ["watr"],
    ],
)
def test_a_wrong_call_is_code_2(args: list[str]) -> None:
    assert main(args) == 2


@pytest.mark.parametrize("args", [["devices"], ["apply", "-"], ["export"], ["events"]])
def test_without_a_login_file_a_command_says_how_to_get_one(
    tmp_path: Path,
    args: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LEAFHUB_DATA", str(tmp_path))
    monkeypatch.setattr("sys.stdin.read", str, raising=False)
    assert main(args) == 1
    assert "leafhub init" in capsys.readouterr().err


def test_a_hub_that_does_not_answer_is_code_3_and_two_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(tmp_path)
    unused = "http://127.0.0.1:1"  # nothing listens on tcpmux
    assert main(["devices", "--data", data, "--hub", unused, "--token", "x"]) == 3
    cause, cure = capsys.readouterr().err.splitlines()
    assert cause.startswith(f"leafhub: no answer from the hub at {unused}")
    assert cure.startswith("  Start it with `leafhub run`")
