"""Fixtures that more than one room needs."""

from pathlib import Path

import pytest

from leafhub_tools import micropython


@pytest.fixture(scope="session")
def micropython_interpreter() -> Path:
    """A real MicroPython for this computer; built at the first run, half a minute at most."""
    return micropython.interpreter()


@pytest.fixture(scope="session")
def umqtt_folder() -> Path:
    """A folder with umqtt.simple for ``MICROPYPATH``."""
    return micropython.umqtt()
