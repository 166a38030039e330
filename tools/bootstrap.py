"""Make the virtual environment from the lock file, with nothing but Python's standard library.

``python3 tools/bootstrap.py`` does nothing when the environment is there and the lock file has not
changed. It may be interrupted anywhere: the next call finishes the work. A Python without
``ensurepip`` (Debian without python3-venv) gets pip from the package index, checked by its hash.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
STAMP = ENVIRONMENT / "installed"
"""Says with which Python and where the environment was made (it cannot be moved), and a digest of
what its packages were chosen by. Not there before all is done: then it is made from the start."""
OLDEST = (3, 11)
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
PIP_ADDRESS = (
    "https://files.pythonhosted.org/packages/07/25/"
    "ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/" + PIP_WHEEL
)


def main() -> int:
    """Bring the environment up to date; gives the exit code."""
    if sys.version_info < OLDEST:
        print(
            f"Leafhub needs Python {OLDEST[0]}.{OLDEST[1]} or later, "
            f"this is {sys.version.split()[0]}.\n"
            "Install a newer one and say which: make PYTHON=python3.12",
            file=sys.stderr,
        )
        return 1
    with LOCK.open() as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another make sets things up; waiting for its result")
            fcntl.flock(turn, fcntl.LOCK_EX)
        _bring_up_to_date()
    return 0


def _bring_up_to_date() -> None:
    where = f"Python {sys.version_info[0]}.{sys.version_info[1]} in {ROOT}"
    chosen = hashlib.sha256(LOCK.read_bytes() + PROJECT.read_bytes()).hexdigest()
    done = STAMP.read_text().splitlines() if STAMP.exists() and PYTHON.exists() else []
    if done == [where, chosen]:
        return
    STAMP.unlink(missing_ok=True)
    if done[:1] != [where]:
        _say(f"making {ENVIRONMENT.name} with Python {sys.version.split()[0]}")
        _make_environment()
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--no-input"]
    _say("installing the packages of requirements.lock")
    _run(*pip, "--quiet", "--progress-bar=on", "--require-hashes", "-r", str(LOCK))
    _say("installing Leafhub itself, editable")
    _run(*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    STAMP.write_text(f"{where}\n{chosen}\n")
    _say("ready")


def _make_environment() -> None:
    if ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode == 0:
        return
    _say("this Python has no ensurepip; getting pip from the package index")
    _run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(ENVIRONMENT))
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder) / PIP_WHEEL
        with urllib.request.urlopen(PIP_ADDRESS, timeout=60) as answer:
            content = answer.read()
        if hashlib.sha256(content).hexdigest() != PIP_SHA256:
            raise SystemExit(
                f"leafhub: {PIP_WHEEL} is not what it should be; nothing was installed"
            )
        wheel.write_bytes(content)
        _run(str(PYTHON), f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel))


def _run(*command: str) -> None:
    environment = {**os.environ, "PYTHONUTF8": "1"}
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        raise SystemExit(f"leafhub: this failed, its words are above: {' '.join(command)}")


def _say(text: str) -> None:
    print(f"leafhub: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        _say("interrupted; the next make goes on from here")
        raise SystemExit(130) from None
    except OSError as exc:
        raise SystemExit(f"leafhub: the environment was not made: {exc}") from exc
