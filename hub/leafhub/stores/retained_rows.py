"""Retained messages as rows and back."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from leafhub.errors import StoreUnavailableError
from leafhub.model.publication import Publication
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.stores.schema import retained

_PUT = """
    INSERT INTO retained
    (space, topic_name, payload, qos, properties, expires_us, publisher)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (space, topic_name) DO UPDATE SET
    payload = excluded.payload, qos = excluded.qos, properties = excluded.properties,
    expires_us = excluded.expires_us, publisher = excluded.publisher
"""
_REMOVE = "DELETE FROM retained WHERE space = ? AND topic_name = ?"
_NO_PROPERTIES = "{}"


def write_retained(raw: sqlite3.Connection, publications: Iterable[Publication]) -> None:
    """Keep each in place of an earlier one of its topic, or take that away if it is empty."""
    last = {(one.space, one.topic_name): one for one in publications}
    raw.executemany(_PUT, (_row(one) for one in last.values() if one.payload))
    raw.executemany(_REMOVE, (place for place, one in last.items() if not one.payload))


def forget_space(connection: sa.Connection, space: str) -> None:
    """Take away all of a topic space."""
    connection.execute(sa.delete(retained).where(retained.c.space == space))


def select_retained(connection: sa.Connection) -> tuple[Publication, ...]:
    """All of every topic space.

    Raises:
        StoreUnavailableError: One is not what was written.
    """
    return tuple(_publication(row) for row in connection.execute(sa.select(retained)))


def _row(publication: Publication) -> tuple[str, str, bytes, int, str, int | None, str]:
    return (
        publication.space,
        publication.topic_name,
        publication.payload,
        publication.qos,
        _json(publication.properties),
        publication.expires_us,
        publication.publisher,
    )


def _json(properties: Properties) -> str:
    if properties is EMPTY:
        return _NO_PROPERTIES
    values = msgspec.structs.asdict(properties)
    there = {name: value for name, value in values.items() if value not in (None, ())}
    return msgspec.json.encode(there).decode()


def _publication(row: sa.Row[Any]) -> Publication:
    return Publication(
        space=row.space,
        topic_name=row.topic_name,
        payload=row.payload,
        qos=row.qos,
        retain=True,
        properties=_properties(row),
        expires_us=row.expires_us,
        publisher=row.publisher,
    )


def _properties(row: sa.Row[Any]) -> Properties:
    if row.properties == _NO_PROPERTIES:
        return EMPTY
    try:
        return msgspec.json.decode(row.properties, type=Properties)
    except msgspec.DecodeError as exc:
        raise StoreUnavailableError(
            f"the retained message of {row.topic_name!r} in {row.space!r} cannot be read: {exc}"
        ) from exc
