"""A hub and clients for cases over real sockets; no case may leave a traceback in the log."""

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from raw_mqtt import OpenClient, RawClient, raw_client
from whole_hub import TOKEN, PreparedFolders, RunningHub, running_hub


@pytest.fixture(scope="session")
def prepared_folders(tmp_path_factory: pytest.TempPathFactory) -> PreparedFolders:
    """Where the folders of all modules' hubs are made."""
    return PreparedFolders(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def documents() -> tuple[str, ...]:
    """What the hub knows: nothing, unless a module says otherwise."""
    return ()


@pytest.fixture
async def data_folder(
    tmp_path: Path, prepared_folders: PreparedFolders, documents: tuple[str, ...]
) -> Path:
    """The data folder of a hub of the test's own."""
    folder = tmp_path / "data"
    await prepared_folders.copy(documents, folder)
    return folder


@pytest.fixture
async def hub(data_folder: Path) -> AsyncIterator[RunningHub]:
    """A hub of the test's own."""
    async with running_hub(data_folder) as hub:
        yield hub


@pytest.fixture
async def open_client(hub: RunningHub) -> AsyncIterator[OpenClient]:
    """As many connections to ``hub`` as a test wants."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_one(
            port: int | None = None,
            *,
            protocol_level: int = 4,
            server_name: str | None = None,
        ) -> RawClient:
            client = raw_client(
                port or (hub.tls_port if server_name else hub.plain_port),
                protocol_level=protocol_level,
                settle=hub.settle,
                tls=hub.tls() if server_name else None,
                server_name=server_name,
            )
            return await stack.enter_async_context(client)

        yield open_one


@pytest.fixture
async def feed(open_client: OpenClient) -> RawClient:
    """An operator's connection, who may subscribe to ``app/<application>``."""
    client = await open_client()
    await client.connect("", "operator", TOKEN)
    return client


@pytest.fixture(autouse=True)
def _no_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    yield
    for record in (*caplog.get_records("setup"), *caplog.get_records("call")):
        assert not record.exc_info, record.getMessage()
        assert "Traceback" not in record.getMessage()
        assert record.name != "asyncio" or record.levelno < logging.WARNING, record.getMessage()
