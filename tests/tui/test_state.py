import random

import msgspec
import pytest
from dashboard_world import (
    FLEET,
    GARDEN,
    LIFE,
    NOW_US,
    SECOND,
    command,
    device,
    heard,
    history,
    moment,
    raw,
    status,
)
from hypothesis import given
from hypothesis import strategies as st

from leafhub.contract.live_feed import CONNECTION_EVENT, FeedEvent
from leafhub.contract.operator_api import DeviceDetail, EventRecord, Value
from leafhub_tui.state import (
    COMMANDS_KEPT,
    LOG_ENTRIES,
    Change,
    CommandMoved,
    Complaint,
    DetailTaken,
    Device,
    EventHeard,
    FleetState,
    FleetTaken,
    HistoryTaken,
    LinkDown,
    LinkState,
    LinkUp,
    StatusTaken,
)


def fleet() -> FleetState:
    state = FleetState()
    state.apply(FleetTaken(devices=FLEET, asked_us=NOW_US - 100 * SECOND), NOW_US - 100 * SECOND)
    return state


def greenhouse(state: FleetState) -> Device:
    return state.devices[GARDEN]


def connection(*, connected: bool) -> EventHeard:
    event = heard("", {"connected": connected}, event_id=f"c{connected}")
    return EventHeard(
        event=msgspec.structs.replace(event, type=CONNECTION_EVENT, kind="connection")
    )


def test_a_fleet_counts_who_is_online() -> None:
    assert fleet().online == 5


def test_a_message_brings_value_age_rate_and_course() -> None:
    state = fleet()
    for k in range(3):
        at_us = NOW_US - (2 - k) * SECOND
        event = heard("climate", {"temperature": 20 + k}, ago_us=NOW_US - at_us, event_id=str(k))
        state.apply(EventHeard(event=event), at_us)
    found = greenhouse(state)
    assert found.latest == ("climate", NOW_US, b'{"temperature":22}')
    assert found.seen_us == NOW_US
    assert found.rate.per_minute(NOW_US) == 3
    assert found.recent("climate.temperature", 10) == [20, 21, 22]


def test_a_message_heard_twice_counts_once() -> None:
    state = fleet()
    for _ in range(2):
        state.apply(EventHeard(event=heard("level", 7)), NOW_US)
    assert len(greenhouse(state).log) == 1
    assert greenhouse(state).rate.per_minute(NOW_US) == 1


def test_an_old_message_does_not_replace_a_newer_value() -> None:
    state = fleet()
    state.apply(EventHeard(event=heard("level", 2, event_id="new")), NOW_US)
    state.apply(EventHeard(event=heard("level", 1, ago_us=SECOND, event_id="old")), NOW_US)
    leaf = greenhouse(state).leaf("level")
    assert leaf is not None
    assert leaf.value == 2
    assert greenhouse(state).recent("level", 5) == [1, 2]


def test_a_device_that_came_is_online_at_once() -> None:
    state = fleet()
    state.apply(connection(connected=False), NOW_US)
    assert greenhouse(state).state == "offline"
    state.apply(connection(connected=True), NOW_US)
    assert greenhouse(state).state == "online"


def test_a_fleet_asked_for_earlier_does_not_undo_what_the_feed_said() -> None:
    state = fleet()
    state.apply(connection(connected=False), NOW_US)
    state.apply(FleetTaken(devices=FLEET, asked_us=NOW_US - SECOND), NOW_US)
    assert greenhouse(state).state == "offline"
    state.apply(FleetTaken(devices=FLEET, asked_us=NOW_US + SECOND), NOW_US + SECOND)
    assert greenhouse(state).state == "online"


def test_a_device_that_left_the_registry_is_gone() -> None:
    state = fleet()
    state.apply(FleetTaken(devices=FLEET[1:], asked_us=NOW_US), NOW_US)
    assert GARDEN not in state.devices


