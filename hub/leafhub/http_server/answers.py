"""How the hub's values look in the operator API: the contract's shapes, made from the model's."""

import base64
from collections.abc import Collection, Iterable

from leafhub.contract.operator_api import DeviceState, DeviceSummary, EventRecord, Value
from leafhub.exchange.devices import Presence
from leafhub.exchange.records import embed
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.event import Event, Kind
from leafhub.stores.base import StoredEvent


def event_record(stored: StoredEvent) -> EventRecord:
    """One stored message."""
    event = stored.event
    return EventRecord(
        position=stored.position,
        id=event.id,
        kind=event.kind.name.lower(),
        application=event.application,
        device=event.device,
        sender=event.sender,
        channel=event.channel,
        time_us=event.time_us,
        datacontenttype=event.datacontenttype,
        data=embed(event.data, event.datacontenttype),
        topic=event.topic,
        raw_base64=None if event.raw is None else base64.b64encode(event.raw).decode(),
    )


def value(event: Event) -> Value:
    """The newest message of a channel."""
    return Value(
        channel=event.channel,
        time_us=event.time_us,
        datacontenttype=event.datacontenttype,
        data=embed(event.data, event.datacontenttype),
    )


def device_summary(
    application: Application, device: Device, presence: Presence, latest: Collection[Event]
) -> DeviceSummary:
    """One row of the fleet."""
    newest = _newest(latest, Kind.READING) or _newest(latest, Kind.DATA)
    state: DeviceState = "offline" if presence.seen_us is not None else "never"
    return DeviceSummary(
        application=application.name,
        id=device.id,
        name=device.name,
        dialect=application.dialect,
        enabled=device.enabled and application.enabled,
        state="online" if presence.connections else state,
        seen_us=presence.seen_us,
        latest=None if newest is None else value(newest),
        connections=presence.connections,
    )


def _newest(events: Iterable[Event], kind: Kind) -> Event | None:
    found = (event for event in events if event.kind is kind)
    return max(found, key=lambda event: event.time_us, default=None)
