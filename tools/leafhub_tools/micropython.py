"""Bring a MicroPython interpreter for this computer, and umqtt.simple, into a cache folder.

Virtual leaves and the tests of the firmware run the firmware in a real MicroPython. No registry
offers one for every computer, so three ways are tried in turn:

1. With apt-get and a C compiler: build the unix port from Debian's source packages, with the
   TLS library bundled as on a Pico W (TLS 1.2, certificates in DER only). About half a minute.
2. With apt-get alone: unpack Debian's binary packages. Their TLS library can more than a board's.
3. A ``micropython`` that is installed already (macOS: ``brew install micropython``).

Neither way needs root. ``python -m leafhub_tools.micropython`` does it and prints the paths.
``LEAFHUB_CACHE`` names another cache than the repository's ``.cache``, ``LEAFHUB_DEBIAN_MIRROR``
another Debian mirror, ``PIP_INDEX_URL`` another package index.
"""

import io
import os
import shlex
import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from leafhub_tools import debian, package_index
from leafhub_tools.bringing import BringError, bring, need, run, say, work_folder

SHELF = "micropython"
"""Its folder in the cache, and what its lines of progress begin with."""

OLDEST = (1, 24)
"""The oldest MicroPython on which the firmware runs."""

UMQTT_VERSION = "1.3.4"
UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"

_RECIPE = "1"  # part of the folder's name: a changed recipe builds anew
_BINARY_PACKAGES = (
    "micropython",
    "libc6",
    "libffi8",
    "libmbedcrypto16",
    "libmbedtls21",
    "libmbedx509-7",
)
_PROBE_TIMEOUT_S = 30

_PROBE = (
    "import sys, tls, asyncio, socket, select, json, random, struct, binascii;"
    "print(*sys.implementation.version[:2])"
)
"""Everything the firmware imports, so that a crippled interpreter is found here and not later."""


def interpreter() -> Path:
    """Return the path of a MicroPython interpreter, made first if need be.

    Raises:
        BringError: No way leads to an interpreter on this computer.
    """
    return bring(SHELF, f"interpreter-{debian.SUITE}-{_RECIPE}", "micropython", _make_interpreter)


def umqtt() -> Path:
    """Return a folder that contains ``umqtt/simple.py``, downloaded first if need be.

    Raises:
        BringError: The package index does not answer or does not have it.
    """
    made = bring(SHELF, f"umqtt-{UMQTT_VERSION}", "umqtt/simple.py", _make_umqtt)
    return made.parents[1]


def main() -> int:
    """Bring both and print where they are; 1 and the reason when that is impossible."""
    try:
        print(interpreter())  # noqa: T201 - the paths are this command's output
        print(umqtt())  # noqa: T201 - as above
    except BringError as exc:
        _say(str(exc))
        return 1
    except KeyboardInterrupt:
        _say("interrupted; nothing half made stays")
        return 130
    return 0


def _say(text: str) -> None:
    say(SHELF, text)


def _make_interpreter(folder: Path) -> None:
    """Fill ``folder`` with an interpreter by the first way that leads to one."""
    reasons = []
    for way in (_build_from_source, _unpack_binaries, _use_installed):
        with work_folder(folder.parent) as work:
            try:
                way(folder, work)
                _probe(folder / "micropython")
            except BringError as exc:
                reasons.append(f"  - {exc}")
                _say(f"this way is closed: {exc}")
                (folder / "micropython").unlink(missing_ok=True)
            else:
                return
    tried = "\n".join(reasons)
    raise BringError(
        f"No MicroPython for this computer. Tried:\n{tried}\n"
        "On Debian, Raspberry Pi OS or Ubuntu: sudo apt-get install gcc libc6-dev make. "
        f"On macOS: brew install micropython ({OLDEST[0]}.{OLDEST[1]} or later)."
    )


