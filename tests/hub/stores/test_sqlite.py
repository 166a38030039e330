"""What is SQLite's alone: the file, its lock, its failures."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from leafhub.errors import StoreUnavailableError
from leafhub.model.application import Application
from leafhub.model.event import Event
from leafhub.model.registry import PutApplication
from leafhub.stores import event_rows, records
from leafhub.stores import sqlite as sqlite_module
from leafhub.stores.base import Batch, EventQuery
from leafhub.stores.settings import StoreSettings
from leafhub.stores.sqlite import SqliteStore


class Nothing(msgspec.Struct, frozen=True):
    pass


class Strict(msgspec.Struct, frozen=True):
    must: int


def no_settings(_dialect: str) -> tuple[type[msgspec.Struct], type[msgspec.Struct]]:
    return Nothing, Nothing


def event(id_: str, data: bytes = b"1") -> Event:
    return Event(
        id=id_, application="oak", device="d1", sender="d1", channel="t", time_us=1, data=data
    )


async def write(store: SqliteStore, *events: Event) -> None:
    future: asyncio.Future[StoreUnavailableError | None] = asyncio.Future()
    store.write(Batch(events=events), future.set_result)
    if (error := await future) is not None:
        raise error


async def ids(store: SqliteStore) -> list[str]:
    found = await store.events(EventQuery(oldest_first=True, limit=1000))
    return [one.event.id for one in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "100% of a leaf's?.db"  # signs that mean something in a URI


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, StoreSettings())
    await store.open(no_settings)
    yield store
    await store.close()


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def move(path: Path, target: Path) -> None:
    path.rename(target)


def run_and_kill(path: Path, after_s: float) -> list[bytes]:
    """What the program had printed when it was killed, so long after its first line."""
    program = Path(__file__).with_name("acknowledging_program.py")
    output = path.with_name("output")  # a pipe nobody reads would make it wait
    with (
        output.open("wb") as stdout,
        subprocess.Popen([sys.executable, program, path], stdout=stdout) as writer,  # noqa: S603 - ours
    ):
        while output.stat().st_size == 0:
            assert writer.poll() is None
            time.sleep(0.005)
        time.sleep(after_s)
        writer.send_signal(signal.SIGKILL)
    return content_of(output).splitlines(keepends=True)


async def refusal(path: Path) -> str:
    store = SqliteStore(path, StoreSettings())
    with pytest.raises(StoreUnavailableError) as caught:
        await store.open(no_settings)
    await store.close()
    return str(caught.value)


async def test_a_commit_is_synchronous_in_the_write_ahead_log(store: SqliteStore) -> None:
    assert store._raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._raw.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


async def test_all_files_are_the_owners_only(path: Path) -> None:
    put(path, b"")
    store = SqliteStore(path, StoreSettings())
    before = os.umask(0)
    try:
        await store.open(no_settings)
        await write(store, event("a"))
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    finally:
        os.umask(before)
        await store.close()
    ends = ("", "-wal", "-shm", ".lock")
    assert modes == {f"{path.name}{end}": 0o600 for end in ends}


async def test_close_leaves_one_file_with_everything_and_the_lock(
    store: SqliteStore, path: Path
) -> None:
    await write(store, event("a"))
    await store.close()
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


async def test_a_second_hub_is_told_who_holds_the_database(store: SqliteStore, path: Path) -> None:
    program = (
        "import fcntl, os, sys\n"
        "file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "os.ftruncate(file, 0)\n"
        "os.write(file, b'%d\\n' % os.getpid())\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    await store.close()
    with subprocess.Popen(  # noqa: ASYNC220, S603 - ours, and it answers at once
        [sys.executable, "-c", program, f"{path}.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert f"another hub with pid {other.pid} uses {path}" in await refusal(path)
    await store.open(no_settings)
    assert f"another hub with pid {os.getpid()} uses" in await refusal(path)


@pytest.mark.parametrize("content", [b"this is no database" * 300, b"SQLite format 3\0" * 300])
async def test_a_damaged_file_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    put(path, content)
    assert "damaged" in await refusal(path)
    assert content_of(path) == content


async def test_a_damaged_table_is_refused(store: SqliteStore, path: Path) -> None:
    await write(store, *(event(str(number), bytes(1000)) for number in range(50)))
    await store.close()
    content = bytearray(content_of(path))
    content[4096:] = b"\xff" * (len(content) - 4096)  # all but the header and the list of tables
    put(path, bytes(content))
    assert "damaged" in await refusal(path)
    assert content_of(path) == content


async def test_a_newer_schema_is_refused_and_left_as_it_is(store: SqliteStore, path: Path) -> None:
    await store.close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    before = content_of(path)
    assert "a newer Leafhub made this database" in await refusal(path)
    assert content_of(path) == before


async def test_the_database_of_another_program_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE bookmarks (url)")
    raw.close()
    before = content_of(path)
    assert "another program" in await refusal(path)
    assert content_of(path) == before


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "leafhub.db"
    assert f"{path} cannot be used: No such file or directory" in await refusal(path)


async def test_settings_that_cannot_be_read_name_the_record(path: Path) -> None:
    store = SqliteStore(path, StoreSettings())
    await store.open(no_settings)
    oak = Application(name="oak", uid="u", dialect="acorn", settings=Nothing())
    future: asyncio.Future[StoreUnavailableError | None] = asyncio.Future()
    store.write(Batch(changes=(PutApplication(oak),)), future.set_result)
    assert await future is None
    await store.close()
    with pytest.raises(StoreUnavailableError, match=r"settings of application 'oak'.*`must`"):
        await store.open(lambda _dialect: (Strict, Strict))
    await store.open(no_settings)  # the refusal has let go of the file
    await store.close()


async def test_a_full_disk_is_reported_in_words_and_overcome(store: SqliteStore) -> None:
    await write(store, event("before"))
    pages = store._raw.execute("PRAGMA page_count").fetchone()[0]
    store._raw.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreUnavailableError, match="full; free some space"):
        await write(store, event("small"), event("large", bytes(100_000)))
    trouble = store.status().trouble
    assert trouble is not None
    assert "database or disk is full" in trouble
    assert await ids(store) == ["before"]
    store._raw.execute("PRAGMA max_page_count = 1000000")
    await write(store, event("after", bytes(100_000)))
    assert store.status().trouble is None
    assert await ids(store) == ["before", "after"]


async def test_a_full_disk_does_not_leave_keys_of_what_was_rolled_back(
    store: SqliteStore,
) -> None:
    pages = store._raw.execute("PRAGMA page_count").fetchone()[0]
    store._raw.execute(f"PRAGMA max_page_count = {pages + 2}")
    other = msgspec.structs.replace(event("a", bytes(100_000)), topic="new/topic", channel="new")
    with pytest.raises(StoreUnavailableError):
        await write(store, other)
    small = msgspec.structs.replace(other, data=b"")
    await write(store, small)
    (stored,) = await store.events(EventQuery())
    assert stored.event == small


async def test_a_lock_by_another_program_is_reported_and_overcome(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "_LOCKED_S", 0.05)
    store = SqliteStore(path, StoreSettings())
    await store.open(no_settings)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="another program holds"):
        await write(store, event("a"))
    other.execute("ROLLBACK")
    other.close()
    await write(store, event("a"))
    assert await ids(store) == ["a"]
    await store.close()


async def test_a_file_that_was_removed_acknowledges_nothing(
    store: SqliteStore, path: Path
) -> None:
    moved = path.with_suffix(".moved")
    move(path, moved)
    with pytest.raises(StoreUnavailableError, match="removed or replaced"):
        await write(store, event("a"))
    move(moved, path)
    await write(store, event("a"))
    assert await ids(store) == ["a"]


async def test_reading_does_not_wait_for_a_writer(store: SqliteStore, path: Path) -> None:
    await write(store, event("a"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM events")
    async with asyncio.timeout(2):
        assert await ids(store) == ["a"]
    other.execute("ROLLBACK")
    other.close()


async def test_more_places_than_memory_keeps(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_rows, "KNOWN_PLACES", 3)
    some = [msgspec.structs.replace(event(str(n)), topic=f"t/{n % 5}") for n in range(50)]
    await write(store, *some)
    assert len(store._keys._places) <= 3
    found = await store.events(EventQuery(oldest_first=True))
    assert [one.event for one in found] == some


async def test_long_topics_fill_no_memory(store: SqliteStore) -> None:
    topics = ("short", "x" * 65_535)
    some = [msgspec.structs.replace(event(str(n)), topic=topics[n % 2]) for n in range(4)]
    await write(store, *some)
    assert [place[-1] for place in store._keys._places] == ["short"]
    found = await store.events(EventQuery(oldest_first=True))
    assert [one.event for one in found] == some


async def test_queries_use_the_index_of_the_series(store: SqliteStore) -> None:
    """A scan would pass every other test and fail on a Pi with ten million events."""
    seen: list[str] = []
    await write(store, event("a"))
    with store._readers.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_trace_callback(seen.append)
        records.select_events(connection, EventQuery(device="d1", before=99))
        raw.set_trace_callback(None)
        (statement,) = [one for one in seen if "time_us" in one]
        plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert any("events_of_series" in step for step in plan), plan
    assert not [step for step in plan if step.startswith("SCAN events")], plan


def test_settings_refuse_what_makes_no_sense() -> None:
    for wrong in (
        {"minimum_interval_s": -1},
        {"minimum_interval_s": 61},
        {"maximum_group_events": 0},
        {"interval": 1},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, StoreSettings)


@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.7])
async def test_after_kill_9_everything_reported_is_there_once(path: Path, after_s: float) -> None:
    reported = run_and_kill(path, after_s)
    whole = [int(one) for one in reported if one.endswith(b"\n")]
    assert whole == list(range(len(whole)))
    store = SqliteStore(path, StoreSettings())
    await store.open(no_settings)
    await write(store, event("after the crash"))
    await store.close()
    with sqlite3.connect(path) as raw:
        stored = [id_ for (id_,) in raw.execute("SELECT id FROM events ORDER BY position")]
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()
    assert stored.pop() == "after the crash"
    assert stored == [str(one) for one in range(len(stored))]  # none missing, none twice
    assert len(stored) >= len(whole) > 0
    assert len(stored) % 3 == 0  # batches are whole
