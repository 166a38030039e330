"""Roles and tokens of operators, attributes of events, positions of readers, Drogue's ``spec``."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OPERATORS = sa.table(
    "operators", *map(sa.column, ("name", "credentials", "tokens", "role", "roles", "offers"))
)
_EARLIER = sa.table("operators", *map(sa.column, ("name", "credentials", "may_write")))
_APPLICATIONS = sa.table("applications", *map(sa.column, ("name", "dialect", "settings")))
_DEVICES = sa.table("devices", *map(sa.column, ("application", "id", "settings")))


def upgrade() -> None:
    """To this schema."""
    operators = op.get_bind().execute(_EARLIER.select()).all()
    rows = [
        {
            "name": row.name,
            "credentials": row.credentials,
            "tokens": "[]",
            "role": "admin" if row.may_write else "reader",
            "roles": "{}",
            "offers": "{}",
        }
        for row in operators
    ]
    op.drop_table("operators")
    op.create_table(
        "operators",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("credentials", sa.Text, nullable=False),
        sa.Column("tokens", sa.Text, nullable=False),
        sa.Column("role", sa.Text),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("offers", sa.Text, nullable=False),
    )
    op.bulk_insert(_OPERATORS, rows)
    op.add_column("events", sa.Column("attributes", sa.Text))
    op.create_table(
        "feed_positions",
        sa.Column("application", sa.Text, primary_key=True),
        sa.Column("group", sa.Text, primary_key=True),
        sa.Column("selection", sa.Text, primary_key=True),
        sa.Column("positions", sa.Text, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
    )
    _rewrite_drogue_settings(_wrapped)


def downgrade() -> None:
    """Back to the schema without them."""
    operators = op.get_bind().execute(_OPERATORS.select()).all()
    rows = [
        {"name": row.name, "credentials": row.credentials, "may_write": row.role == "admin"}
        for row in operators
        if row.role is not None  # whoever may see some applications only would see all of them
    ]
    op.drop_table("operators")
    op.create_table(
        "operators",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("credentials", sa.Text, nullable=False),
        sa.Column("may_write", sa.Boolean, nullable=False),
    )
    op.bulk_insert(_EARLIER, rows)
    op.drop_column("events", "attributes")
    op.drop_table("feed_positions")
    _rewrite_drogue_settings(_unwrapped)


def _rewrite_drogue_settings(rewritten: Any) -> None:
    connection = op.get_bind()
    drogue = sa.select(_APPLICATIONS.c.name).where(_APPLICATIONS.c.dialect == "drogue")
    for table, own in (
        (_APPLICATIONS, _APPLICATIONS.c.name.in_(drogue)),
        (_DEVICES, _DEVICES.c.application.in_(drogue)),
    ):
        key = [column for column in table.c if column.name in {"name", "application", "id"}]
        for row in connection.execute(sa.select(*key, table.c.settings).where(own)).all():
            same = [column == row._mapping[column.name] for column in key]  # noqa: SLF001 - public
            settings = json.dumps(rewritten(json.loads(row.settings)), separators=(",", ":"))
            connection.execute(sa.update(table).where(*same).values(settings=settings))


def _wrapped(settings: dict[str, Any]) -> dict[str, Any]:
    """Known sections as members of ``spec``; those that say nothing are left out."""
    empty: tuple[Any, ...] = (None, [], {"matchNames": []})
    return {"spec": {name: value for name, value in settings.items() if value not in empty}}


def _unwrapped(settings: dict[str, Any]) -> dict[str, Any]:
    spec = settings.get("spec", {})
    return {name: spec[name] for name in ("alias", "gatewaySelector", "mqtt") if name in spec}
