import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest

from leafhub.cli import extensions, main

Entry = importlib.metadata.EntryPoint


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Puts a module there, and an entry point for its function ``run``."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(module: str, content: str, name: str) -> None:
        (tmp_path / f"{module}.py").write_text(content)
        points = [Entry(name, f"{module}:run", extensions.GROUP)]
        monkeypatch.setattr(
            importlib.metadata,
            "entry_points",
            lambda group: points if group == extensions.GROUP else [],
        )

    return put


def test_a_command_of_another_package_gets_its_options(
    install: Callable[[str, str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        "greeting_a",
        "def run(name: str, loud: bool = False) -> None:\n    print(name, loud)\n",
        "greet",
    )
    assert main(["greet", "you", "--loud"]) == 0
    assert capsys.readouterr().out == "you True\n"


def test_its_help_is_its_own(
    install: Callable[[str, str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    install("greeting_b", 'def run(name: str) -> None:\n    """Say hello."""\n', "greet")
    assert main(["greet", "--help"]) == 0
    assert "leafhub greet" in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert "Say hello." in capsys.readouterr().out


def test_its_exit_code_is_passed_on(install: Callable[[str, str, str], None]) -> None:
    install("greeting_c", "import typer\ndef run() -> None:\n    raise typer.Exit(7)\n", "greet")
    assert main(["greet"]) == 7


def test_a_missing_package_says_which_extra_brings_it(
    install: Callable[[str, str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    install("leafhub_sky", "import no_such_package\n", "fly")
    assert main(["fly"]) == 1
    cause, cure = capsys.readouterr().err.splitlines()
    assert cause == "leafhub: `leafhub fly` needs no_such_package, which is not installed"
    assert cure == "  Run `pip install 'leafhub[sky]'`."
