"""Which tests prove which statement, by what pytest collects."""

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import pytest
from statements import Standard

HERE: Final = Path(__file__).parent
_WRITES_TO: Final = "LEAFHUB_TESTS_COLLECTED"
Tests = Mapping[str, list[str]]
"""By the id of a statement, the tests that are marked with it: ``file::test[case]``."""


def proofs_of(standard: Standard) -> Tests:
    """Give the tests in the folder of ``standard``, and those beside it that are for every one."""
    return _collected()[standard.folder]


@functools.cache
def _collected() -> Mapping[str, Tests]:
    """Ask another pytest: this one may have been told to run a part."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        run = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "collected", str(HERE)],
            cwd=HERE.parents[2],
            env={**os.environ, _WRITES_TO: str(found), "PYTHONPATH": str(HERE)},
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(run.stdout + run.stderr)
        return msgspec.json.decode(found.read_bytes(), type=dict[str, dict[str, list[str]]])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down what the other pytest found; this module is its plugin."""
    found: dict[str, dict[str, list[str]]] = {"v3_1_1": {}, "v5_0": {}}
    for item in session.items:
        folder = item.path.parent.name
        for mark in item.iter_markers("spec"):
            for standard in [found[folder]] if folder in found else found.values():
                standard.setdefault(str(mark.args[0]), []).append(_name(item))
    Path(os.environ[_WRITES_TO]).write_bytes(msgspec.json.encode(found))


def _name(item: pytest.Item) -> str:
    return f"{item.path.name}::{item.name}"
