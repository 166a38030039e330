"""Bring programs and files from outside into a cache folder, whole or not at all.

``LEAFHUB_CACHE`` names another cache than the repository's ``.cache``.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path


class BringError(Exception):
    """What is needed cannot be had here; the text says why and what to do."""


def cache_folder(shelf: str) -> Path:
    """Return the folder that holds what belongs to ``shelf`` (it need not exist yet)."""
    configured = os.environ.get("LEAFHUB_CACHE")
    if configured:
        return Path(configured).expanduser().resolve() / shelf
    repository = Path(__file__).resolve().parents[2]
    if (repository / "pyproject.toml").is_file():
        return repository / ".cache" / shelf
    return Path.home() / ".cache" / "leafhub" / shelf  # installed as a package


def say(shelf: str, text: str) -> None:
    """Write one line of progress."""
    sys.stderr.write(f"{shelf}: {text}\n")
    sys.stderr.flush()


def bring(shelf: str, name: str, wanted: str, make: Callable[[Path], None]) -> Path:
    """Return ``wanted`` in the shelf's folder ``name``; ``make`` fills the folder if it is absent.

    The folder appears at once and whole: it is filled under another name and then renamed. A
    lock lets a second process wait for the first one's result instead of making its own.
    """
    cache = cache_folder(shelf)
    result = cache / name / wanted
    if result.exists():
        return result
    cache.mkdir(parents=True, exist_ok=True)
    with _lock(shelf, cache / f"{name}.lock"):
        if result.exists():
            return result
        for left_over in cache.glob(f".{name}-*"):  # of a process that was killed
            shutil.rmtree(left_over)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache) as temporary:
            folder = Path(temporary) / "made"
            folder.mkdir()
            make(folder)
            if (cache / name).exists():  # without what is wanted: somebody has deleted in it
                shutil.rmtree(cache / name)
            folder.rename(cache / name)
    return result


@contextlib.contextmanager
def work_folder(beside: Path) -> Iterator[Path]:
    """Make a folder for what is not needed afterwards; it is gone at the end.

    It lies in ``beside``, where there is room, unless a character in that path would trouble make
    or apt-get, which take no spaces: then where the system keeps temporary files.
    """
    plain = re.fullmatch(r"[\w./+-]+", str(beside), re.ASCII) is not None
    with tempfile.TemporaryDirectory(prefix="work-", dir=beside if plain else None) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _lock(shelf: str, path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; the system frees it even when the process dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(shelf, "another process is at it; waiting for its result")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def need(program: str) -> str:
    """Return the path of ``program``."""
    path = shutil.which(program)
    if path is None:
        raise BringError(f"there is no {program} on this computer")
    return path


def run(
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
