"""The tables, as SQLAlchemy Core knows them: a new store gets them, ``migrations`` leads there.

The registry is kept as records, read once at the start. Events are narrow: text that comes back
all the time (who, which channel, media type, topic) stands once in ``sources``, ``series`` and
``words``, and an event holds its key.

An index costs an append about as much as the row itself, so events carry two, and both earn it:

- ``events_of_series`` gives the history of one channel by position, the history of a device as a
  merge of its few channels, and the newest event of each channel as one seek.
- ``events_once`` is the promise that an event is stored once. It costs most where ids are random
  (UUID version 4), because every event then goes to another page: measured 9 µs an event with
  both indexes, 5.7 µs where ids rise with time, 3.5 µs without it.

Positions come from ``AUTOINCREMENT``: one that was given is never given again.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite: only INTEGER is the rowid

applications = sa.Table(
    "applications",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("dialect", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),  # JSON
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
)

devices = sa.Table(
    "devices",
    metadata,
    sa.Column("application", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),  # JSON
    sa.Column("credentials", sa.Text, nullable=False),  # JSON
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
)

operators = sa.Table(
    "operators",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("credentials", sa.Text, nullable=False),  # JSON
    sa.Column("tokens", sa.Text, nullable=False),  # JSON
    sa.Column("role", sa.Text),  # everywhere
    sa.Column("roles", sa.Text, nullable=False),  # JSON, by application
    sa.Column("offers", sa.Text, nullable=False),  # JSON, by application
)

words = sa.Table(  # types, media types and topic names of events
    "words",
    metadata,
    sa.Column("key", _KEY, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.UniqueConstraint("text", name="words_text"),
)

sources = sa.Table(  # who events are about and who sent them; a row stays when its device goes
    "sources",
    metadata,
    sa.Column("key", _KEY, primary_key=True),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.UniqueConstraint("application", "device", name="sources_device"),
)

series = sa.Table(  # one channel of one source
    "series",
    metadata,
    sa.Column("key", _KEY, primary_key=True),
    sa.Column("source", _KEY, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.UniqueConstraint("source", "channel", name="series_channel"),
    sqlite_autoincrement=True,  # a key used again would show old events under a new channel
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("position", _KEY, primary_key=True),
    sa.Column("series", _KEY, nullable=False),
    sa.Column("source", _KEY, nullable=False),  # that of the series, for ``events_once``
    sa.Column("sender", _KEY, nullable=False),  # in ``sources``
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("type", _KEY, nullable=False),  # this and the next two in ``words``
    sa.Column("datacontenttype", _KEY, nullable=False),
    sa.Column("topic", _KEY, nullable=False),
    sa.Column("time_us", sa.BigInteger, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("raw", sa.LargeBinary),
    sa.Column("attributes", sa.Text),  # JSON, only where there are some
    sqlite_autoincrement=True,
)
sa.Index("events_of_series", events.c.series, events.c.position)
sa.Index("events_once", events.c.source, events.c.id, unique=True)

commands = sa.Table(
    "commands",
    metadata,
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
sa.Index("commands_of_device", commands.c.application, commands.c.device, commands.c.key)
sa.Index("commands_by_state", commands.c.state)

retained = sa.Table(  # the retained message of each topic
    "retained",
    metadata,
    sa.Column("space", sa.Text, primary_key=True),
    sa.Column("topic_name", sa.Text, primary_key=True),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("qos", sa.SmallInteger, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),  # JSON, only those that are set
    sa.Column("expires_us", sa.BigInteger),
    sa.Column("publisher", sa.Text, nullable=False),
)

feed_positions = sa.Table(  # how far each group of readers has come in an application's events
    "feed_positions",
    metadata,
    sa.Column("application", sa.Text, primary_key=True),
    sa.Column("group", sa.Text, primary_key=True),
    sa.Column("selection", sa.Text, primary_key=True),
    sa.Column("positions", sa.Text, nullable=False),  # JSON, one for each partition
    sa.Column("updated_us", sa.BigInteger, nullable=False),
)
