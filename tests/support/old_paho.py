"""The last paho-mqtt of the generation that the vendors' guides were written for."""

import io
import tarfile
from pathlib import Path

from leafhub_tools import package_index
from leafhub_tools.bringing import bring, say

SHELF = "paho-mqtt"
VERSION = "1.6.1"
SHA256 = "2a8291c81623aec00372b5a85558a372c747cbca8e9934dfe218638b8eefc26f"


def paho_1() -> Path:
    """A folder with paho-mqtt 1.6.1 for ``PYTHONPATH``, fetched first if need be.

    Raises:
        BringError: The package index does not answer or does not have it.
    """
    return bring(SHELF, f"paho-mqtt-{VERSION}", "paho/mqtt/client.py", _make).parents[2]


def _make(folder: Path) -> None:
    name = f"paho-mqtt-{VERSION}.tar.gz"
    say(SHELF, f"fetching {name} from the package index")
    archive = package_index.fetch("paho-mqtt", name, SHA256)
    top = f"paho-mqtt-{VERSION}/src/"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            if content is not None and member.name.startswith(f"{top}paho/"):
                path = folder / member.name.removeprefix(top)  # the hash vouches for the names
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
