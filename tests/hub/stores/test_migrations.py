import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


Entry = tuple[str, str, str | None]


def schema(connection: sa.Connection) -> list[Entry]:
    """Every table and index that SQLite itself knows, also those it made by itself."""
    rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    return [
        (kind, name, sql and re.sub(r" ?([(),]) ?", r"\1", " ".join(sql.split())))
        for kind, name, sql in rows
    ]


def test_from_empty_the_tables_are_those_of_the_schema(connection: sa.Connection) -> None:
    with connection.begin():
        running.upgrade(connection)
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    assert compare_metadata(context, metadata) == []


def test_a_new_database_is_what_all_migrations_make(
    connection: sa.Connection, tmp_path: Path
) -> None:
    with connection.begin():
        migrations.upgrade(connection)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/migrated.db", poolclass=sa.NullPool)
    with engine.begin() as migrated:
        running.upgrade(migrated)
        made, wanted = schema(connection), schema(migrated)
        assert made == wanted
        assert connection.exec_driver_sql("SELECT * FROM alembic_version").all() == (
            migrated.exec_driver_sql("SELECT * FROM alembic_version").all()
        )
    assert ("index", "sqlite_autoindex_words_1", None) in made
    assert {name for kind, name, _ in made if kind == "index"} >= {
        "events_of_series",
        "events_once",
        "commands_of_device",
        "commands_by_state",
    }
    numbered = {name for _, name, sql in made if sql is not None and "AUTOINCREMENT" in sql}
    assert numbered == {"series", "events", "commands"}


def test_an_old_database_becomes_what_a_new_one_is(
    connection: sa.Connection, tmp_path: Path
) -> None:
    with connection.begin():
        command.upgrade(running.configuration(connection), "0001")
        connection.exec_driver_sql("INSERT INTO words VALUES (1, 'kept')")
    with connection.begin():
        migrations.upgrade(connection)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/new.db", poolclass=sa.NullPool)
    with engine.begin() as new:
        migrations.upgrade(new)
        assert schema(connection) == schema(new)
    assert connection.exec_driver_sql("SELECT text FROM words").scalars().all() == ["kept"]


def test_what_an_old_database_knows_of_drogue_and_of_operators_is_kept(
    connection: sa.Connection,
) -> None:
    config = running.configuration(connection)
    device = '{"alias":["a"],"gatewaySelector":{"matchNames":[]},"mqtt":null}'
    plain = '{"mqtt":{"dialect":{"type":"plainTopic","devicePrefix":false}}}'
    with connection.begin():
        command.upgrade(config, "0002")
        for line in (
            "INSERT INTO applications VALUES ('shop', 'u', 'murano', '{\"mqtt\":1}', 1, 7)",
            "INSERT INTO devices VALUES ('shop', 'd', 'u', 'd', '{\"alias\":[]}', '[]', 1, 7)",
            "INSERT INTO operators VALUES ('ada', '[]', 1), ('bob', '[]', 0)",
        ):
            connection.exec_driver_sql(line)
        for table, values in (
            ("applications", ("plant", "u", "drogue", plain, 1, 7)),
            ("devices", ("plant", "d", "u", "d", device, "[]", 1, 7)),
        ):
            marks = ", ".join("?" * len(values))
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608
    with connection.begin():
        migrations.upgrade(connection)

    def all_of(query: str) -> list[tuple[object, ...]]:
        with connection.begin():
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    assert all_of("SELECT settings FROM applications ORDER BY name") == [
        (f'{{"spec":{plain}}}',),
        ('{"mqtt":1}',),
    ]
    assert all_of("SELECT settings FROM devices ORDER BY application") == [
        ('{"spec":{"alias":["a"]}}',),
        ('{"alias":[]}',),
    ]
    assert all_of("SELECT name, tokens, role, roles, offers FROM operators ORDER BY name") == [
        ("ada", "[]", "admin", "{}", "{}"),
        ("bob", "[]", "reader", "{}", "{}"),
    ]
    with connection.begin():
        command.downgrade(config, "0002")
    assert all_of("SELECT settings FROM applications ORDER BY name")[0] == (plain,)
    assert all_of("SELECT name, may_write FROM operators ORDER BY name") == [
        ("ada", 1),
        ("bob", 0),
    ]