def _build_from_source(folder: Path, work: Path) -> None:
    """Build the unix port as the boards have it: TLS bundled, asyncio frozen in, nothing more."""
    make = need("make")
    need("gcc")
    started = time.monotonic()
    _say(f"fetching the sources of MicroPython and mbedTLS (Debian {debian.SUITE})")
    apt = debian.PrivateApt(work / "apt", "deb-src")
    apt.run("fetch the sources", "source", "--download-only", "micropython", "mbedtls")
    sources = apt.downloads
    tree = _unpack_source(sources, "micropython_*.orig.tar.*", work / "micropython")
    bundled = tree / "lib" / "mbedtls"  # Debian has emptied it
    shutil.rmtree(bundled)
    _unpack_source(sources, "mbedtls_*.orig.tar.*", bundled)
    # The makefile takes this file for a sign that the submodule is there; nothing of it is used.
    (tree / "lib" / "micropython-lib" / "README.md").touch()
    manifest = work / "manifest.py"
    manifest.write_text('include("$(MPY_DIR)/extmod/asyncio")\n')
    build = [make, "-s", f"-j{os.cpu_count() or 1}", f"PYTHON={shlex.quote(sys.executable)}"]
    _say("building its cross compiler")
    run("build mpy-cross", [*build, "-C", str(tree / "mpy-cross")])
    _say("building MicroPython")
    options = {
        "BUILD": work / "build",
        "FROZEN_MANIFEST": manifest,
        "MICROPY_PY_FFI": 0,
        "MICROPY_PY_BTREE": 0,
        "MICROPY_PY_BLUETOOTH": 0,
        "MICROPY_SSL_AXTLS": 0,
        "MICROPY_SSL_MBEDTLS": 1,
    }
    port = tree / "ports" / "unix"
    settings = [f"{key}={value}" for key, value in options.items()]
    run("build MicroPython", [*build, "-C", str(port), *settings])
    shutil.copy2(work / "build" / "micropython", folder / "micropython")
    _say(f"built in {time.monotonic() - started:.0f} s")


def _unpack_binaries(folder: Path, work: Path) -> None:
    """Unpack Debian's binaries with the libraries they need."""
    _say(f"fetching Debian {debian.SUITE}'s binaries")
    debian.unpack_programs(folder, work, _BINARY_PACKAGES, "micropython")


def _use_installed(folder: Path, work: Path) -> None:  # noqa: ARG001 - one shape for all ways
    """Point to the interpreter that the user has installed."""
    (folder / "micropython").symlink_to(need("micropython"))


def _probe(program: Path) -> None:
    """Run ``program``: does it start, is it new enough, does it have what the firmware needs?"""
    command = [str(program), "-c", _PROBE]
    printed = run("start the interpreter", command, timeout_s=_PROBE_TIMEOUT_S)
    version = tuple(int(part) for part in printed.split())
    if version < OLDEST:
        raise BringError(
            f"this MicroPython is {version[0]}.{version[1]}; {OLDEST[0]}.{OLDEST[1]} is needed"
        )
    _say(f"MicroPython {version[0]}.{version[1]} is ready")


def _unpack_source(sources: Path, pattern: str, folder: Path) -> Path:
    """Unpack the one archive that fits ``pattern`` as ``folder``, without its top folder."""
    archives = sorted(sources.glob(pattern))
    if len(archives) != 1:
        raise BringError(f"expected one {pattern} from apt-get, got {len(archives)}")
    with tempfile.TemporaryDirectory(dir=sources) as temporary, tarfile.open(archives[0]) as tar:
        # The filter refuses paths that lead out; Pythons before 3.11.4 do not know it, and
        # apt-get has checked the archive against Debian's signature already.
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        tar.extractall(temporary)  # noqa: S202 - the line above
        (top,) = Path(temporary).iterdir()
        top.rename(folder)
    return folder


def _make_umqtt(folder: Path) -> None:
    """Fill ``folder`` with umqtt.simple from the package index."""
    name = f"micropython-umqtt.simple-{UMQTT_VERSION}.tar.gz"
    _say(f"fetching umqtt.simple {UMQTT_VERSION} from the package index")
    archive = package_index.fetch("micropython-umqtt-simple", name, UMQTT_SHA256)
    # One known member is read and written under our own name: no path of the archive is used.
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile(f"micropython-umqtt.simple-{UMQTT_VERSION}/umqtt/simple.py")
        if member is None:
            raise BringError(f"{name} holds no umqtt/simple.py")
        (folder / "umqtt").mkdir()
        (folder / "umqtt" / "simple.py").write_bytes(member.read())


if __name__ == "__main__":
    sys.exit(main())
