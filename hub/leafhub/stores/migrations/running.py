"""Alembic at work, without a file of its own."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from leafhub.errors import StoreUnavailableError


def configuration(connection: sa.Connection | None = None) -> Config:
    """What Alembic needs to know, without a file; ``connection`` is the one to migrate."""
    config = Config()
    here = str(Path(__file__).parent)
    config.set_main_option("script_location", here.replace("%", "%%"))  # it interpolates
    config.attributes["connection"] = connection
    return config


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema up to date, in the transaction that the caller has begun.

    Raises:
        StoreUnavailableError: A newer Leafhub made this schema; nothing was changed.
    """
    config = configuration(connection)
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {one.revision for one in scripts.walk_revisions()}:
        raise StoreUnavailableError(
            f"a newer Leafhub made this database (its schema is {current!r}); install that one"
        )
    command.upgrade(config, "head")
