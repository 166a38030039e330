"""Debian's mosquitto, the broker to compare with: installed, or unpacked into the cache."""

import shutil
from pathlib import Path

from leafhub_tools import debian
from leafhub_tools.bringing import BringError, bring, say, work_folder

SHELF = "mosquitto"
PROGRAM = "mosquitto"

_RECIPE = "1"  # part of the folder's name: a changed recipe unpacks anew
_PACKAGES = (
    "mosquitto",
    "libcap2",
    "libdlt2",
    "libssl3t64",
    "libsystemd0",
    "libwebsockets19t64",
    "libwrap0",
    "libzstd1",
    "zlib1g",
    "libc6",
)


def broker() -> Path:
    """The broker's program, fetched first if need be; no root is needed.

    Raises:
        BringError: It is not installed, and cannot be unpacked here.
    """
    installed = shutil.which(PROGRAM, path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if installed:
        return Path(installed)
    try:
        return bring(SHELF, f"broker-{debian.SUITE}-{_RECIPE}", PROGRAM, _make)
    except BringError as exc:
        raise BringError(f"{exc}\nsudo apt-get install mosquitto helps") from exc


def _make(folder: Path) -> None:
    say(SHELF, f"fetching mosquitto of Debian {debian.SUITE}")
    with work_folder(folder.parent) as work:
        debian.unpack_programs(folder, work, _PACKAGES, PROGRAM)
