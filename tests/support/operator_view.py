"""What an operator sees and does by HTTP."""

import ssl
from typing import Final

import httpx
import msgspec

from leafhub.contract.operator_api import ApplyReport, CommandRecord, DeviceDetail, EventPage

NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP: to read the authorities that httpx trusts takes 27 ms of a core, for
each client anew."""


class OperatorView:
    """An operator logged in at the HTTP API."""

    def __init__(self, address: str, token: str) -> None:
        self._settled = 0
        self.http = httpx.AsyncClient(
            base_url=address,
            auth=("operator", token),
            verify=NO_TLS,
            trust_env=False,
            timeout=70,
        )

    async def apply(self, document: str) -> ApplyReport:
        """Declare applications and devices."""
        answer = await self.http.put(
            "/api/v1/registry",
            content=document.encode(),
            headers={"Content-Type": "application/toml"},
        )
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=ApplyReport)

    async def settle(self) -> None:
        """Store something; all that the hub had taken in before is stored and on its way then."""
        self._settled += 1
        enabled = "true" if self._settled % 2 else "false"
        await self.apply(
            f'[[application]]\nname = "settled"\ndialect = "smartworks"\nenabled = {enabled}\n'
        )

    async def registry(self) -> str:
        """The document of all applications and devices."""
        answer = await self.http.get("/api/v1/registry")
        assert answer.status_code == 200, answer.text
        return answer.text

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
