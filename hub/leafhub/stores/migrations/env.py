"""Alembic runs this for every command; the connection comes from ``running.configuration``."""

from alembic import context

from leafhub.stores.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column; Alembic copies the table instead
)
with context.begin_transaction():
    context.run_migrations()