@pytest.mark.parametrize(
    ("written", "application", "device"),
    [
        ({"spec": {"mqtt": {"dialect": {"type": "drogue/v1"}}}}, "mqtt", "mqtt"),
        (
            {"spec": {"mqtt": {"dialect": {"type": "plainTopic", "devicePrefix": True}}}},
            *("mqtt", "mqtt"),
        ),
        ({"spec": {"mqtt": {"dialect": {"type": "azure"}}}}, "", ""),
        ({"spec": {"mqtt": {}}}, "", ""),
        ({"spec": {"mqtt": {"dialect": {"type": "plainTopic", "devicePrefix": 1}}}}, "", ""),
        ({"spec": {"alias": ["a"]}, "labels": {"l": "m"}, "generation": 3}, "", "alias"),
        ({"spec": {"alias": {"a": 1}}}, "", ""),
        ({"spec": {"alias": [1]}}, "", ""),
        ({"spec": {"gatewaySelector": {"matchNames": ["g"]}}}, "", "gatewaySelector"),
        ({"spec": {"gatewaySelector": {"matchNames": ["g"], "matchLabels": {}}}}, "", ""),
        ({"spec": {"gatewaySelector": {"matchNames": "g"}}}, "", ""),
        ({"spec": {"authentication": 7, "publish": {}}, "finalizers": ["f"]}, "", ""),
        ({"spec": {}, "deletedUs": 7, "finalizers": ["f"]}, "", ""),
        ({}, "", ""),
    ],
)
def test_an_earlier_hub_gets_of_drogue_what_it_can_read(
    connection: sa.Connection, written: dict[str, Any], application: str, device: str
) -> None:
    config = running.configuration(connection)
    with connection.begin():
        migrations.upgrade(connection)
        for table, own in (
            ("applications", "'plant', 'u', 'drogue'"),
            ("devices", "'plant', 'd', 'u', 'd'"),
        ):
            rest = "1, 7" if table == "applications" else "'[]', 1, 7"
            connection.exec_driver_sql(
                f"INSERT INTO {table} VALUES ({own}, ?, {rest})",  # noqa: S608
                (json.dumps(written),),
            )
        command.downgrade(config, "0002")
    for table, kept in (("applications", application), ("devices", device)):
        with connection.begin():
            query = f"SELECT settings, enabled FROM {table}"  # noqa: S608
            settings, enabled = connection.exec_driver_sql(query).one()
        expected = {kept: written["spec"][kept]} if kept else {}
        assert json.loads(settings) == expected
        assert enabled == ("deletedUs" not in written)


def test_every_step_down_and_up_again_gives_the_same_tables(connection: sa.Connection) -> None:
    config = running.configuration(connection)
    steps = list(ScriptDirectory.from_config(config).walk_revisions())
    with connection.begin():
        command.upgrade(config, "+1")
        command.downgrade(config, "-1")  # Alembic's own table stays
        before: list[list[Entry]] = [schema(connection)]
        for _step in steps:
            command.upgrade(config, "+1")
            before.append(schema(connection))
        highest = before[-1]
        for _step in steps:
            assert schema(connection) == before.pop()
            command.downgrade(config, "-1")
        assert schema(connection) == before.pop()
        migrations.upgrade(connection)
        assert schema(connection) == highest


def test_there_is_one_newest_schema_and_it_is_the_one_that_a_start_looks_for(
    connection: sa.Connection,
) -> None:
    scripts = ScriptDirectory.from_config(running.configuration(connection))
    assert scripts.get_heads() == [migrations.HEAD]


def test_only_an_old_database_loads_alembic(tmp_path: Path) -> None:
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

    def loads_alembic() -> str:
        return subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.strip()

    assert loads_alembic() == "False"  # a new one
    assert loads_alembic() == "False"  # one that is up to date
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        command.downgrade(running.configuration(connection), "-1")
    assert loads_alembic() == "True"
    assert loads_alembic() == "False"


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
