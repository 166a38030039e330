import contextlib
import json
import os
import resource
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from leafhub_tools.bench import __main__ as bench
from leafhub_tools.bench.brokers import Broker
from leafhub_tools.bench.scenarios import SCENARIOS, fan_out, idle, ingest, rest

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command with small scenarios, which any limit of open files lets pass."""
    monkeypatch.setattr(bench, "OPEN_FILES", 600)
    monkeypatch.setattr(rest, "SETTLING_S", 0.01)
    monkeypatch.setattr(idle, "CONNECTIONS", 20)
    monkeypatch.setattr(idle, "PAUSE_S", 0.01)
    monkeypatch.setattr(ingest, "BURSTS", 12)
    monkeypatch.setattr(fan_out, "BURSTS", 2)

    def run_it(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        return bench.main()

    return run_it


def test_every_scenario_is_asked_of_both(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--rounds", "1", "--json") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert " processors, " in report["machine"]
    assert [(one["name"], one["title"]) for one in report["scenarios"]] == [
        (one.name, one.title) for one in SCENARIOS
    ]
    for scenario in report["scenarios"]:
        assert list(scenario["measured"]) == ["leafhub", "mosquitto"]
        for (measurement,) in scenario["measured"].values():
            assert measurement["value"] > 0 or scenario["name"].startswith("idle")
            assert measurement["load_share"] >= 0
    assert printed.err.count("round 1 of 1: ") == 2 * len(SCENARIOS)


def test_a_second_start_is_on_the_folder_of_the_first(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found: list[int] = []

    def look(folder: Path) -> None:
        found.append(len(list(folder.iterdir())))
        (folder / str(len(found))).touch()

    @contextlib.asynccontextmanager
    async def start(folder: Path) -> AsyncIterator[Broker]:
        look(folder)
        yield Broker(
            name="own", pid=os.getpid(), port=0, tls_port=0, ca=folder, ready_s=found[-1] + 0.5
        )

    monkeypatch.setattr(bench, "CANDIDATES", {"own": start})
    assert run("--rounds", "1", "--only", "rest", "--json") == 0
    assert found == [0] * 3 + [0, 1] * 3
    measured = [
        (one["title"], one["measured"]["own"][0]["value"])
        for one in json.loads(capsys.readouterr().out)["scenarios"]
    ]
    resident, own, first, *_, second = measured
    assert min(resident[1], own[1]) > 1  # this process's, in MiB
    assert first == ("time until ready, first start", 500)
    assert second == ("time until ready, second start", 1500)


def test_the_table_tells_both_and_their_ratio(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--rounds", "2", "--only", "fan-out") == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "from 1 to 200" in line]
    assert line.count("±") == 2
    assert any("leafhub" in line and "mosquitto" in line and "ratio" in line for line in lines)


def test_too_few_open_files_are_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def limits(_kind: int) -> Sequence[int]:
        return 1024, 4096

    monkeypatch.setattr(resource, "getrlimit", limits)
    monkeypatch.setattr(bench, "OPEN_FILES", 6000)
    assert run("--only", "idle") == 1
    assert capsys.readouterr().err == (
        "bench: 6000 open files are needed, the limit is 4096; "
        "`ulimit -Hn 6000` as root raises it for a shell\n"
    )


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--only", "nothing"]])
def test_a_wrong_argument_is_told(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert arguments[1] in capsys.readouterr().err