def test_a_message_of_an_unknown_device_waits_for_its_record() -> None:
    state = fleet()
    state.apply(EventHeard(event=heard("t", 1, key=("garden", "new"))), NOW_US)
    assert ("garden", "new") not in state.devices
    assert [entry.device for entry in state.recent.values()] == [("garden", "new")]


@given(st.randoms(use_true_random=False))
def test_history_and_feed_give_one_picture_in_any_order(chance: random.Random) -> None:
    stored = history()
    live = [
        EventHeard(
            event=FeedEvent(
                id=event.id,
                type="io.drogue.event.v1",
                subject=event.channel,
                time=moment(event.time_us),
                application=event.application,
                device=event.device,
                sender=event.sender,
                data=event.data,
            )
        )
        for event in stored
    ]
    changes: list[Change] = [
        *chance.sample(live, 40),
        HistoryTaken(events=chance.sample(stored, len(stored))),
    ]
    chance.shuffle(changes)
    state, expected = fleet(), fleet()
    for change in changes:
        state.apply(change, NOW_US)
    expected.apply(HistoryTaken(events=stored), NOW_US)
    assert list(greenhouse(state).log) == list(greenhouse(expected).log)
    assert all(entry.topic == "climate" for entry in greenhouse(state).log.values())
    assert {path: list(s) for path, s in greenhouse(state).series.items()} == {
        path: list(s) for path, s in greenhouse(expected).series.items()
    }


def test_a_log_has_a_bound() -> None:
    state = fleet()
    for k in range(LOG_ENTRIES + 10):
        state.apply(EventHeard(event=heard("n", k, event_id=str(k))), NOW_US)
    assert len(greenhouse(state).log) == len(state.recent) == LOG_ENTRIES
    assert next(iter(greenhouse(state).log))[1] == "10"


def test_a_command_moves_forward_only() -> None:
    state = fleet()
    for step in (LIFE[2], LIFE[0], LIFE[1]):  # the answer to the POST may come last
        state.apply(CommandMoved(command=step), NOW_US)
    line = greenhouse(state).commands["c1"]
    assert line.command.state == "answered"
    assert sorted(line.steps, key=line.steps.__getitem__) == ["queued", "sent", "answered"]


def test_only_the_newest_commands_are_kept() -> None:
    state = fleet()
    for k in range(COMMANDS_KEPT + 3):
        made = msgspec.structs.replace(command("queued"), id=f"c{k}", created_us=NOW_US + k)
        state.apply(CommandMoved(command=made), NOW_US)
    kept = greenhouse(state).commands
    assert len(kept) == COMMANDS_KEPT
    assert "c2" not in kept
    assert "c3" in kept


def test_a_page_brings_all_channels_and_known_commands() -> None:
    state = fleet()
    value = Value(
        channel="battery", time_us=NOW_US, datacontenttype="application/json", data=raw(3.9)
    )
    detail = DeviceDetail(
        summary=FLEET[0],
        created_us=0,
        values=[value],
        addresses=["10.0.0.3:5555"],
        commands=["reboot"],
    )
    state.apply(DetailTaken(detail=detail), NOW_US)
    found = greenhouse(state)
    assert found.leaf("battery") is not None
    assert found.known_commands == ["reboot"]
    assert found.latest is not None
    assert found.latest[0] == "climate"  # a page's values are of any kind, not all are readings


def test_bytes_are_kept_as_they_came() -> None:
    state = fleet()
    event = msgspec.structs.replace(
        heard("blob", None),
        data=msgspec.UNSET,
        data_base64="AAEC",
        datacontenttype="application/cbor",
    )
    state.apply(EventHeard(event=event), NOW_US)
    entry = next(iter(greenhouse(state).log.values()))
    assert entry.raw == b"\x00\x01\x02"
    assert entry.data == b'"3 B"'


def test_an_empty_message_says_nothing() -> None:
    state = fleet()
    event = msgspec.structs.replace(
        heard("blob", None), data=msgspec.UNSET, datacontenttype="text/plain; charset=utf-8"
    )
    state.apply(EventHeard(event=event), NOW_US)
    entry = next(iter(greenhouse(state).log.values()))
    assert entry.raw == b""
    assert entry.data == b'""'


