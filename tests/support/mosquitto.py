"""Debian's mosquitto_pub and mosquitto_sub: installed, or unpacked into the cache."""

import shutil
from pathlib import Path

from leafhub_tools import debian
from leafhub_tools.bringing import BringError, bring, say, work_folder

SHELF = "mosquitto"
PUB = "mosquitto_pub"
SUB = "mosquitto_sub"

_RECIPE = "1"  # part of the folder's name: a changed recipe unpacks anew
_PACKAGES = (
    "mosquitto-clients",
    "libmosquitto1",
    "libcjson1",
    "libssl3t64",
    "libzstd1",
    "zlib1g",
    "libc6",
)


def programs() -> tuple[Path, Path]:
    """``mosquitto_pub`` and ``mosquitto_sub``, fetched first if need be; no root is needed.

    Raises:
        BringError: They are not installed, and cannot be unpacked here.
    """
    installed = shutil.which(PUB), shutil.which(SUB)
    if installed[0] and installed[1]:
        return Path(installed[0]), Path(installed[1])
    try:
        folder = bring(SHELF, f"clients-{debian.SUITE}-{_RECIPE}", SUB, _make).parent
    except BringError as exc:
        raise BringError(f"{exc}\nsudo apt-get install mosquitto-clients helps") from exc
    return folder / PUB, folder / SUB


def _make(folder: Path) -> None:
    say(SHELF, f"fetching mosquitto-clients of Debian {debian.SUITE}")
    with work_folder(folder.parent) as work:
        debian.unpack_programs(folder, work, _PACKAGES, PUB, SUB)
