"""A whole hub inside a test: real sockets, real TLS, a real SQLite file, free ports."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec

from leafhub import app, config
from leafhub.contract import operator_login
from leafhub.contract.operator_api import ApplyReport, CommandRecord, DeviceDetail, EventPage
from leafhub.contract.operator_login import OperatorLogin
from leafhub.data_folder import SECRET, DataFolder, write

DOMAIN = "hub.test"
TOKEN = "a-token-for-tests-that-is-long-enough"
LISTENERS = (
    '[{host = "127.0.0.1", port = 0}, {host = "127.0.0.1", port = 0, tls = true}, '
    '{host = "127.0.0.1", port = 0, tls = true, dialect = "smartworks"}, '
    '{host = "127.0.0.1", port = 0, dialect = "smartworks"}]'
)


class RunningHub:
    """Where a test's hub is, and an operator's view of it."""

    def __init__(self, folder: Path, addresses: app.Addresses) -> None:
        self.folder = folder
        ports = [int(address.split(" ")[0].rsplit(":", 1)[1]) for address in addresses.mqtt]
        self.plain_port, self.tls_port, self.smartworks_tls_port, self.smartworks_port = ports
        plain_http = next(address for address in addresses.http if address.startswith("http:"))
        self.http = httpx.AsyncClient(
            base_url=plain_http, auth=("operator", TOKEN), trust_env=False, timeout=70
        )

    def tls(self) -> ssl.SSLContext:
        """For clients that trust the hub's CA."""
        return ssl.create_default_context(cafile=self.folder / "ca.pem")

    async def apply(self, document: str) -> ApplyReport:
        """Declare applications and devices."""
        answer = await self.http.put(
            "/api/v1/registry",
            content=document.encode(),
            headers={"Content-Type": "application/toml"},
        )
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=ApplyReport)

    async def events(self, **query: str) -> EventPage:
        """Stored messages, newest first."""
        answer = await self.http.get("/api/v1/events", params=query)
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=EventPage)

    async def device(self, application: str, device: str) -> DeviceDetail:
        """One device."""
        answer = await self.http.get(f"/api/v1/applications/{application}/devices/{device}")
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=DeviceDetail)

    async def command(
        self, application: str, device: str, name: str, data: object = None
    ) -> CommandRecord:
        """Send a command."""
        answer = await self.http.post(
            f"/api/v1/applications/{application}/devices/{device}/commands",
            json={"name": name} if data is None else {"name": name, "data": data},
        )
        assert answer.status_code == 201, answer.text
        return msgspec.json.decode(answer.content, type=CommandRecord)

    async def command_end(self, command: CommandRecord, wait_s: float = 10) -> CommandRecord:
        """The command once it is final, or as it stands after ``wait_s``."""
        answer = await self.http.get(
            f"/api/v1/commands/{command.id}", params={"wait_s": str(wait_s)}
        )
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=CommandRecord)


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
        "LEAFHUB_MQTT__LISTENERS": LISTENERS,
        "LEAFHUB_HTTP__LISTENERS": "[{port = 0}]",
        **environment,
    }
    async with app.running(config.load(folder, variables)) as addresses:
        hub = RunningHub(folder, addresses)
        try:
            yield hub
        finally:
            await hub.http.aclose()
