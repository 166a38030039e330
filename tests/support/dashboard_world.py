"""A fleet that never changes, and a hub that tells it: what the dashboard's tests look at."""

import asyncio
import math
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import msgspec
from dashboard_pilot import settle as settle_on
from textual.pilot import Pilot

from leafhub.contract.live_feed import DEVICE_EVENT, FeedEvent
from leafhub.contract.operator_api import (
    CommandRecord,
    CommandRequest,
    DeviceDetail,
    DeviceState,
    DeviceSummary,
    EventPage,
    EventRecord,
    HubStatus,
    Value,
)
from leafhub_tui.app import WatchApp
from leafhub_tui.source import WatchError
from leafhub_tui.state import (
    Change,
    CommandMoved,
    EventHeard,
    FleetTaken,
    Key,
    LinkDown,
    LinkUp,
    StatusTaken,
)

NOW_US = 1_772_539_200_000_000  # 2026-03-03 12:00:00 UTC
SECOND = 1_000_000
QUICK_FRAME_S = 0.02  # tests do not wait as long as eyes do
GARDEN: Key = ("garden", "greenhouse-1")


def moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def status(**changes: object) -> HubStatus:
    plain = HubStatus(
        version="0.1.0",
        started_us=NOW_US - 7_500 * SECOND,
        trouble=[],
        connections=4,
        messages_per_second=2.4,
        messages_total=18_231,
        commit_ms=3.21,
        store_bytes=4_812_000,
        store_waiting=0,
        listeners=["mqtt://0.0.0.0:1883", "mqtts://0.0.0.0:8883"],
    )
    return msgspec.structs.replace(plain, **changes)


def device(
    application: str,
    name: str,
    dialect: str,
    state: DeviceState = "online",
    seen_s: int | None = 2,
    latest: tuple[str, object] | None = None,
) -> DeviceSummary:
    seen_us = None if seen_s is None else NOW_US - seen_s * SECOND
    value = None
    if latest is not None and seen_us is not None:
        value = Value(
            channel=latest[0],
            time_us=seen_us,
            datacontenttype="application/json",
            data=raw(latest[1]),
        )
    return DeviceSummary(
        application=application,
        id=name,
        name=name,
        dialect=dialect,
        enabled=True,
        state=state,
        seen_us=seen_us,
        latest=value,
        connections=int(state == "online"),
    )


def climate(step: int) -> dict[str, object]:
    """What the greenhouse says at ``step``, 10 s apart: a slow day and a fan that comes on."""
    return {
        "temperature": round(22 + 4 * math.sin(step / 17) + 0.4 * math.sin(step * 1.7), 2),
        "humidity": round(61 - 9 * math.sin(step / 17 + 0.4)),
        "fan": step % 40 > 30,
    }


FLEET = [
    device("garden", "greenhouse-1", "drogue", latest=("climate", climate(120))),
    device("garden", "rain-barrel", "drogue", "offline", 4_300, ("level", 71.5)),
    device("workshop", "compressor", "cloudplugs", seen_s=7, latest=("pressure", 6.83)),
    device("workshop", "lathe-spindle", "cloudplugs", seen_s=1, latest=("rpm", 1450)),
    device("house", "boiler", "murano", seen_s=31, latest=("state", "heating")),
    device("house", "front-door", "murano", "never", None),
    device("lab", "oven-2", "smartworks", seen_s=12, latest=("temperature", 181.25)),
]


def history() -> list[EventRecord]:
    """Twenty minutes of the greenhouse, newest first."""
    return [
        EventRecord(
            position=1000 + step,
            id=f"e{step}",
            kind="reading",
            application="garden",
            device="greenhouse-1",
            sender="greenhouse-1",
            channel="climate",
            time_us=NOW_US - (120 - step) * 10 * SECOND - 2 * SECOND,
            datacontenttype="application/json",
            data=raw(climate(step)),
            topic="climate",
            raw_base64=None,
        )
        for step in range(120, -1, -1)
    ]


def heard(
    channel: str, value: object, *, key: Key = GARDEN, ago_us: int = 0, event_id: str = "live-1"
) -> FeedEvent:
    return FeedEvent(
        id=event_id,
        type=DEVICE_EVENT,
        subject=channel,
        time=moment(NOW_US - ago_us),
        application=key[0],
        device=key[1],
        sender=key[1],
        data=raw(value),
    )


def command(state: str, *, after_us: int = 0, **changes: object) -> CommandRecord:
    record = CommandRecord(
        id="c1",
        application="garden",
        device="greenhouse-1",
        name="set-fan",
        data=raw({"on": True}),
        state="queued",
        final=state in {"answered", "failed", "expired"},
        created_us=NOW_US - 4 * SECOND,
        updated_us=NOW_US - 4 * SECOND + after_us,
        expires_us=None,
        operator="admin",
        error=None,
    )
    return msgspec.structs.replace(record, state=state, **changes)


LIFE = [
    command("queued"),
    command("sent", after_us=12_000),
    command("answered", after_us=310_000, answer=raw({"ok": True})),
]


