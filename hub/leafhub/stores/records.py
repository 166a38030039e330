"""Values of the model as rows and back, in SQL that SQLite and PostgreSQL both understand.

Everything but the append of events goes through here: it is rare enough that the statements may be
built by SQLAlchemy Core.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from leafhub.errors import StoreUnavailableError
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandState
from leafhub.model.device import Credential, Device
from leafhub.model.event import Event, Kind
from leafhub.model.operator import AccessToken, Operator, Role
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteDevice,
    DeleteOperator,
    PutApplication,
    PutDevice,
    PutOperator,
)
from leafhub.stores.base import (
    CommandQuery,
    EventQuery,
    SettingsTypes,
    Snapshot,
    StoredEvent,
)
from leafhub.stores.position_rows import forget_positions, select_positions
from leafhub.stores.retained_rows import forget_space, select_retained
from leafhub.stores.schema import (
    applications,
    commands,
    devices,
    events,
    operators,
    series,
    sources,
    words,
)

MERGED_SERIES = 256
"""Up to so many series, a query reads the head of each and merges them. Beyond that they are so
large a part of the table that walking it by position finds enough of them sooner."""

_T = TypeVar("_T")
_OPEN_STATES = tuple(state.value for state in CommandState if not state.final)


def apply_change(connection: sa.Connection, change: Change) -> None:
    """Write one change of the registry through.

    What is removed takes its events and commands with it: a device made again under the same id
    starts with an empty history. Retained messages are their application's, not their sender's.
    """
    match change:
        case PutApplication(application):
            _put(connection, applications, _application_row(application))
        case PutDevice(device):
            _put(connection, devices, _device_row(device))
        case PutOperator(operator):
            _put(connection, operators, _operator_row(operator))
        case DeleteOperator(name):
            connection.execute(sa.delete(operators).where(operators.c.name == name))
        case DeleteDevice(application_name, device_id):
            connection.execute(
                sa.delete(devices).where(
                    devices.c.application == application_name, devices.c.id == device_id
                )
            )
            _forget(connection, application_name, device_id)
        case DeleteApplication(name):
            connection.execute(sa.delete(devices).where(devices.c.application == name))
            connection.execute(sa.delete(applications).where(applications.c.name == name))
            _forget(connection, name, None)
            forget_space(connection, name)
            forget_positions(connection, name)


def put_command(connection: sa.Connection, command: Command) -> None:
    """Make a command, or replace the one with its id."""
    row = msgspec.structs.asdict(command)
    row["state"] = command.state.value
    _put(connection, commands, row, key=("id",))


def select_command(connection: sa.Connection, command_id: str) -> Command | None:
    """The command with that id."""
    row = connection.execute(sa.select(commands).where(commands.c.id == command_id)).first()
    return None if row is None else _command(row)


def select_commands(connection: sa.Connection, query: CommandQuery) -> list[Command]:
    """The newest commands that the query means."""
    statement = sa.select(commands).order_by(commands.c.key.desc()).limit(query.limit)
    if query.application is not None:
        statement = statement.where(commands.c.application == query.application)
    if query.applications is not None:
        statement = statement.where(commands.c.application.in_(query.applications))
    if query.device is not None:
        statement = statement.where(commands.c.device == query.device)
    return [_command(row) for row in connection.execute(statement)]


def select_events(connection: sa.Connection, query: EventQuery) -> list[StoredEvent]:
    """The events that the query means, in its order."""
    wanted = _wanted_series(query)
    if wanted is None:
        positions = _positions(query)
    elif _more_than(connection, wanted, MERGED_SERIES):
        # The arithmetic keeps the planner from fetching and sorting whole series.
        positions = _positions(query, (events.c.series + 0).in_(wanted))
    else:
        head = _positions(query, events.c.series == series.c.key).correlate(series)
        merged = events.alias()
        positions = (
            sa.select(merged.c.position)
            .select_from(series.join(merged, merged.c.position.in_(head)))
            .where(series.c.key.in_(wanted))
            .order_by(_direction(query, merged.c.position))
            .limit(query.limit)
        )
    rows = connection.execute(
        _FULL_EVENT.where(events.c.position.in_(positions)).order_by(
            _direction(query, events.c.position)
        )
    )
    found = map(_stored_event, rows)
    return list(found if query.maximum_bytes is None else _up_to(found, query.maximum_bytes))


def select_snapshot(connection: sa.Connection, settings_types: SettingsTypes) -> Snapshot:
    """Everything the hub keeps in memory.

    Raises:
        StoreUnavailableError: A record is not what its dialect declares.
    """
    changes: list[Change] = []
    dialects: dict[str, str] = {}
    for row in connection.execute(sa.select(applications).order_by(applications.c.name)):
        dialects[row.name] = row.dialect
        changes.append(PutApplication(_application(row, settings_types)))
    changes.extend(
        PutDevice(_device(row, settings_types, dialects[row.application]))
        for row in connection.execute(
            sa.select(devices).order_by(devices.c.application, devices.c.id)
        )
    )
    changes.extend(
        PutOperator(_operator(row))
        for row in connection.execute(sa.select(operators).order_by(operators.c.name))
    )
    open_commands = connection.execute(
        sa.select(commands).where(commands.c.state.in_(_OPEN_STATES)).order_by(commands.c.key)
    )
    latest = connection.execute(
        _FULL_EVENT.where(events.c.position.in_(_newest_positions())).order_by(events.c.position)
    )
    return Snapshot(
        changes=tuple(changes),
        commands=tuple(_command(row) for row in open_commands),
        latest=tuple(_stored_event(row) for row in latest),
        retained=select_retained(connection),
        positions=select_positions(connection),
    )


def _put(
    connection: sa.Connection,
    table: sa.Table,
    row: dict[str, Any],
    key: tuple[str, ...] | None = None,
) -> None:
    names = [column.name for column in table.primary_key] if key is None else key
    same = [table.c[name] == row[name] for name in names]
    if connection.execute(sa.update(table).where(*same).values(row)).rowcount == 0:
        connection.execute(sa.insert(table).values(row))


def _forget(connection: sa.Connection, application: str, device: str | None) -> None:
    """Remove events and commands of one device, or of all devices of an application."""
    of_source = [sources.c.application == application]
    of_command = [commands.c.application == application]
    if device is not None:
        of_source.append(sources.c.device == device)
        of_command.append(commands.c.device == device)
    keys = sa.select(sources.c.key).where(*of_source)
    connection.execute(sa.delete(events).where(events.c.source.in_(keys)))
    connection.execute(sa.delete(series).where(series.c.source.in_(keys)))
    connection.execute(sa.delete(commands).where(*of_command))


def _application_row(application: Application) -> dict[str, Any]:
    row = msgspec.structs.asdict(application)
    row["settings"] = _json(application.settings)
    return row


def _device_row(device: Device) -> dict[str, Any]:
    row = msgspec.structs.asdict(device)
    row["settings"] = _json(device.settings)
    row["credentials"] = _json(device.credentials)
    return row


def _operator_row(operator: Operator) -> dict[str, Any]:
    row = msgspec.structs.asdict(operator)
    row["credentials"] = _json(operator.credentials)
    row["tokens"] = _json(operator.tokens)
    row["role"] = None if operator.role is None else operator.role.value
    row["roles"] = _json(operator.roles)
    row["offers"] = _json(operator.offers)
    return row


def _application(row: sa.Row[Any], settings_types: SettingsTypes) -> Application:
    settings = _decoded(
        row.settings, settings_types(row.dialect)[0], f"the settings of application {row.name!r}"
    )
    return Application(**{**row._mapping, "settings": settings})  # noqa: SLF001 - its public name


def _device(row: sa.Row[Any], settings_types: SettingsTypes, dialect: str) -> Device:
    place = f"device {row.id!r} of application {row.application!r}"
    settings = _decoded(row.settings, settings_types(dialect)[1], f"the settings of {place}")
    credentials = _decoded(row.credentials, tuple[Credential, ...], f"the credentials of {place}")
    return Device(**{**row._mapping, "settings": settings, "credentials": credentials})  # noqa: SLF001 - its public name


def _operator(row: sa.Row[Any]) -> Operator:
    what = f"operator {row.name!r}"
    return Operator(
        name=row.name,
        credentials=_decoded(
            row.credentials, tuple[Credential, ...], f"the credentials of {what}"
        ),
        tokens=_decoded(row.tokens, tuple[AccessToken, ...], f"the tokens of {what}"),
        role=None if row.role is None else Role(row.role),
        roles=_decoded(row.roles, dict[str, Role], f"the roles of {what}"),
        offers=_decoded(row.offers, dict[str, str], f"the offers to {what}"),
    )


def _command(row: sa.Row[Any]) -> Command:
    return Command(
        id=row.id,
        application=row.application,
        device=row.device,
        name=row.name,
        data=row.data,
        datacontenttype=row.datacontenttype,
        state=CommandState(row.state),
        created_us=row.created_us,
        updated_us=row.updated_us,
        expires_us=row.expires_us,
        operator=row.operator,
        answer=row.answer,
        error=row.error,
    )


def _stored_event(row: sa.Row[Any]) -> StoredEvent:
    return StoredEvent(
        position=row.position,
        event=Event(
            id=row.id,
            application=row.application,
            device=row.device,
            sender=row.sender,
            channel=row.channel,
            time_us=row.time_us,
            data=row.data,
            type=row.type,
            kind=Kind(row.kind),
            datacontenttype=row.datacontenttype,
            topic=row.topic,
            raw=row.raw,
            attributes=() if row.attributes is None else _attributes(row.attributes),
        ),
    )


def _up_to(events: Iterable[StoredEvent], maximum_bytes: int) -> Iterator[StoredEvent]:
    """Events until they hold that much; the rows behind are not even read."""
    held_bytes = 0
    for stored in events:
        yield stored
        held_bytes += stored.event.held_bytes
        if held_bytes >= maximum_bytes:
            return


def _attributes(text: str) -> tuple[tuple[str, str], ...]:
    return _decoded(text, tuple[tuple[str, str], ...], "the attributes of an event")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _decoded(text: str, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as exc:
        raise StoreUnavailableError(f"{what} cannot be read: {exc}") from exc


def _full_event() -> sa.Select[Any]:
    sender = sources.alias()
    type_, datacontenttype, topic = words.alias(), words.alias(), words.alias()
    return sa.select(
        events.c.position,
        events.c.id,
        sources.c.application,
        sources.c.device,
        sender.c.device.label("sender"),
        series.c.channel,
        events.c.time_us,
        events.c.data,
        type_.c.text.label("type"),
        events.c.kind,
        datacontenttype.c.text.label("datacontenttype"),
        topic.c.text.label("topic"),
        events.c.raw,
        events.c.attributes,
    ).select_from(
        events.join(series, series.c.key == events.c.series)
        .join(sources, sources.c.key == events.c.source)
        .join(sender, sender.c.key == events.c.sender)
        .join(type_, type_.c.key == events.c.type)
        .join(datacontenttype, datacontenttype.c.key == events.c.datacontenttype)
        .join(topic, topic.c.key == events.c.topic)
    )


_FULL_EVENT = _full_event()


def _wanted_series(query: EventQuery) -> sa.Select[tuple[int]] | None:
    """The keys of the series a query means; ``None``: all of them."""
    conditions: list[sa.ColumnElement[bool]] = []
    if query.application is not None:
        conditions.append(sources.c.application == query.application)
    if query.applications is not None:
        conditions.append(sources.c.application.in_(query.applications))
    if query.device is not None:
        conditions.append(sources.c.device == query.device)
    if query.channel is not None:
        conditions.append(series.c.channel == query.channel)
    if not conditions:
        return None
    return (
        sa.select(series.c.key)
        .select_from(series.join(sources, sources.c.key == series.c.source))
        .where(*conditions)
    )


def _positions(query: EventQuery, *conditions: sa.ColumnElement[bool]) -> sa.Select[tuple[int]]:
    statement = sa.select(events.c.position).where(*conditions)
    if query.kinds:
        statement = statement.where(events.c.kind.in_([int(kind) for kind in query.kinds]))
    if query.before is not None:
        statement = statement.where(events.c.position < query.before)
    if query.after is not None:
        statement = statement.where(events.c.position > query.after)
    if query.since_us is not None:
        statement = statement.where(events.c.time_us >= query.since_us)
    if query.until_us is not None:
        statement = statement.where(events.c.time_us < query.until_us)
    return statement.order_by(_direction(query, events.c.position)).limit(query.limit)


def _direction(query: EventQuery, column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return column.asc() if query.oldest_first else column.desc()


def _more_than(connection: sa.Connection, keys: sa.Select[tuple[int]], count: int) -> bool:
    some = keys.limit(count + 1).subquery()
    found = connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    return found > count


def _newest_positions() -> sa.Select[Any]:
    """The newest event of each series whose device is in the registry: one seek for each."""
    newest = (
        sa.select(sa.func.max(events.c.position))
        .where(events.c.series == series.c.key)
        .correlate(series)
        .scalar_subquery()
    )
    return sa.select(newest).select_from(
        series.join(sources, sources.c.key == series.c.source).join(
            devices,
            sa.and_(
                devices.c.application == sources.c.application, devices.c.id == sources.c.device
            ),
        )
    )
