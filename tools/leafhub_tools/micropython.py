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

import contextlib
import fcntl
import hashlib
import html.parser
import io
import os
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

SUITE = "trixie"
"""Debian 13: its MicroPython 1.25.0 stays for years, whereas sid's may be replaced any day."""

OLDEST = (1, 24)
"""The oldest MicroPython on which the firmware runs."""

UMQTT_VERSION = "1.3.4"
UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"

_RECIPE = "1"  # part of the folder's name: a changed recipe builds anew
_KEYRING = Path("usr/share/keyrings/debian-archive-keyring.gpg")
_KEYRING_PACKAGE = "debian-archive-keyring"
_BINARY_PACKAGES = (
    "micropython",
    "libc6",
    "libffi8",
    "libmbedcrypto16",
    "libmbedtls21",
    "libmbedx509-7",
)
_BINARY_ARCHITECTURES = ("amd64", "arm64", "armhf")
_DOWNLOAD_LIMIT_BYTES = 10_000_000  # umqtt.simple is 3 kB, an index page some 100 kB
_DOWNLOAD_TIMEOUT_S = 60
_PROBE_TIMEOUT_S = 30

_PROBE = (
    "import sys, tls, asyncio, socket, select, json, random, struct, binascii;"
    "print(*sys.implementation.version[:2])"
)
"""Everything the firmware imports, so that a crippled interpreter is found here and not later."""

_WRAPPER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/{loader}" --library-path "$here/{libraries}" "$here/root/usr/bin/micropython" "$@"
"""


class BringError(Exception):
    """What is needed cannot be had here; the text says why and what to do."""


def cache_folder() -> Path:
    """Return the folder that holds what this module brings (it need not exist yet)."""
    configured = os.environ.get("LEAFHUB_CACHE")
    if configured:
        return Path(configured).expanduser().resolve() / "micropython"
    repository = Path(__file__).resolve().parents[2]
    if (repository / "pyproject.toml").is_file():
        return repository / ".cache" / "micropython"
    return Path.home() / ".cache" / "leafhub" / "micropython"  # installed as a package


def interpreter() -> Path:
    """Return the path of a MicroPython interpreter, made first if need be.

    Raises:
        BringError: No way leads to an interpreter on this computer.
    """
    return _bring(f"interpreter-{SUITE}-{_RECIPE}", "micropython", _make_interpreter)


def umqtt() -> Path:
    """Return a folder that contains ``umqtt/simple.py``, downloaded first if need be.

    Raises:
        BringError: The package index does not answer or does not have it.
    """
    made = _bring(f"umqtt-{UMQTT_VERSION}", "umqtt/simple.py", _make_umqtt)
    return made.parents[1]


def main() -> int:
    """Bring both and print where they are; 1 and the reason when that is impossible."""
    try:
        print(interpreter())  # noqa: T201 - the paths are this command's output
        print(umqtt())  # noqa: T201 - as above
    except BringError as exc:
        _say(str(exc))
        return 1
    return 0


def _say(text: str) -> None:
    """Write one line of progress."""
    sys.stderr.write(f"micropython: {text}\n")
    sys.stderr.flush()


def _bring(name: str, wanted: str, make: Callable[[Path], None]) -> Path:
    """Return ``wanted`` in the cache's folder ``name``; ``make`` fills the folder if it is absent.

    The folder appears at once and whole: it is filled under another name and then renamed. A
    lock lets a second process wait for the first one's result instead of making its own.
    """
    cache = cache_folder()
    result = cache / name / wanted
    if result.exists():
        return result
    cache.mkdir(parents=True, exist_ok=True)
    with _lock(cache / f"{name}.lock"):
        if result.exists():
            return result
        for left_over in cache.glob(f".{name}-*"):  # of a process that was killed
            shutil.rmtree(left_over)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache) as temporary:
            folder = Path(temporary) / "made"
            folder.mkdir()
            make(folder)
            folder.rename(cache / name)
    return result


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; the system frees it even when the process dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another process is at it; waiting for its result")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_interpreter(folder: Path) -> None:
    """Fill ``folder`` with an interpreter by the first way that leads to one."""
    reasons = []
    for way in (_build_from_source, _unpack_binaries, _use_installed):
        with tempfile.TemporaryDirectory(prefix="work-", dir=folder.parent) as work:
            try:
                way(folder, Path(work))
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
    make = _need("make")
    _need("gcc")
    started = time.monotonic()
    _say(f"fetching the sources of MicroPython and mbedTLS (Debian {SUITE})")
    apt = _PrivateApt(work / "apt", "deb-src")
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
    build = [make, "-s", f"-j{os.cpu_count() or 1}", f"PYTHON={sys.executable}"]
    _say("building its cross compiler")
    _run("build mpy-cross", [*build, "-C", str(tree / "mpy-cross")])
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
    _run("build MicroPython", [*build, "-C", str(port), *settings])
    shutil.copy2(work / "build" / "micropython", folder / "micropython")
    _say(f"built in {time.monotonic() - started:.0f} s")


def _unpack_binaries(folder: Path, work: Path) -> None:
    """Unpack Debian's binaries with the libraries they need, and start them by a wrapper."""
    dpkg_deb = _need("dpkg-deb")
    architecture = _run(
        "ask for the architecture", [_need("dpkg"), "--print-architecture"]
    ).strip()
    if architecture not in _BINARY_ARCHITECTURES:
        known = ", ".join(_BINARY_ARCHITECTURES)
        raise BringError(f"Debian's binaries are used on {known} only; this is {architecture}")
    _say(f"fetching Debian {SUITE}'s binaries for {architecture}")
    apt = _PrivateApt(work / "apt", "deb")
    apt.run("fetch the binaries", "download", *_BINARY_PACKAGES)
    root = folder / "root"
    for package in sorted(apt.downloads.glob("*.deb")):
        _run(f"unpack {package.name}", [dpkg_deb, "-x", str(package), str(root)])
    loader = next(iter(sorted(root.glob("usr/lib/*/ld-linux*.so.*"))), None)
    if loader is None:
        raise BringError("Debian's libc6 holds no ld-linux; its layout has changed")
    wrapper = folder / "micropython"
    wrapper.write_text(
        _WRAPPER.format(
            loader=loader.relative_to(folder), libraries=loader.parent.relative_to(folder)
        )
    )
    wrapper.chmod(0o755)


