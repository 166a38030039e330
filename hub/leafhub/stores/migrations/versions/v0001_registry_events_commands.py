"""The first schema: registry, events, commands."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this schema."""
    op.create_table(
        "applications",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "devices",
        sa.Column("application", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("credentials", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "operators",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("credentials", sa.Text, nullable=False),
        sa.Column("may_write", sa.Boolean, nullable=False),
    )
    op.create_table(
        "words",
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.UniqueConstraint("text", name="words_text"),
    )
    op.create_table(
        "sources",
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.UniqueConstraint("application", "device", name="sources_device"),
    )
    op.create_table(
        "series",
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("source", _KEY, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.UniqueConstraint("source", "channel", name="series_channel"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "events",
        sa.Column("position", _KEY, primary_key=True),
        sa.Column("series", _KEY, nullable=False),
        sa.Column("source", _KEY, nullable=False),
        sa.Column("sender", _KEY, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("type", _KEY, nullable=False),
        sa.Column("datacontenttype", _KEY, nullable=False),
        sa.Column("topic", _KEY, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("raw", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "commands",
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("datacontenttype", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("error", sa.Text),
        sa.UniqueConstraint("id", name="commands_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_of_series", "events", ["series", "position"])
    op.create_index("events_once", "events", ["source", "id"], unique=True)
    op.create_index("commands_of_device", "commands", ["application", "device", "key"])
    op.create_index("commands_by_state", "commands", ["state"])


def downgrade() -> None:
    """Back to an empty database."""
    for table in (
        "commands",
        "events",
        "series",
        "sources",
        "words",
        "operators",
        "devices",
        "applications",
    ):
        op.drop_table(table)
