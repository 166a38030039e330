"""What a Murano device publishes: values of resources, now or in history, and messages of its own.

Each alias stands for itself: a good value is taken, a bad one is dropped and told in the log. A
value of an undeclared alias is an event without state. The original bytes of a message stand
beside its first event.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from leafhub.dialects.base import Arrival, Outcome
from leafhub.dialects.log_text import quoted, quoted_topic, some
from leafhub.dialects.media_type import media_type_of
from leafhub.dialects.murano.connector import (
    Assumed,
    Resource,
    connector_of,
    value_of_json,
    value_of_text,
)
from leafhub.errors import PayloadError
from leafhub.model.application import Application
from leafhub.model.command import CommandState, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import JSON, Event, Kind
from leafhub.mqtt.reason_codes import ReasonCode

SEVERAL_TOPIC: Final = "$resource/"
BATCH_TOPIC: Final = "$resource.batch"
ERROR_TOPIC: Final = "leaf/error"
"""Where our own firmware says that it could not do what a set wanted; the vendor has no word."""

_LATEST_US: Final = 2**63 - 1


class _BatchElement(msgspec.Struct, frozen=True):
    timestamp: Any
    values: dict[str, msgspec.Raw]


class _Error(msgspec.Struct, frozen=True):
    command: str
    error: str


class Message(msgspec.Struct, frozen=True):
    """One PUBLISH or Will of a device."""

    connector: Application
    device: Device
    topic_name: str
    payload: bytes
    arrival: Arrival


def write_one(message: Message, alias: str) -> Outcome:
    """Take the bare value on ``$resource/<alias>``."""
    resource = connector_of(message.connector).resources.get(alias)
    try:
        _check_alias(alias)
        data = message.payload if resource is None else value_of_text(resource, message.payload)
    except PayloadError as exc:
        return _outcome(message, (), (), (_drop(alias, exc),))
    event = _event(message, alias, resource, data)
    return _outcome(message, (event,), _answers(message, alias, resource, data), ())


def write_several(message: Message) -> Outcome:
    """Take the object of values on ``$resource/``; all get one time."""
    try:
        values: dict[str, msgspec.Raw] = _decoded(message.payload, dict[str, msgspec.Raw])
    except PayloadError as exc:
        return _outcome(message, (), (), (exc.reason,))
    if len(values) > Assumed.MOST_VALUES:
        return _too_many(message)
    events: list[Event] = []
    updates: list[CommandUpdate] = []
    drops: list[str] = []
    resources = connector_of(message.connector).resources
    for alias, encoded in values.items():
        resource = resources.get(alias)
        try:
            data = _value(alias, resource, bytes(encoded))
        except PayloadError as exc:
            drops.append(_drop(alias, exc))
            continue
        events.append(_event(message, alias, resource, data))
        updates.extend(_answers(message, alias, resource, data))
    return _outcome(message, events, updates, drops)


def write_history(message: Message) -> Outcome:
    """Take the array of back-dated values on ``$resource.batch``.

    An event's id is made of alias and time, so that a batch that is sent again adds nothing.
    History answers no set: it may be older than that.
    """
    try:
        elements: list[msgspec.Raw] = _decoded(message.payload, list[msgspec.Raw])
    except PayloadError as exc:
        return _outcome(message, (), (), (exc.reason,))
    if len(elements) > Assumed.MOST_VALUES:
        return _too_many(message)
    count = 0
    events: dict[str, Event] = {}
    drops: list[str] = []
    resources = connector_of(message.connector).resources
    for encoded_element in elements:
        try:
            element: _BatchElement = _decoded(encoded_element, _BatchElement)
            time_us = _batch_time_us(element.timestamp)
        except PayloadError as exc:
            drops.append(exc.reason)
            continue
        count += len(element.values)
        if count > Assumed.MOST_VALUES:
            return _too_many(message)
        for alias, encoded in element.values.items():
            resource = resources.get(alias)
            try:
                data = _value(alias, resource, bytes(encoded))
            except PayloadError as exc:
                drops.append(_drop(alias, exc))
                continue
            event_id = f"{alias}@{time_us}"
            events[event_id] = _event(
                message, alias, resource, data, event_id=event_id, time_us=time_us
            )
    return _outcome(message, tuple(events.values()), (), drops)


def tell(message: Message) -> Outcome:
    """Take a message on a topic of the device's own."""
    update = _failure(message) if message.topic_name == ERROR_TOPIC else None
    return Outcome(
        events=(
            Event(
                id=message.arrival.ids.uuid(),
                application=message.device.application,
                device=message.device.id,
                sender=message.device.id,
                channel=message.topic_name,
                time_us=message.arrival.time_us,
                data=message.payload,
                kind=Kind.DATA if update is None else Kind.ANSWER,
                datacontenttype=media_type_of(message.payload),
                topic=message.topic_name,
            ),
        ),
        updates=() if update is None else (update,),
    )


