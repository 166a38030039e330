"""Roles and tokens of operators, attributes of events, positions of readers, Drogue's ``spec``."""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_Rewrite = Callable[[dict[str, Any], tuple[str, ...]], dict[str, Any]]

_OPERATORS = sa.table(
    "operators", *map(sa.column, ("name", "credentials", "tokens", "role", "roles", "offers"))
)
_EARLIER = sa.table("operators", *map(sa.column, ("name", "credentials", "may_write")))
_APPLICATIONS = sa.table(
    "applications", *map(sa.column, ("name", "dialect", "settings", "enabled"))
)
_DEVICES = sa.table("devices", *map(sa.column, ("application", "id", "settings", "enabled")))


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
    """Back to the schema without them.

    What it cannot say is lost, but for what was deleted and waits: that is shut out still.
    """
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


def _rewrite_drogue_settings(rewritten: _Rewrite) -> None:
    connection = op.get_bind()
    drogue = sa.select(_APPLICATIONS.c.name).where(_APPLICATIONS.c.dialect == "drogue")
    for table, own, sections in (
        (_APPLICATIONS, _APPLICATIONS.c.name.in_(drogue), ("mqtt",)),
        (_DEVICES, _DEVICES.c.application.in_(drogue), ("alias", "gatewaySelector", "mqtt")),
    ):
        key = [column for column in table.c if column.name in {"name", "application", "id"}]
        columns = (*key, table.c.settings, table.c.enabled)
        for row in connection.execute(sa.select(*columns).where(own)).all():
            same = [column == row._mapping[column.name] for column in key]  # noqa: SLF001 - public
            before = json.loads(row.settings)
            settings = json.dumps(rewritten(before, sections), separators=(",", ":"))
            enabled = row.enabled and before.get("deletedUs") is None
            change = sa.update(table).where(*same).values(settings=settings, enabled=enabled)
            connection.execute(change)


def _wrapped(settings: dict[str, Any], sections: tuple[str, ...]) -> dict[str, Any]:
    """Known sections as members of ``spec``; those that say nothing are left out."""
    empty: tuple[Any, ...] = (None, [], {"matchNames": []})
    known = {name: settings[name] for name in sections if name in settings}
    return {"spec": {name: value for name, value in known.items() if value not in empty}}


def _unwrapped(settings: dict[str, Any], sections: tuple[str, ...]) -> dict[str, Any]:
    """Known sections, where they are as an earlier hub can read them: it reads all, or none."""
    spec = settings.get("spec", {})
    return {name: spec[name] for name in sections if name in spec and _was_known(name, spec[name])}


def _was_known(name: str, section: object) -> bool:
    match name, section:
        case "alias", list(names):
            return _are_texts(names)
        case "gatewaySelector", {"matchNames": list(names), **others}:
            return not others and _are_texts(names)
        case "mqtt", {"dialect": {"type": "drogue/v1", **options}, **others}:
            return not others and not options
        case "mqtt", {"dialect": {"type": "plainTopic", **options}, **others}:
            prefix = options.pop("devicePrefix", False)
            return not others and not options and isinstance(prefix, bool)
        case _:
            return False


def _are_texts(names: list[Any]) -> bool:
    return all(isinstance(name, str) for name in names)
