"""Retained messages of topic spaces."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    op.create_table(
        "retained",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("topic_name", sa.Text, primary_key=True),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("qos", sa.SmallInteger, nullable=False),
        sa.Column("properties", sa.Text, nullable=False),
        sa.Column("expires_us", sa.BigInteger),
        sa.Column("publisher", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Back to the schema without them."""
    op.drop_table("retained")