class FakeHub:
    """Stands for the network, and keeps the time.

    It tells ``script`` at the times it stands there, then, at ``NOW_US``, what ``tell`` is given.
    """

    def __init__(self, *script: tuple[int, Change]) -> None:
        self.script = list(script)
        self.now_us = NOW_US
        self.queue: asyncio.Queue[Change] = asyncio.Queue()
        self.idle = False  # all was told, and taken in
        self.sent: list[CommandRequest] = []
        self.retried = 0
        self.told: list[Change] = []
        self.refusal: WatchError | None = None
        self.lives = list(LIFE)

    @property
    def place(self) -> str:
        return "http://127.0.0.1:8080"

    async def changes(self) -> AsyncGenerator[Change, None]:
        for ago_us, change in self.script:
            self.now_us = NOW_US - ago_us
            yield change
        self.now_us = NOW_US
        while True:
            self.idle = self.queue.empty()
            yield await self.queue.get()

    def tell(self, change: Change) -> None:
        self.idle = False
        self.queue.put_nowait(change)

    def retry(self) -> None:
        self.retried += 1

    async def device(self, key: Key) -> DeviceDetail:
        if self.refusal is not None:
            raise self.refusal
        summary = next((d for d in FLEET if (d.application, d.id) == key), None)
        if summary is None:
            raise WatchError(f"There is no device {key[1]}.")
        values = [] if summary.latest is None else [summary.latest]
        if key == GARDEN:
            values += [
                Value(
                    channel=channel,
                    time_us=NOW_US - ago_s * SECOND,
                    datacontenttype="application/json",
                    data=raw(value),
                )
                for channel, ago_s, value in (
                    ("battery", 610, {"volts": 3.94, "charging": False}),
                    ("boot", 86_000, {"reason": "power on", "version": "1.4.0"}),
                )
            ]
        return DeviceDetail(
            summary=summary,
            created_us=NOW_US - 90 * 86_400 * SECOND,
            values=values,
            addresses=["192.168.1.23:49160"] if summary.state == "online" else [],
            commands=["set-fan", "set-interval", "reboot"] if key == GARDEN else [],
        )

    async def events(self, key: Key, *, limit: int) -> EventPage:
        return EventPage(events=history()[:limit] if key == GARDEN else [], next_before=None)

    async def commands(self, key: Key, *, limit: int) -> list[CommandRecord]:
        del key, limit
        return []

    async def send(self, key: Key, request: CommandRequest) -> CommandRecord:
        del key
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(request)
        for step in self.lives[1:]:
            self.tell(CommandMoved(command=step))
        return self.lives[0]


def connected(*more: Change) -> FakeHub:
    """A hub that was watched for 90 seconds."""
    events = [
        *((120 - step, "climate", climate(step), GARDEN) for step in range(111, 121)),
        *((9 - k, "rpm", 1450 + (k * 37) % 23, ("workshop", "lathe-spindle")) for k in range(9)),
        *((3 * k + 7, "pressure", 6.83 - k / 50, ("workshop", "compressor")) for k in range(9)),
        *((10 * k + 12, "temperature", 181.25 - k * k / 8, ("lab", "oven-2")) for k in range(7)),
        (31, "state", "heating", ("house", "boiler")),
        (62, "state", "idle", ("house", "boiler")),
    ]
    told = []
    for ago_s, channel, value, key in events:
        seconds = ago_s * 10 + 2 if key == GARDEN else ago_s
        name = f"e{120 - ago_s}" if key == GARDEN else f"{channel}-{ago_s}"
        event = heard(channel, value, key=key, ago_us=seconds * SECOND, event_id=name)
        told.append((seconds * SECOND, EventHeard(event=event)))
    told.sort(key=lambda item: -item[0])
    return FakeHub(
        (100 * SECOND, FleetTaken(devices=FLEET, asked_us=NOW_US)),
        (100 * SECOND, StatusTaken(status=status())),
        (100 * SECOND, LinkUp()),
        *told,
        *((0, change) for change in more),
    )


def gone(*, fleet: bool = True) -> FakeHub:
    """A hub that went away."""
    hub = connected() if fleet else FakeHub()
    lost = LinkDown(
        reason="the hub at http://127.0.0.1:8080 does not answer", retry_us=NOW_US + 4 * SECOND
    )
    hub.script.append((0, lost))
    return hub


def empty() -> FakeHub:
    """A hub that nobody told of devices, with a full store."""
    return FakeHub(
        (0, FleetTaken(devices=[], asked_us=NOW_US)),
        (0, StatusTaken(status=status(trouble=["The store is full: free some space on /var."]))),
        (0, LinkUp()),
    )


def dashboard(hub: FakeHub, *, frame_s: float = QUICK_FRAME_S) -> WatchApp:
    """The dashboard of ``hub``, on its clock, in UTC."""
    return WatchApp(hub, clock_us=lambda: hub.now_us, zone=UTC, frame_s=frame_s)


async def settle(pilot: Pilot[None]) -> None:
    """Wait until all that the hub told is on the screen."""
    app = pilot.app
    assert isinstance(app, WatchApp)
    hub = app.source
    assert isinstance(hub, FakeHub)
    await settle_on(pilot, lambda: hub.idle)
