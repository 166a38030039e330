"""Fixtures that more than one room needs."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from turns import turn

from leafhub_tools import micropython


def pytest_configure() -> None:
    """Let Ctrl-C be heard: a shell that starts us in the background has it ignored.

    The programs that tests start inherit that, and some are asked to end by this very signal.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _turn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Where several tests run at a time, one marked ``alone`` waits for the others to end."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    alone = request.node.get_closest_marker("alone") is not None
    with turn(tmp_path_factory.getbasetemp().parent, alone=alone):
        yield


@pytest.fixture(scope="session")
def micropython_interpreter() -> Path:
    """A real MicroPython for this computer; built at the first run, half a minute at most."""
    return micropython.interpreter()


@pytest.fixture(scope="session")
def umqtt_folder() -> Path:
    """A folder with umqtt.simple for ``MICROPYPATH``."""
    return micropython.umqtt()
