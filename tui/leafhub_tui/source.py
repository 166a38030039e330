"""What the screens need of a hub, wherever it is."""

from collections.abc import AsyncGenerator
from typing import Protocol

from leafhub.contract.operator_api import CommandRecord, CommandRequest, DeviceDetail, EventPage
from leafhub_tui.state import Change, Key

EXIT_REFUSED = 1  # the same codes as every command of ``leafhub``
EXIT_USAGE = 2
EXIT_AWAY = 3


class WatchError(Exception):
    """The dashboard can't do what was asked.

    Args:
        cause: What is wrong, one sentence.
        cure: What to do about it, one sentence; may be empty.
        exit_code: What the program ends with, if it ends.
    """

    def __init__(self, cause: str, cure: str = "", *, exit_code: int = EXIT_REFUSED) -> None:
        super().__init__(f"{cause} {cure}".strip())
        self.cause = cause
        self.cure = cure
        self.exit_code = exit_code


class Source(Protocol):
    """A hub, as the screens see it. The calls raise ``WatchError``."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    def changes(self) -> AsyncGenerator[Change, None]:
        """Tell everything that happens, for ever; connect and reconnect as needed."""

    def retry(self) -> None:
        """Try to connect now instead of waiting."""

    async def device(self, key: Key) -> DeviceDetail:
        """Fetch one device's page."""

    async def events(self, key: Key, *, limit: int) -> EventPage:
        """Fetch the newest messages of a device."""

    async def commands(self, key: Key, *, limit: int) -> list[CommandRecord]:
        """Fetch the newest commands of a device."""

    async def send(self, key: Key, request: CommandRequest) -> CommandRecord:
        """Send a command."""
