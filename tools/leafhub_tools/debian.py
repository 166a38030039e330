"""Debian's packages without root and without a change to the system: fetched, checked, unpacked.

``LEAFHUB_DEBIAN_MIRROR`` names another mirror than the one this computer uses.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from leafhub_tools.bringing import BringError, need, run

SUITE = "trixie"
"""Debian 13: its packages stay for years, whereas sid's may be replaced any day."""

_KEYRING = Path("usr/share/keyrings/debian-archive-keyring.gpg")
_KEYRING_PACKAGE = "debian-archive-keyring"
_BINARY_ARCHITECTURES = ("amd64", "arm64", "armhf")

_WRAPPER = """#!/bin/sh
here=$(PATH=/usr/bin:/bin; dirname "$(readlink -f "$0")")
exec "$here/{loader}" --library-path "$here/{libraries}" "$here/{binary}" "$@"
"""


def unpack_programs(folder: Path, work: Path, packages: Sequence[str], *programs: str) -> None:
    """Put ``programs`` into ``folder``, unpacked with the libraries they need.

    Args:
        folder: Gets a wrapper for each program, and all that is in the packages.
        work: For what is not needed afterwards.
        packages: Debian's binary packages: of the programs and of every library, libc6 among them.
        programs: Their names in ``/usr/bin`` or ``/usr/sbin``.

    Raises:
        BringError: No apt-get, no packages for this computer, or nobody who has them.
    """
    dpkg_deb = need("dpkg-deb")
    architecture = run("ask for the architecture", [need("dpkg"), "--print-architecture"]).strip()
    if architecture not in _BINARY_ARCHITECTURES:
        known = ", ".join(_BINARY_ARCHITECTURES)
        raise BringError(f"Debian's binaries are used on {known} only; this is {architecture}")
    apt = PrivateApt(work / "apt", "deb")
    apt.run("fetch the binaries", "download", *packages)
    root = folder / "root"
    for package in sorted(apt.downloads.glob("*.deb")):
        run(f"unpack {package.name}", [dpkg_deb, "-x", str(package), str(root)])
    loader = next(iter(sorted(root.glob("usr/lib/*/ld-linux*.so.*"))), None)
    if loader is None:
        raise BringError("Debian's libc6 holds no ld-linux; its layout has changed")
    for program in programs:
        binary = next(iter(root.glob(f"usr/*bin/{program}")), None)
        if binary is None:
            raise BringError(f"none of Debian's packages holds {program}; its place has changed")
        wrapper = folder / program
        wrapper.write_text(
            _WRAPPER.format(
                loader=loader.relative_to(folder),
                libraries=loader.parent.relative_to(folder),
                binary=binary.relative_to(folder),
            )
        )
        wrapper.chmod(0o755)


class PrivateApt:
    """apt-get with lists, downloads and sources of its own: no root, nothing changed outside."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._apt_get = need("apt-get")
        self.downloads = folder / "downloads"
        for name in ("lists/partial", "cache/archives/partial", "parts", "downloads"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        keys = keyring(folder)
        (folder / "sources.list").write_text(
            f"{kind} [signed-by={keys}] {mirror()} {SUITE} main\n"
        )
        settings = {
            "Dir::State": folder,
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": folder / "parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": folder / "parts",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",  # as whom it already runs; silences a warning
            "APT::Update::Post-Invoke::": "",
        }
        self._options = [f"-o{key}={value}" for key, value in settings.items()]
        self.run(f"read the package lists of {mirror()}", "update")

    def run(self, what: str, *arguments: str) -> None:
        """Run one command of apt-get; ``what`` is for the text of an error."""
        run(what, [self._apt_get, "-q", *self._options, *arguments], folder=self.downloads)


def mirror() -> str:
    """Return the Debian mirror that this computer already uses, else Debian's own."""
    configured = os.environ.get("LEAFHUB_DEBIAN_MIRROR")
    if configured:
        return configured
    etc = Path("/etc/apt")
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if not path.is_file() or not os.access(path, os.R_OK):
            continue
        found = re.search(
            r"^(?:URIs:|deb\b)[^#\n]*?\s(https?://\S+/debian/?)(?:\s|$)",
            path.read_text(errors="replace"),
            re.MULTILINE,
        )
        if found:
            return found[1]
    return "http://deb.debian.org/debian"  # every file is checked against the keyring


def keyring(folder: Path) -> Path:
    """Return Debian's keyring; where it is not installed (Ubuntu), out of Ubuntu's package."""
    installed = "/" / _KEYRING
    if installed.is_file():
        return installed
    try:
        run(
            f"fetch {_KEYRING_PACKAGE}",
            [need("apt-get"), "-q", "download", _KEYRING_PACKAGE],
            folder=folder / "downloads",
        )
        package = next((folder / "downloads").glob(f"{_KEYRING_PACKAGE}_*.deb"))
        run("unpack it", [need("dpkg-deb"), "-x", str(package), str(folder / "keyring")])
    except (BringError, StopIteration) as exc:
        raise BringError(
            f"Debian's keys are missing: sudo apt-get install {_KEYRING_PACKAGE}"
        ) from exc
    return folder / "keyring" / _KEYRING