def _use_installed(folder: Path, work: Path) -> None:  # noqa: ARG001 - one shape for all ways
    """Point to the interpreter that the user has installed."""
    (folder / "micropython").symlink_to(_need("micropython"))


def _probe(program: Path) -> None:
    """Run ``program``: does it start, is it new enough, does it have what the firmware needs?"""
    command = [str(program), "-c", _PROBE]
    printed = _run("start the interpreter", command, timeout_s=_PROBE_TIMEOUT_S)
    version = tuple(int(part) for part in printed.split())
    if version < OLDEST:
        raise BringError(
            f"this MicroPython is {version[0]}.{version[1]}; {OLDEST[0]}.{OLDEST[1]} is needed"
        )
    _say(f"MicroPython {version[0]}.{version[1]} is ready")


class _PrivateApt:
    """apt-get with lists, downloads and sources of its own: no root, nothing changed outside."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._apt_get = _need("apt-get")
        self.downloads = folder / "downloads"
        for name in ("lists/partial", "cache/archives/partial", "parts", "downloads"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        keyring = _keyring(folder)
        (folder / "sources.list").write_text(
            f"{kind} [signed-by={keyring}] {_mirror()} {SUITE} main\n"
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
        self.run(f"read the package lists of {_mirror()}", "update")

    def run(self, what: str, *arguments: str) -> None:
        _run(what, [self._apt_get, "-q", *self._options, *arguments], folder=self.downloads)


def _mirror() -> str:
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


def _keyring(folder: Path) -> Path:
    """Return Debian's keyring; where it is not installed (Ubuntu), out of Ubuntu's package."""
    installed = "/" / _KEYRING
    if installed.is_file():
        return installed
    _say(f"fetching {_KEYRING_PACKAGE}")
    try:
        _run(
            f"fetch {_KEYRING_PACKAGE}",
            [_need("apt-get"), "-q", "download", _KEYRING_PACKAGE],
            folder=folder / "downloads",
        )
        package = next((folder / "downloads").glob(f"{_KEYRING_PACKAGE}_*.deb"))
        _run("unpack it", [_need("dpkg-deb"), "-x", str(package), str(folder / "keyring")])
    except (BringError, StopIteration) as exc:
        raise BringError(
            f"Debian's keys are missing: sudo apt-get install {_KEYRING_PACKAGE}"
        ) from exc
    return folder / "keyring" / _KEYRING


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


def _need(program: str) -> str:
    """Return the path of ``program``."""
    path = shutil.which(program)
    if path is None:
        raise BringError(f"there is no {program} on this computer")
    return path


def _run(
    what: str,
    command: Sequence[str],
    *,
    folder: Path | None = None,
    timeout_s: float | None = None,
) -> str:
    """Run ``command`` and return its output.

    Raises:
        BringError: It cannot be started or fails; the text holds the end of what it printed.
    """
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the words come from this module
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BringError(f"could not {what}: {exc}") from exc
    if done.returncode:
        last = "\n    ".join(done.stdout.strip().splitlines()[-8:])
        raise BringError(f"could not {what} (exit code {done.returncode}):\n    {last}")
    return done.stdout


def _make_umqtt(folder: Path) -> None:
    """Fill ``folder`` with umqtt.simple from the package index."""
    name = f"micropython-umqtt.simple-{UMQTT_VERSION}.tar.gz"
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    _say(f"fetching umqtt.simple {UMQTT_VERSION} from the package index")
    page = f"{index}/micropython-umqtt-simple/"
    links = _Links()
    links.feed(_download(page).decode(errors="replace"))
    for link in links.found:
        address = urllib.parse.urljoin(page, link)
        if urllib.parse.unquote(urllib.parse.urlsplit(address).path).endswith(f"/{name}"):
            archive = _download(address.partition("#")[0])
            break
    else:
        raise BringError(f"the package index has no {name}; set PIP_INDEX_URL to one that has it")
    digest = hashlib.sha256(archive).hexdigest()
    if digest != UMQTT_SHA256:
        raise BringError(f"{name} is not the file it should be: sha256 {digest}")
    # One known member is read and written under our own name: no path of the archive is used.
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile(f"micropython-umqtt.simple-{UMQTT_VERSION}/umqtt/simple.py")
        if member is None:
            raise BringError(f"{name} holds no umqtt/simple.py")
        (folder / "umqtt").mkdir()
        (folder / "umqtt" / "simple.py").write_bytes(member.read())


class _Links(html.parser.HTMLParser):
    """Collect the addresses of all links of an index page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for key, value in attrs if key == "href" and value]


def _download(address: str) -> bytes:
    """Return what is at ``address``.

    Raises:
        BringError: No answer, a refusal, or too much of it.
    """
    if urllib.parse.urlsplit(address).scheme not in {"http", "https", "file"}:
        raise BringError(f"{address} is no web address")
    if address.startswith("file:") and address.endswith("/"):
        address += "index.html"  # as pip reads an index in a folder
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    request = urllib.request.Request(address, headers={"Accept": "text/html, */*;q=0.1"})  # noqa: S310 - the scheme is checked above
    try:
        with urllib.request.urlopen(  # noqa: S310 - the scheme is checked above
            request, timeout=_DOWNLOAD_TIMEOUT_S, context=context
        ) as answer:
            content = answer.read(_DOWNLOAD_LIMIT_BYTES + 1)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as exc:
        raise BringError(
            f"could not fetch {address}: {exc}; is there a network, is PIP_INDEX_URL right?"
        ) from exc
    if len(content) > _DOWNLOAD_LIMIT_BYTES:
        raise BringError(f"{address} is larger than {_DOWNLOAD_LIMIT_BYTES} bytes")
    return bytes(content)


if __name__ == "__main__":
    sys.exit(main())