def _value(alias: str, resource: Resource | None, encoded: bytes) -> bytes:
    _check_alias(alias)
    if resource is not None:
        return value_of_json(resource, encoded)
    if encoded == b"null":
        raise PayloadError("", "is null")
    return encoded


def _check_alias(alias: str) -> None:
    if not alias or len(alias) > Assumed.LONGEST_ALIAS:
        raise PayloadError("", f"is no alias of 1 to {Assumed.LONGEST_ALIAS} characters")


def _event(
    message: Message,
    alias: str,
    resource: Resource | None,
    data: bytes,
    *,
    event_id: str | None = None,
    time_us: int | None = None,
) -> Event:
    return Event(
        id=event_id or message.arrival.ids.uuid(),
        application=message.device.application,
        device=message.device.id,
        sender=message.device.id,
        channel=alias,
        time_us=message.arrival.time_us if time_us is None else time_us,
        data=data,
        kind=Kind.DATA if resource is None else Kind.READING,
        datacontenttype=JSON if resource is not None else media_type_of(data),
        topic=message.topic_name,
    )


def _answers(
    message: Message, alias: str, resource: Resource | None, data: bytes
) -> Sequence[CommandUpdate]:
    """Any write of an alias answers all that was set there."""
    if resource is None or not resource.settable:
        return ()
    return (
        CommandUpdate(
            application=message.device.application,
            device=message.device.id,
            name=alias,
            state=CommandState.ANSWERED,
            answer=data,
            all_open=True,
        ),
    )


def _failure(message: Message) -> CommandUpdate | None:
    try:
        said: _Error = _decoded(message.payload, _Error)
    except PayloadError:
        return None  # then it is a message like any other
    return CommandUpdate(
        application=message.device.application,
        device=message.device.id,
        name=said.command,
        state=CommandState.FAILED,
        error=said.error,
    )


def _outcome(
    message: Message,
    events: Sequence[Event],
    updates: Iterable[CommandUpdate],
    drops: Sequence[str],
) -> Outcome:
    if events and events[0].data != message.payload:
        events = (msgspec.structs.replace(events[0], raw=message.payload), *events[1:])
    return Outcome(
        events=tuple(events),
        updates=tuple(updates),
        log=f"{quoted_topic(message.topic_name)}: not taken: {some(drops)}" if drops else "",
    )


def _too_many(message: Message) -> Outcome:
    """Take nothing and close: an acknowledgement would say that all of it is stored."""
    return Outcome(
        reason_code=ReasonCode.QUOTA_EXCEEDED,
        close=True,
        silent=True,
        log=f"{quoted_topic(message.topic_name)}: more than {Assumed.MOST_VALUES} values in one "
        "packet, none is taken; send fewer at a time",
    )


def _drop(alias: str, error: PayloadError) -> str:
    return f"{quoted(alias)} {error.reason}"


def _decoded(encoded: bytes | msgspec.Raw, shape: Any) -> Any:
    try:
        return msgspec.json.decode(encoded, type=shape)
    except (ValueError, RecursionError) as exc:  # bad UTF-8 and deep nesting are input too
        raise PayloadError("", f"not the JSON it should be: {exc}") from exc


def _batch_time_us(timestamp: Any) -> int:
    """Read microseconds; by their size, what looks like seconds or milliseconds is taken so."""
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float) or timestamp < 0:
        raise PayloadError("", "a timestamp that is none")
    if timestamp < Assumed.SECONDS_BELOW:
        factor = 1_000_000
    elif timestamp < Assumed.MILLISECONDS_BELOW:
        factor = 1_000
    else:
        factor = 1
    time_us = int(timestamp * factor)
    if time_us > _LATEST_US:
        raise PayloadError("", "a timestamp beyond all time")
    return time_us
