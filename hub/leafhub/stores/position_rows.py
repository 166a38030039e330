"""Positions of groups of readers as rows and back."""

import sqlite3
from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from leafhub.errors import StoreUnavailableError
from leafhub.stores.base import FeedPosition
from leafhub.stores.schema import feed_positions

# Readers may be told of the end of their application after it is gone from the disk.
_PUT = """
    INSERT INTO feed_positions (application, "group", selection, positions, updated_us)
    SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM applications WHERE name = ?)
    ON CONFLICT (application, "group", selection) DO UPDATE SET
    positions = excluded.positions, updated_us = excluded.updated_us
"""
_REMOVE = 'DELETE FROM feed_positions WHERE application = ? AND "group" = ? AND selection = ?'


def write_positions(raw: sqlite3.Connection, positions: Iterable[FeedPosition]) -> None:
    """Keep each in place of an earlier one, or take that away."""
    for one in positions:
        place = (one.application, one.group, one.selection)
        if one.positions:
            text = msgspec.json.encode(one.positions).decode()
            raw.execute(_PUT, (*place, text, one.updated_us, one.application))
        else:
            raw.execute(_REMOVE, place)


def forget_positions(connection: sa.Connection, application: str) -> None:
    """Take away those of an application."""
    own = feed_positions.c.application == application
    connection.execute(sa.delete(feed_positions).where(own))


def select_positions(connection: sa.Connection) -> tuple[FeedPosition, ...]:
    """All of them, those that were read longest ago first.

    Raises:
        StoreUnavailableError: One is not what was written.
    """
    rows = connection.execute(sa.select(feed_positions).order_by(feed_positions.c.updated_us))
    return tuple(
        FeedPosition(
            application=row.application,
            group=row.group,
            selection=row.selection,
            positions=_positions(row.positions, row.group),
            updated_us=row.updated_us,
        )
        for row in rows
    )


def _positions(text: str, group: str) -> tuple[int, ...]:
    try:
        return msgspec.json.decode(text, type=tuple[int, ...])
    except msgspec.DecodeError as exc:
        raise StoreUnavailableError(
            f"the position of the group {group!r} cannot be read: {exc}"
        ) from exc
