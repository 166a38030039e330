import msgspec
import pytest

from leafhub.exchange.devices import Presence
from leafhub.http_server.answers import device_summary
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.event import Event, Kind

APPLICATION = Application(name="home", uid="u", dialect="broker", settings=msgspec.Struct())
DEVICE = Device(application="home", id="cam", uid="u", name="cam", settings=msgspec.Struct())
GONE = Presence(connections=0, addresses=(), seen_us=None)


def event(channel: str, kind: Kind, time_us: int) -> Event:
    return Event(
        id=channel,
        kind=kind,
        application="home",
        device="cam",
        sender="cam",
        channel=channel,
        time_us=time_us,
        data=b"1",
    )


@pytest.mark.parametrize(
    ("latest", "channel"),
    [
        ([], None),
        ([event("motion", Kind.READING, 1), event("picture", Kind.DATA, 2)], "motion"),
        ([event("picture", Kind.DATA, 1), event("sound", Kind.DATA, 2)], "sound"),
        ([event("alarm", Kind.OCCURRENCE, 1)], None),
    ],
)
def test_the_newest_reading_stands_for_a_device(latest: list[Event], channel: str | None) -> None:
    shown = device_summary(APPLICATION, DEVICE, GONE, latest).latest
    assert (shown.channel if shown else None) == channel
