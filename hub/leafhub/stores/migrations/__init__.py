"""The way from any earlier schema to today's, run by Alembic when a store is opened.

Nearly every database is new or up to date, and one query tells: a new one gets today's tables as
they are, and Alembic with its 10 MB of memory stays away.
"""

import sqlalchemy as sa

from leafhub.stores.schema import metadata

HEAD = "0003"
"""The revision of today's schema."""

_version = sa.Table(  # as Alembic makes it
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema up to date, in the transaction that the caller has begun.

    Raises:
        StoreUnavailableError: A newer Leafhub made this schema; nothing was changed.
    """
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        _make(connection)
    elif _version.name not in tables or connection.scalars(sa.select(_version)).all() != [HEAD]:
        from leafhub.stores.migrations import running  # noqa: PLC0415 - see the module

        running.upgrade(connection)


def _make(connection: sa.Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=HEAD))
