"""The way from any earlier schema to today's, run by Alembic when a store is opened.

A database that is up to date, as nearly every one is, is told by one query; Alembic and its 10 MB
of memory stay away then.
"""

import sqlalchemy as sa

HEAD = "0002"
"""The revision of today's schema."""


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema up to date, in the transaction that the caller has begun.

    Raises:
        StoreUnavailableError: A newer Leafhub made this schema; nothing was changed.
    """
    if sa.inspect(connection).has_table("alembic_version"):
        found = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()
        if found == [HEAD]:
            return
    from leafhub.stores.migrations import running  # noqa: PLC0415 - see the module

    running.upgrade(connection)
