"""Appending events: what a store does at every message, and therefore with the driver itself."""

import sqlite3
from collections.abc import Sequence

import msgspec

from leafhub.model.event import Event

KNOWN_PLACES = 8_192
"""Combinations of device, channel and topic whose keys stay in memory; about 4 MiB when full."""
LONGEST_KNOWN = 512
"""Characters of such a combination; what is longer is asked for again each time. Devices choose
them, and a topic may have 64 KiB."""

EventRow = tuple[int, int, int, int, int, int, int, int, str, bytes, bytes | None, str | None]

# One row a call: with the indexes there, statements of 50 or 250 rows measured no faster, and
# slower where an id is random.
_INSERT = """
    INSERT INTO events
    (series, source, sender, type, datacontenttype, topic, kind, time_us, id, data, raw,
     attributes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (source, id) DO NOTHING
"""

_NEWEST = "SELECT max(position) FROM events"


def append_events(raw: sqlite3.Connection, rows: Sequence[EventRow]) -> int:
    """Insert those that are not there yet, and give how many they were."""
    return raw.executemany(_INSERT, rows).rowcount if rows else 0


def newest_position(raw: sqlite3.Connection) -> int:
    """The highest position there is, one seek away; 0: there is none.

    SQLAlchemy would take a tenth of a small commit for it.
    """
    (position,) = raw.execute(_NEWEST).fetchone()
    return position or 0


class Keys:
    """The integers that stand for an event's texts; those in use stay in memory.

    Args:
        raw: The writing connection; new keys are made inside its transaction.
    """

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self._places: dict[tuple[str, ...], tuple[int, int, int, int, int, int]] = {}

    def forget(self) -> None:
        """Ask the database again from now on."""
        self._places.clear()

    def row(self, event: Event) -> EventRow:
        """An event as it is inserted."""
        place = (
            event.application,
            event.device,
            event.channel,
            event.sender,
            event.type,
            event.datacontenttype,
            event.topic,
        )
        keys = self._places.get(place)
        if keys is None:
            keys = self._look_up(event)
            if sum(map(len, place)) <= LONGEST_KNOWN:
                if len(self._places) >= KNOWN_PLACES:
                    self._places.clear()
                self._places[place] = keys
        attributes = _json(event.attributes) if event.attributes else None
        return (*keys, event.kind, event.time_us, event.id, event.data, event.raw, attributes)

    def _look_up(self, event: Event) -> tuple[int, int, int, int, int, int]:
        source = self._source(event.application, event.device)
        return (
            self._series(source, event.channel),
            source,
            self._source(event.application, event.sender),
            self._word(event.type),
            self._word(event.datacontenttype),
            self._word(event.topic),
        )

    def _word(self, text: str) -> int:
        found = self._raw.execute("SELECT key FROM words WHERE text = ?", (text,)).fetchone()
        if found is None:
            made = "INSERT INTO words (text) VALUES (?) RETURNING key"
            found = self._raw.execute(made, (text,)).fetchone()
        return int(found[0])

    def _source(self, application: str, device: str) -> int:
        names = (application, device)
        known = "SELECT key FROM sources WHERE application = ? AND device = ?"
        found = self._raw.execute(known, names).fetchone()
        if found is None:
            made = "INSERT INTO sources (application, device) VALUES (?, ?) RETURNING key"
            found = self._raw.execute(made, names).fetchone()
        return int(found[0])

    def _series(self, source: int, channel: str) -> int:
        names = (source, channel)
        known = "SELECT key FROM series WHERE source = ? AND channel = ?"
        found = self._raw.execute(known, names).fetchone()
        if found is None:
            made = "INSERT INTO series (source, channel) VALUES (?, ?) RETURNING key"
            found = self._raw.execute(made, names).fetchone()
        return int(found[0])


def _json(value: object) -> str:
    text: str = msgspec.json.encode(value).decode()
    return text
