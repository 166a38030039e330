"""The embedded store: one SQLite file, one hub, nothing to install.

Write-ahead log with ``synchronous=FULL``: a commit is one fsync of the log, and what was committed
is there after a power cut. One connection writes, in the writer's thread; a few read, each in a
thread of its own, and neither waits for the other.
"""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import sqlalchemy as sa

from leafhub.errors import StoreUnavailableError
from leafhub.model.command import Command
from leafhub.model.registry import DeleteApplication, DeleteDevice
from leafhub.stores import migrations, records
from leafhub.stores.base import (
    Batch,
    CommandQuery,
    Done,
    EventQuery,
    SettingsTypes,
    Snapshot,
    StoredEvent,
    StoreStatus,
)
from leafhub.stores.event_rows import EventRow, Keys, append_events, newest_position
from leafhub.stores.position_rows import write_positions
from leafhub.stores.retained_rows import write_retained
from leafhub.stores.settings import StoreSettings
from leafhub.stores.writer import GroupWriter

if TYPE_CHECKING:
    from leafhub.model.publication import Publication

READERS = 2
"""Reading threads: a slow query of one operator does not hold up the next; a Pi has few cores."""
_LOCKED_S = 5.0  # how long a backup or a person's sqlite3 may hold the database
_CACHE_KIB = 8_192  # pages of the indexes that appends touch; a Pi has 512 MiB or more
_CHECKPOINT_PAGES = 4_096  # 16 MiB of log: pages that change often are written back less often

_T = TypeVar("_T")


class SqliteStore:
    """A ``Store`` in one file; beside it ``-wal`` and ``-shm`` while it is open, and ``.lock``.

    Args:
        path: The database file; made when it is not there, its folder is not.
        settings: How it writes.
    """

    def __init__(self, path: Path, settings: StoreSettings) -> None:
        self._path = path
        self._settings = settings
        self._resources = contextlib.ExitStack()
        self._writer: GroupWriter | None = None
        self._size_bytes = 0
        self._newest_position = 0

    async def open(self, settings_types: SettingsTypes) -> Snapshot:
        """See ``Store.open``. A damaged or newer database is left as it is."""
        snapshot = await asyncio.to_thread(self._open, settings_types)
        self._writer = GroupWriter(
            self._commit,
            name=f"store {self._path.name}",
            maximum_group_events=self._settings.maximum_group_events,
            minimum_interval_s=self._settings.minimum_interval_s,
        )
        return snapshot

    def write(self, batch: Batch, done: Done) -> None:
        """See ``Store.write``."""
        self._opened().write(batch, done)

    async def events(self, query: EventQuery) -> Sequence[StoredEvent]:
        """See ``Store.events``."""
        return await self._read(lambda connection: records.select_events(connection, query))

    def newest_position(self) -> int:
        """See ``Store.newest_position``."""
        return self._newest_position

    async def commands(self, query: CommandQuery) -> Sequence[Command]:
        """See ``Store.commands``."""
        return await self._read(lambda connection: records.select_commands(connection, query))

    async def command(self, command_id: str) -> Command | None:
        """See ``Store.command``."""
        return await self._read(lambda connection: records.select_command(connection, command_id))

    def status(self) -> StoreStatus:
        """See ``Store.status``."""
        writer = self._opened()
        return StoreStatus(
            trouble=writer.trouble,
            waiting=writer.waiting,
            commit_ms=writer.commit_ms,
            committed_groups=writer.committed_groups,
            committed_events=writer.committed_events,
            size_bytes=self._size_bytes,
            writing_s=writer.writing_s,
        )

    async def close(self) -> None:
        """See ``Store.close``. More than once is fine."""
        if self._writer is not None:
            await self._writer.close()
        await asyncio.to_thread(self._resources.close)

    def _opened(self) -> GroupWriter:
        if self._writer is None:
            raise StoreUnavailableError(f"{self._path} is not open")
        return self._writer

    def _open(self, settings_types: SettingsTypes) -> Snapshot:
        with contextlib.ExitStack() as stack, _in_words(self._path, reading=True):
            stack.enter_context(_locked(self._path))
            _examine(self._path)
            _make_private(self._path)
            self._file = _identity(self._path)
            engine = _engine(self._path, "rw", "BEGIN IMMEDIATE", sa.StaticPool)
            stack.callback(engine.dispose)
            self._connection = stack.enter_context(engine.connect())
            raw = self._connection.connection.driver_connection
            if not isinstance(raw, sqlite3.Connection):
                raise TypeError(f"{raw!r} is no connection of the sqlite3 module")
            self._raw = raw
            _set_up_writing(raw)
            with self._connection.begin():
                migrations.upgrade(self._connection)
            self._keys = Keys(raw)
            self._newest_position = newest_position(raw)
            self._readers = _engine(self._path, "ro", "BEGIN", sa.QueuePool)
            stack.callback(self._readers.dispose)
            self._reading = ThreadPoolExecutor(READERS, f"read {self._path.name}")
            stack.callback(self._reading.shutdown)
            with self._readers.begin() as reader:
                snapshot = records.select_snapshot(reader, settings_types)
            self._size_bytes = _size_bytes(self._path)
            self._resources = stack.pop_all()
        return snapshot

    async def _read(self, query: Callable[[sa.Connection], _T]) -> _T:
        self._opened()

        def read() -> _T:
            with _in_words(self._path, reading=True), self._readers.begin() as connection:
                return query(connection)

        try:
            future = self._reading.submit(read)
        except RuntimeError as exc:  # the threads have been sent home
            raise StoreUnavailableError(f"{self._path} is closed") from exc
        return await asyncio.wrap_future(future)

    def _commit(self, batches: Sequence[Batch]) -> int:
        """One transaction; runs in the writer's thread."""
        try:
            with _in_words(self._path):
                self._refuse_another_file()
                with self._connection.begin():
                    new = self._write_all(batches)
                    newest = self._newest_position
                    if new:
                        newest = newest_position(self._raw)
        except BaseException:
            if self._raw.in_transaction:  # a COMMIT that failed may leave it open
                self._raw.rollback()
            self._keys.forget()  # some may have been made by what was rolled back
            raise
        self._newest_position = max(newest, self._newest_position)
        self._size_bytes = _size_bytes(self._path)
        return new

    def _refuse_another_file(self) -> None:
        """SQLite would go on writing into a file that no longer has a name."""
        if _identity(self._path) != self._file:
            raise StoreUnavailableError(
                f"{self._path} was removed or replaced while the hub ran; restart the hub"
            )

    def _write_all(self, batches: Sequence[Batch]) -> int:
        new = 0
        rows: list[EventRow] = []
        retained: list[Publication] = []
        for batch in batches:
            for change in batch.changes:
                if isinstance(change, DeleteDevice | DeleteApplication):
                    new += append_events(self._raw, rows)  # what came before goes with the device
                    write_retained(self._raw, retained)  # or with the application
                    rows, retained = [], []
                    self._keys.forget()
                records.apply_change(self._connection, change)
            if batch.events:
                rows.extend(map(self._keys.row, batch.events))
            for command in batch.commands:
                records.put_command(self._connection, command)
            retained.extend(batch.retained)
            write_positions(self._raw, batch.positions)
        write_retained(self._raw, retained)
        return new + append_events(self._raw, rows)


