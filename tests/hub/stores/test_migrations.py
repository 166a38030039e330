import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from leafhub.errors import StoreUnavailableError
from leafhub.stores import migrations
from leafhub.stores.migrations import running
from leafhub.stores.schema import metadata


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "leafhub.db", isolation_level=None)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def schema(connection: sa.Connection) -> list[tuple[str, str]]:
    """What SQLite itself says, with Alembic's own table left out."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name"
    )
    own = ("alembic_version", "sqlite_sequence")
    return [(name, " ".join(sql.split())) for name, sql in rows if name not in own]


def test_from_empty_the_tables_are_those_of_the_schema(connection: sa.Connection) -> None:
    with connection.begin():
        migrations.upgrade(connection)
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    assert compare_metadata(context, metadata) == []


def test_migrations_say_the_same_sql_as_the_schema(
    connection: sa.Connection, tmp_path: Path
) -> None:
    with connection.begin():
        migrations.upgrade(connection)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/direct.db", poolclass=sa.NullPool)
    with engine.begin() as direct:
        metadata.create_all(direct)
        assert schema(connection) == schema(direct)


def test_every_step_down_and_up_again_gives_the_same_tables(connection: sa.Connection) -> None:
    config = running.configuration(connection)
    before: list[list[tuple[str, str]]] = [[]]
    steps = list(ScriptDirectory.from_config(config).walk_revisions())
    with connection.begin():
        for _step in steps:
            command.upgrade(config, "+1")
            before.append(schema(connection))
        for _step in steps:
            assert schema(connection) == before.pop()
            command.downgrade(config, "-1")
        assert schema(connection) == before.pop() == []
        migrations.upgrade(connection)
        assert schema(connection) != []


def test_there_is_one_newest_schema_and_it_is_the_one_that_a_start_looks_for(
    connection: sa.Connection,
) -> None:
    scripts = ScriptDirectory.from_config(running.configuration(connection))
    assert scripts.get_heads() == [migrations.HEAD]


def test_a_database_that_is_up_to_date_opens_without_alembic(tmp_path: Path) -> None:
    path = tmp_path / "leafhub.db"
    script = (
        "import asyncio, pathlib, sys\n"
        "from leafhub.stores.settings import StoreSettings\n"
        "from leafhub.stores.sqlite import SqliteStore\n"
        "async def main():\n"
        f"    store = SqliteStore(pathlib.Path({str(path)!r}), StoreSettings())\n"
        "    await store.open(lambda _: ())\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
        "print('alembic' in sys.modules)\n"
    )
    loaded = [
        subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert loaded == ["True", "False"]


def test_a_second_upgrade_changes_nothing(connection: sa.Connection) -> None:
    with connection.begin():
        migrations.upgrade(connection)
        before = schema(connection)
    with connection.begin():
        migrations.upgrade(connection)
        assert schema(connection) == before


def test_a_newer_schema_is_refused(connection: sa.Connection) -> None:
    with connection.begin():
        migrations.upgrade(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StoreUnavailableError, match="newer Leafhub"):
            migrations.upgrade(connection)
