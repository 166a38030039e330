import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from leafhub.errors import StoreUnavailableError
from leafhub.model.application import Application
from leafhub.model.command import Command
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import Event
from leafhub.model.registry import PutApplication, PutDevice
from leafhub.stores.base import Batch, Snapshot, Store
from leafhub.stores.settings import StoreSettings
from leafhub.stores.sqlite import SqliteStore


class AcornApplication(msgspec.Struct, frozen=True, kw_only=True):
    open_until_us: int = 0
    key: bytes = b""


class AcornDevice(msgspec.Struct, frozen=True, kw_only=True):
    gateways: tuple[str, ...] = ()


def settings_types(dialect: str) -> tuple[type[msgspec.Struct], type[msgspec.Struct]]:
    assert dialect == "acorn"
    return AcornApplication, AcornDevice


class Bench:
    """A store of one kind that can be closed and opened again, and values to put into it."""

    def __init__(self, make: Callable[[StoreSettings], Store]) -> None:
        self._make = make
        self.store: Store = make(StoreSettings())
        self.outcomes: list[tuple[int, StoreUnavailableError | None]] = []

    async def open(self, settings: StoreSettings | None = None) -> Snapshot:
        self.store = self._make(StoreSettings() if settings is None else settings)
        return await self.store.open(settings_types)

    async def reopen(self) -> Snapshot:
        await self.store.close()
        return await self.open()

    def queue(self, number: int, batch: Batch) -> None:
        self.store.write(batch, lambda error: self.outcomes.append((number, error)))

    async def write(self, batch: Batch) -> None:
        if (error := await outcome(self.store, batch)) is not None:
            raise error

    @staticmethod
    def application(name: str = "oak") -> Application:
        return Application(
            name=name,
            uid=f"uid-{name}",
            dialect="acorn",
            settings=AcornApplication(open_until_us=7, key=b"\0\xff"),
            created_us=1,
        )

    @staticmethod
    def device(name: str = "d1", application: str = "oak") -> Device:
        return Device(
            application=application,
            id=name,
            uid=f"uid-{name}",
            name=f"Device {name}",
            settings=AcornDevice(gateways=("g1", "g2")),
            credentials=(
                Credential(kind=SecretKind.SHA256, secret="ab" * 32),
                Credential(kind=SecretKind.PLAIN, secret="s", username="u", unique=True),
            ),
            enabled=False,
            created_us=2,
        )

    @staticmethod
    def event(id_: str, device: str = "d1", channel: str = "t", application: str = "oak") -> Event:
        return Event(
            id=id_,
            application=application,
            device=device,
            sender=device,
            channel=channel,
            time_us=1_700_000_000_000_000,
            data=b"21.5",
            topic=f"acorn/{device}/up",
        )

    @staticmethod
    def command(id_: str, device: str = "d1", application: str = "oak") -> Command:
        return Command(
            id=id_,
            application=application,
            device=device,
            name="blink",
            data=b'{"times":3}',
            datacontenttype="application/json",
            created_us=5,
            updated_us=5,
            operator="ada",
        )

    async def plant(self) -> None:
        """One application with two devices."""
        await self.write(
            Batch(
                changes=(
                    PutApplication(self.application()),
                    PutDevice(self.device("d1")),
                    PutDevice(self.device("d2")),
                )
            )
        )


def outcome(store: Store, batch: Batch) -> Awaitable[StoreUnavailableError | None]:
    future: asyncio.Future[StoreUnavailableError | None] = (
        asyncio.get_running_loop().create_future()
    )
    store.write(batch, future.set_result)
    return future


def _sqlite(folder: Path) -> Callable[[StoreSettings], Store]:
    return lambda settings: SqliteStore(folder / "leafhub.db", settings)


STORES: dict[str, Callable[[Path], Callable[[StoreSettings], Store]]] = {"sqlite": _sqlite}


@pytest.fixture(params=STORES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(STORES[request.param](tmp_path))
    await bench.open()
    yield bench
    await bench.store.close()