@pytest.mark.parametrize(
    ("datacontenttype", "data", "meant", "came"),
    [
        ("application/octet-stream", "AAEC", "3 B", b"\x00\x01\x02"),
        ("text/plain; charset=utf-8", "ON", "ON", b"ON"),
        ("application/json", "ON", "ON", b'"ON"'),
        ("application/json", 21.5, 21.5, b"21.5"),
        ("application/senml+json", 21.5, 21.5, b"21.5"),
        ("application/octet-stream", "", "", b""),
    ],
)
def test_a_stored_message_is_shown_as_it_came(
    datacontenttype: str, data: object, meant: object, came: bytes
) -> None:
    state = fleet()
    record = msgspec.structs.replace(
        history()[0], channel="stat/plug/POWER", datacontenttype=datacontenttype, data=raw(data)
    )
    state.apply(HistoryTaken(events=[record]), NOW_US)
    entry = next(iter(greenhouse(state).log.values()))
    assert entry.raw == came
    leaf = greenhouse(state).leaf("stat/plug/POWER")
    assert leaf is not None
    assert leaf.value == meant


def test_text_that_is_no_json_is_shown_as_text() -> None:
    state = fleet()
    record = msgspec.structs.replace(history()[0], data=msgspec.Raw(b"21,5 degrees"), channel="t")
    state.apply(HistoryTaken(events=[record]), NOW_US)
    leaf = greenhouse(state).leaf("t")
    assert leaf is not None
    assert leaf.value == "21,5 degrees"


def test_a_lost_hub_keeps_the_time_it_went() -> None:
    state = fleet()
    state.apply(LinkUp(), NOW_US)
    state.apply(LinkDown(reason="the hub is silent", retry_us=NOW_US + SECOND), NOW_US)
    again = NOW_US + 5 * SECOND
    state.apply(LinkDown(reason="the hub is silent", retry_us=again + SECOND), again)
    assert state.link.state is LinkState.DOWN
    assert state.link.since_us == NOW_US
    assert state.link.retry_us == again + SECOND


def test_a_complaint_is_shown_for_a_minute_beside_the_hubs_own() -> None:
    state = fleet()
    state.apply(StatusTaken(status=status(trouble=["The store is full."])), NOW_US)
    state.apply(Complaint(text="Nonsense came."), NOW_US)
    assert state.troubles(NOW_US + SECOND) == ["The store is full.", "Nonsense came."]
    assert state.troubles(NOW_US + 61 * SECOND) == ["The store is full."]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["reading", "occurrence", "data", "answer", "connection", "registry"]),
            st.text(max_size=5),
            st.integers(-(10**12), 10**16),
            st.binary(max_size=20),
        ),
        max_size=20,
    )
)
def test_whatever_is_stored_can_be_taken(rows: list[tuple[str, str, int, bytes]]) -> None:
    events = [
        EventRecord(
            position=k,
            id=str(k),
            kind=kind,
            application="garden",
            device="greenhouse-1",
            sender="greenhouse-1",
            channel=channel,
            time_us=time_us,
            datacontenttype="application/octet-stream",
            data=msgspec.Raw(data),
            topic="t",
            raw_base64=None,
        )
        for k, (kind, channel, time_us, data) in enumerate(rows)
    ]
    state = fleet()
    state.apply(HistoryTaken(events=events), NOW_US)
    times = [entry.time_us for entry in greenhouse(state).log.values()]
    assert times == sorted(times)
    assert len(times) == len(rows)


def test_a_device_that_was_never_seen_has_no_age() -> None:
    state = FleetState()
    never = device("house", "front-door", "murano", "never", None)
    state.apply(FleetTaken(devices=[never], asked_us=NOW_US), NOW_US)
    assert state.devices["house", "front-door"].seen_us is None
