"""What a thing reports: raw data, property values, what became of actions, events.

A body names several members; each stands for itself, a bad one is dropped and told in the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from leafhub.dialects.base import Arrival, Outcome, Principal
from leafhub.dialects.data_schema import fit
from leafhub.dialects.log_text import quoted, quoted_topic, some
from leafhub.dialects.media_type import media_type_of
from leafhub.dialects.smartworks.bodies import (
    compact,
    read_json,
    read_object,
    read_time_us,
    request_id,
)
from leafhub.dialects.smartworks.thing import Assumed, event_schema, members_of, thing_of
from leafhub.errors import PayloadError
from leafhub.model.command import CommandState, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import JSON, Event, Kind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.reason_codes import ReasonCode


class _ActionStatus(msgspec.Struct, frozen=True):
    """What a device says about a request; other members are its own business."""

    status: str = ""
    href: str | None = None
    output: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    time_completed: Any = msgspec.field(name="timeCompleted", default=None)


class _EventBody(msgspec.Struct, frozen=True):
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    timestamp: Any = None


class _Message(msgspec.Struct, frozen=True):
    """One PUBLISH or Will of a thing."""

    device: Device
    topic_name: str
    payload: bytes
    arrival: Arrival

    def event(
        self,
        kind: Kind,
        channel: str,
        data: bytes,
        *,
        event_id: str | None = None,
        datacontenttype: str = JSON,
        time_us: int | None = None,
        raw: bytes | None = None,
    ) -> Event:
        return Event(
            id=event_id or self.arrival.ids.uuid(),
            application=self.device.application,
            device=self.device.id,
            sender=self.device.id,
            channel=channel,
            time_us=self.arrival.time_us if time_us is None else time_us,
            data=data,
            kind=kind,
            datacontenttype=datacontenttype,
            topic=self.topic_name,
            raw=raw,
        )

    def update(
        self,
        name: str,
        state: CommandState,
        *,
        command_id: str | None = None,
        answer: bytes | None = None,
        error: str | None = None,
        all_open: bool = False,
    ) -> CommandUpdate:
        return CommandUpdate(
            application=self.device.application,
            device=self.device.id,
            name=name,
            id=command_id,
            state=state,
            answer=answer,
            error=error,
            all_open=all_open,
        )


def take_in(
    topic_name: str,
    payload: bytes,
    principal: Principal,
    registry: RegistryView,
    arrival: Arrival,
) -> Outcome:
    """Say what a PUBLISH or a Will of a thing means."""
    device = registry.device(principal.application or "", principal.device or "")
    if device is None:
        return Outcome(close=True, silent=True, log="the thing is gone")
    if len(payload) > Assumed.maximum_payload_bytes:
        return Outcome(
            reason_code=ReasonCode.PACKET_TOO_LARGE,
            close=True,
            log=f"a payload of {len(payload)} bytes on {quoted_topic(topic_name)}",
        )
    message = _Message(device, topic_name, payload, arrival)
    prefix = f"things/{device.id}/"
    takers = {
        prefix + "data": _take_data,
        prefix + "properties": _take_properties,
        prefix + "actions": _take_action_statuses,
        prefix + "events": _take_events,
    }
    taker = takers.get(topic_name)
    if taker is None:
        return Outcome(
            reason_code=Assumed.denied, log=f"may not publish to {quoted_topic(topic_name)}"
        )
    try:
        return taker(message)
    except PayloadError as exc:
        return Outcome(log=f"{topic_name}: not taken: {exc.reason}")


def _take_data(message: _Message) -> Outcome:
    ids, time_us = message.arrival.ids, message.arrival.time_us
    return Outcome(
        events=(
            message.event(
                Kind.DATA,
                "data",
                message.payload,
                event_id=ids.ulid(time_us),
                datacontenttype=media_type_of(message.payload),
            ),
        )
    )


def _take_properties(message: _Message) -> Outcome:
    thing = thing_of(message.device)
    properties, actions = members_of(thing, "properties"), members_of(thing, "actions")
    events: list[Event] = []
    updates: list[CommandUpdate] = []
    drops: list[str] = []
    for name, encoded in read_object(message.payload).items():
        if name not in properties:
            drops.append(f"{quoted(name)} is not declared")
            continue
        schema = properties[name]
        try:
            data = msgspec.json.encode(fit(schema, read_json(encoded)))
        except PayloadError as exc:
            drops.append(_drop(name, exc))
            continue
        events.append(
            message.event(Kind.READING, name, data, raw=None if events else message.payload)
        )
        if name not in actions and not schema.get("readOnly", False):
            updates.append(message.update(name, CommandState.ANSWERED, answer=data, all_open=True))
    return _outcome(message, events, updates, drops)


def _take_action_statuses(message: _Message) -> Outcome:
    actions = members_of(thing_of(message.device), "actions")
    events: list[Event] = []
    updates: list[CommandUpdate] = []
    drops: list[str] = []
    for name, encoded in read_object(message.payload).items():
        try:
            body = _action_status(actions, name, encoded)
            command_id = request_id(body.href, message.device.id, name)
            data = compact(encoded)
            output = None if body.output is msgspec.UNSET else compact(body.output)
        except PayloadError as exc:
            drops.append(_drop(name, exc))
            continue
        if output is not None and "output" in actions[name]:
            try:
                fit(actions[name]["output"], read_json(output))
            except PayloadError as exc:
                drops.append(f"{quoted(name)} was kept, but its output {exc.reason}")
        state = Assumed.states.get(body.status, Assumed.other_status)
        if state is None:
            continue
        events.append(
            message.event(
                Kind.ANSWER,
                name,
                data,
                time_us=read_time_us(body.time_completed) if state.final else None,
                raw=None if events else message.payload,
            )
        )
        updates.append(
            message.update(
                name,
                state,
                command_id=command_id,
                answer=output,
                error=_failure(body.status, output) if state is CommandState.FAILED else None,
            )
        )
    return _outcome(message, events, updates, drops)


def _action_status(actions: Mapping[str, Any], name: str, encoded: msgspec.Raw) -> _ActionStatus:
    if name not in actions:
        raise PayloadError("", "is not declared")
    body: _ActionStatus = read_json(encoded, _ActionStatus)
    if not body.status:
        raise PayloadError("", "has no status")
    return body


def _take_events(message: _Message) -> Outcome:
    declared = members_of(thing_of(message.device), "events")
    events: list[Event] = []
    drops: list[str] = []
    for name, encoded in read_object(message.payload).items():
        try:
            body: _EventBody = read_json(encoded, _EventBody)
            data = _event_data(declared, name, body)
        except PayloadError as exc:
            drops.append(_drop(name, exc))
            continue
        time_us = read_time_us(body.timestamp)
        if time_us is None:
            time_us = message.arrival.time_us
        events.append(
            message.event(
                Kind.OCCURRENCE,
                name,
                data,
                event_id=message.arrival.ids.ulid(time_us),
                time_us=time_us,
                raw=None if events else message.payload,
            )
        )
    return _outcome(message, events, [], drops)


def _event_data(declared: Mapping[str, Any], name: str, body: _EventBody) -> bytes:
    if name not in declared:
        raise PayloadError("", "is not declared")
    schema = event_schema(declared[name])
    if body.data is msgspec.UNSET:
        if schema is not None:
            raise PayloadError("", "has no data")
        return b"null"
    value = read_json(body.data)
    return msgspec.json.encode(value if schema is None else fit(schema, value))


def _outcome(
    message: _Message,
    events: Sequence[Event],
    updates: Sequence[CommandUpdate],
    drops: Sequence[str],
) -> Outcome:
    """Put together what one message gave; its original bytes stand beside the first event."""
    return Outcome(
        events=tuple(events),
        updates=tuple(updates),
        log=f"{message.topic_name}: not taken: {some(drops)}" if drops else "",
    )


def _drop(name: str, error: PayloadError) -> str:
    return " ".join(filter(None, (quoted(name), error.where, error.reason)))


def _failure(status: str, output: bytes | None) -> str:
    if output is None:
        return status
    value = read_json(output)
    return f"{status}: {value if isinstance(value, str) else output.decode()}"