def _engine(path: Path, mode: str, begin: str, pool: type[sa.Pool]) -> sa.Engine:
    """An engine whose transactions start with ``begin``, as the driver itself would not."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",
            uri=True,
            timeout=_LOCKED_S,
            isolation_level=None,
            check_same_thread=False,  # the pool and the writer keep each to one thread at a time
        )

    engine = sa.create_engine("sqlite+pysqlite://", creator=connect, poolclass=pool)

    @sa.event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _set_up_writing(raw: sqlite3.Connection) -> None:
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    raw.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the database for this hub. The file stays: removing it would let two hubs lock two.

    Raises:
        StoreUnavailableError: Another hub holds it.
    """
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.read(lock, 20).decode("ascii", "replace").strip()
            raise StoreUnavailableError(
                f"another hub with pid {holder or 'unknown'} uses {path};"
                " stop it, or give this one another data folder"
            ) from exc
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _examine(path: Path) -> None:
    """Refuse what is no database of ours, before anything is written to it."""
    if not path.exists() or path.stat().st_size == 0:
        return
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_LOCKED_S)) as raw:
        tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
    if tables and "alembic_version" not in tables:
        raise StoreUnavailableError(
            f"{path} is the database of another program; give the hub another path"
        )


def _make_private(path: Path) -> None:
    """Make the file when it is not there, and let nobody else read it: it holds secrets."""
    new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(file, 0o600)  # SQLite gives ``-wal`` and ``-shm`` the same mode
    finally:
        os.close(file)
    if new:  # a power cut shall not take the file's name
        folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _size_bytes(path: Path) -> int:
    size = 0
    for file in (path, Path(f"{path}-wal")):
        with contextlib.suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


@contextlib.contextmanager
def _in_words(path: Path, *, reading: bool = False) -> Iterator[None]:
    """Turn what the machine is to blame for into a sentence with cause and cure.

    While writing, an error that comes from the content alone is let through.
    """
    try:
        yield
    except (sqlite3.Error, sa.exc.DBAPIError) as exc:
        cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) else exc
        if reading or type(cause) in _MACHINE_ERRORS:
            raise StoreUnavailableError(_sentence(path, cause)) from exc
        raise
    except OSError as exc:
        raise StoreUnavailableError(
            f"{path} cannot be used: {exc.strerror}; check that its folder is there and is the"
            " hub's own"
        ) from exc


# The other classes of the driver blame the statement or its values.
_MACHINE_ERRORS = (sqlite3.OperationalError, sqlite3.DatabaseError, sqlite3.InternalError)
_SENTENCES = {
    "SQLITE_FULL": "the disk with {path} is full; free some space, then the hub goes on by itself",
    "SQLITE_BUSY": "another program holds {path} locked; close it, then the hub goes on by itself",
    "SQLITE_CORRUPT": "{path} is damaged; move it away and put a backup in its place",
    "SQLITE_NOTADB": "{path} is damaged, or no SQLite database at all; move it away and put a"
    " backup in its place",
    "SQLITE_READONLY": "{path} cannot be written; check its owner, its mode and its disk",
    "SQLITE_CANTOPEN": "{path} cannot be opened; check that its folder is there and is the hub's"
    " own",
    "SQLITE_IOERR": "the disk with {path} fails; replace it before more is lost",
}


def _sentence(path: Path, cause: BaseException | None) -> str:
    name = getattr(cause, "sqlite_errorname", "")  # like SQLITE_IOERR_FSYNC
    primary = "_".join(name.split("_")[:2])
    sentence = _SENTENCES.get(primary, "{path} cannot be used")
    return f"{sentence.format(path=path)} ({cause})"
