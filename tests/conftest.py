"""Fixtures that more than one room needs."""

import signal
from pathlib import Path

import pytest

from leafhub_tools import micropython


def pytest_configure() -> None:
    """Let Ctrl-C be heard: a shell that starts us in the background has it ignored.

    The programs that tests start inherit that, and some are asked to end by this very signal.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def micropython_interpreter() -> Path:
    """A real MicroPython for this computer; built at the first run, half a minute at most."""
    return micropython.interpreter()


@pytest.fixture(scope="session")
def umqtt_folder() -> Path:
    """A folder with umqtt.simple for ``MICROPYPATH``."""
    return micropython.umqtt()
