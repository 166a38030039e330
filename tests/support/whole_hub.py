"""A whole hub inside a test: real sockets, real TLS, a real SQLite file, free ports."""

import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from operator_view import OperatorView

from leafhub import app, config
from leafhub.contract import operator_login
from leafhub.contract.operator_login import OperatorLogin
from leafhub.data_folder import SECRET, DataFolder, write

DOMAIN = "hub.test"
TOKEN = "a-token-for-tests-that-is-long-enough"
LISTENERS = (
    "",
    ", tls = true",
    ", websocket = true",
    ", websocket = true, tls = true",
    ', tls = true, dialect = "smartworks"',
    ', dialect = "smartworks"',
)


def listeners(*kinds: str) -> str:
    """The value of ``LEAFHUB_MQTT__LISTENERS`` for listeners of these kinds, on free ports."""
    each = (f'{{host = "127.0.0.1", port = 0{kind}}}' for kind in kinds)
    return f"[{', '.join(each)}]"


class RunningHub(OperatorView):
    """Where a test's hub is, and an operator's view of it."""

    def __init__(self, folder: Path, addresses: app.RunningHub) -> None:
        self.folder = folder
        self._ports: dict[tuple[str, str], int] = {}
        for address in (*addresses.mqtt, *addresses.http):
            url, _, dialect = address.partition(" ")
            place = urlsplit(url)
            assert place.port is not None
            self._ports[place.scheme, dialect.strip("()")] = place.port
        super().__init__(next(at for at in addresses.http if at.startswith("http:")), TOKEN)

    def port(self, scheme: str, dialect: str = "") -> int:
        """Where the hub serves ``mqtts``, ``ws``, ``https`` and so on, for one dialect or all."""
        return self._ports[scheme, dialect]

    @property
    def plain_port(self) -> int:
        """MQTT over TCP, every dialect."""
        return self.port("mqtt")

    @property
    def tls_port(self) -> int:
        """MQTT over TLS, every dialect."""
        return self.port("mqtts")

    def tls(self) -> ssl.SSLContext:
        """For clients that trust the hub's CA."""
        return ssl.create_default_context(cafile=self.folder / "ca.pem")


class PreparedFolders:
    """Data folders of hubs that took in documents, made once and copied for each test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, ...], Path] = {}

    async def copy(self, documents: tuple[str, ...], to: Path) -> None:
        """Make ``to`` the data folder of a hub that knows what stands in ``documents``."""
        made = self._made.get(documents)
        if made is None:
            made = self._folder / str(len(self._made))
            async with running_hub(made) as hub:
                for document in documents:
                    await hub.apply(document)
            self._made[documents] = made
        shutil.copytree(made, to)


@contextlib.asynccontextmanager
async def running_hub(folder: Path, **environment: str) -> AsyncIterator[RunningHub]:
    """A hub with its data in ``folder``; ``environment`` adds ``LEAFHUB_*`` variables."""
    data = DataFolder(folder)
    data.make()
    if not data.operator_login.exists():
        login = OperatorLogin(name="operator", token=TOKEN, ca="ca.pem")
        write(folder / operator_login.FILE_NAME, msgspec.json.encode(login), mode=SECRET)
    variables = {
        "LEAFHUB_DOMAIN": DOMAIN,
        "LEAFHUB_MQTT__LISTENERS": listeners(*LISTENERS),
        "LEAFHUB_MQTT__REFUSAL_TIME_S": "0",
        "LEAFHUB_MQTT__FAILED_LOGIN_DELAY_S": "0",
        "LEAFHUB_HTTP__LISTENERS": "[{port = 0}]",
        **environment,
    }
    async with app.running(config.load(folder, variables)) as addresses:
        hub = RunningHub(folder, addresses)
        try:
            yield hub
        finally:
            await hub.http.aclose()
