"""The events that the hub itself makes."""

from leafhub.dialects.base import Arrival
from leafhub.model.event import BYTES, CONNECTION_EVENT, REGISTRY_EVENT, Event, Kind


def connection_event(application: str, device: str, arrival: Arrival, *, connected: bool) -> Event:
    """A device came, or its last connection went."""
    return Event(
        id=arrival.ids.uuid(),
        type=CONNECTION_EVENT,
        kind=Kind.CONNECTION,
        application=application,
        device=device,
        sender=device,
        channel="connection",
        time_us=arrival.time_us,
        data=b'{"connected":true}' if connected else b'{"connected":false}',
    )


def registry_event(application: str, device: str, arrival: Arrival) -> Event:
    """A device was made, changed or deleted."""
    return Event(
        id=arrival.ids.uuid(),
        type=REGISTRY_EVENT,
        kind=Kind.REGISTRY,
        application=application,
        device=device,
        sender=device,
        channel="devices",
        time_us=arrival.time_us,
        datacontenttype=BYTES,
        data=b"",
    )
