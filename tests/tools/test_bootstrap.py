"""When the environment is made, when it is brought up to date, and when neither."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from leafhub_tools.virtual_leaf import firmware_folder

SCRIPT = firmware_folder().parent / "tools" / "bootstrap.py"


class Machine:
    """A checkout in which programs are not run but noted: "venv", "packages", "itself"."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.done: list[str] = []
        self.interrupt_at = ""
        (root / "tools").mkdir(parents=True)
        (root / "tools" / "bootstrap.py").write_bytes(SCRIPT.read_bytes())
        (root / "requirements.lock").write_text("a==1\n")
        (root / "pyproject.toml").write_text("[project]\n")

    def make(self) -> list[str]:
        """Run the script; gives what it did."""
        assert self.start() == 0
        return self.done

    def start(self) -> object:
        """Run the script; gives its exit code."""
        self.done = []
        script = self.root / "tools" / "bootstrap.py"
        names = {"__name__": "bootstrap", "__file__": str(script)}
        exec(compile(script.read_text(), script, "exec"), names)  # noqa: S102 - it is ours
        main = names["main"]
        assert callable(main)
        return main()

    def run(self, command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        what = "venv" if "venv" in command else "itself" if "--editable" in command else "packages"
        self.done.append(what)
        if what == "venv":
            (self.root / ".venv" / "bin").mkdir(parents=True)
            (self.root / ".venv" / "bin" / "python").touch()
        if what == self.interrupt_at:
            raise KeyboardInterrupt
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path / "a checkout")
    monkeypatch.setattr(subprocess, "run", machine.run)
    return machine


EVERYTHING = ["venv", "packages", "itself"]


def test_second_call_does_nothing(machine: Machine) -> None:
    assert machine.make() == EVERYTHING
    assert machine.make() == []


def test_changed_lock_file_keeps_the_environment(machine: Machine) -> None:
    machine.make()
    (machine.root / "requirements.lock").write_text("a==2\n")
    assert machine.make() == ["packages", "itself"]
    assert machine.make() == []


@pytest.mark.parametrize("moment", EVERYTHING)
def test_what_was_interrupted_is_made_from_the_start(machine: Machine, moment: str) -> None:
    machine.interrupt_at = moment
    with pytest.raises(KeyboardInterrupt):
        machine.make()
    machine.interrupt_at = ""
    assert machine.make() == EVERYTHING
    assert machine.make() == []


def test_old_lock_file_after_an_interrupted_update_is_not_trusted(machine: Machine) -> None:
    machine.make()
    (machine.root / "requirements.lock").write_text("a==2\n")
    machine.interrupt_at = "packages"
    with pytest.raises(KeyboardInterrupt):
        machine.make()
    machine.interrupt_at = ""
    (machine.root / "requirements.lock").write_text("a==1\n")
    assert machine.make() == EVERYTHING


def test_moved_checkout_gets_a_new_environment(machine: Machine) -> None:
    machine.make()
    machine.root = machine.root.rename(machine.root.with_name("elsewhere"))
    assert machine.make() == EVERYTHING


def test_old_python_is_told_what_to_do(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8))
    assert machine.start() == 1
    assert machine.done == []
    told = capsys.readouterr().err
    assert "Leafhub needs Python 3.11 or later" in told
    assert "make PYTHON=python3.12" in told
