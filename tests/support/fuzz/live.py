"""Scripts against a hub that runs, over real sockets: it stays up, well and small.

Each comes from an address of its own, so that what is broken by one does not keep out the next.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from hub_process import HubProcess, hub_process
from raw_mqtt import ClosedByHubError, RawClient, raw_client
from worlds import (
    BROKER,
    CLOUDPLUGS,
    DROGUE,
    MURANO,
    PASSWORD_A,
    SMARTWORKS,
    THING_A,
    TOKEN_1,
    USER_A,
)

from fuzz.in_process import FuzzError
from fuzz.scenario import script
from leafhub.errors import ProtocolError

CLIENTS: Final = 8
"""At work at the same time."""
PROBE_TIME_S: Final = 2.0
"""The hub answers a login, a ping and a message by then, whatever else goes on."""
GROWTH_BYTES: Final = 192 * 1024 * 1024
"""More than a hub may grow by: kept sessions, retained messages and the store's caches are all
bounded and need a third of it, a password that is checked at the moment takes another third."""
_READ_TIME_S: Final = 0.05
"""How long a client looks for answers before it sends on."""
_DOCUMENTS: Final = (BROKER, DROGUE, CLOUDPLUGS, MURANO, SMARTWORKS)
_USERS: Final[tuple[tuple[str | None, bytes | None, bool], ...]] = (
    ("hass", b"hass-pw", True),
    ("tasmota", b"tasmota-pw", True),
    ("lathe", b"lathe-pw", True),
    ("dev1@plant-a", b"pw1", True),
    (THING_A, b"authA", False),
    ("", TOKEN_1.encode(), False),
    (USER_A, PASSWORD_A.encode(), True),
    (None, None, False),
)
"""Name, password, and whether the dialect knows MQTT 5.0: else it answers that like its vendor, in
the form of 3.1.1."""
_CLIENT_IDS: Final = 20
"""So few that clients take each other over and come back to sessions."""


@dataclass(slots=True)
class Tally:
    """What a run has done.

    Attributes:
        clients: Scripts that ran.
        packets: What the hub got of them.
        slowest_probe_s: The longest that the hub took to answer.
        grown_bytes: What it has grown by.
    """

    clients: int = 0
    packets: int = 0
    slowest_probe_s: float = 0.0
    grown_bytes: int = 0


@contextlib.asynccontextmanager
async def fuzzed_hub(folder: Path) -> AsyncIterator[HubProcess]:
    """A hub with the users of every dialect that scripts log in as."""
    async with hub_process(folder) as hub:
        for document in _DOCUMENTS:
            await hub.operator.apply(document)
        yield hub


class LiveFuzzer:
    """Runs scripts of one seed against ``hub``."""

    def __init__(self, hub: HubProcess, seed: str) -> None:
        self.tally = Tally()
        self._hub = hub
        self._seed = seed
        self._next = 0
        self._first_bytes = 0

    async def run(self, packets: int) -> None:
        """Send so many packets, and look at the hub again and again.

        Raises:
            FuzzError: The hub ended, was silent, grew, or logged a traceback.
        """
        wanted = self.tally.packets + packets
        await self.probe()
        self._first_bytes = self._first_bytes or _memory_bytes(self._hub)

        async def one_after_the_other() -> None:
            while self.tally.packets < wanted:
                self._next += 1
                seed = f"{self._seed}-{self._next}"
                try:
                    await self._run_script(seed)
                except ProtocolError as exc:
                    raise FuzzError(
                        f"script {seed}: the hub wrote what is no MQTT: {exc}"
                    ) from exc

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(one_after_the_other())
        except* FuzzError as failed:
            raise failed.exceptions[0] from None
        await self.probe()

    async def probe(self) -> None:
        """Look whether the hub is well.

        Raises:
            FuzzError: It is not.
        """
        started_s = time.monotonic()
        try:
            async with asyncio.timeout(PROBE_TIME_S), raw_client(self._hub.plain_port) as client:
                await client.connect("probe", "hass", "hass-pw")
                await client.publish("probe", "1")
                await client.ping()
                await client.send_bytes(b"\xe0\x00")
        except (OSError, EOFError, TimeoutError, AssertionError) as exc:
            raise FuzzError(f"the hub does not answer: {exc!r}") from exc
        self.tally.slowest_probe_s = max(self.tally.slowest_probe_s, time.monotonic() - started_s)
        if self._first_bytes:
            self.tally.grown_bytes = _memory_bytes(self._hub) - self._first_bytes
        if self.tally.grown_bytes > GROWTH_BYTES:
            raise FuzzError(f"the hub has grown by {self.tally.grown_bytes:,} bytes")
        for line in self._hub.lines:
            if "Traceback" in line or "a mistake of the hub" in line:
                after = self._hub.lines[self._hub.lines.index(line) :]
                raise FuzzError("the hub logged:\n" + "\n".join(after[:40]))
        self._hub.lines.clear()

    async def _run_script(self, seed: str) -> None:
        chance = Random(seed)  # noqa: S311 - reproducible, not secret
        username, password, knows_5 = chance.choice(_USERS)
        drawn = script(
            chance,
            client_id=f"fuzz-{chance.randrange(_CLIENT_IDS)}",
            username=username,
            password=password,
        )
        sent_bytes = 0
        with contextlib.suppress(ConnectionError, ClosedByHubError):  # it is right to close
            async with raw_client(
                self._hub.plain_port,
                protocol_level=drawn.level,
                own_address="127.{}.{}.{}".format(*chance.choices(range(1, 255), k=3)),
            ) as client:
                understood = drawn.login_is_valid and (knows_5 or drawn.level < 5)
                if understood:
                    await client.send_bytes(drawn.login)
                    sent_bytes += len(drawn.login)
                    await client.receive()
                for piece in drawn.pieces(chance, with_login=not understood):
                    sent_bytes += len(piece)
                    await client.send_bytes(piece)
                await _read_what_comes(client, decode=understood)
        self.tally.clients += 1
        self.tally.packets += drawn.packets_in(sent_bytes)


async def _read_what_comes(client: RawClient, *, decode: bool) -> None:
    """Read for a moment; ``decode``: in the client's version, where that is beyond doubt."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_READ_TIME_S):
            while decode:
                await client.receive()
            await client.drain()


def _memory_bytes(hub: HubProcess) -> int:
    status = Path(f"/proc/{hub.process.pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise FuzzError("the hub is gone")
    return int(found[1]) * 1024
