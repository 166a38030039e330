"""What every store does, whatever database is behind it."""

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leafhub.errors import StoreUnavailableError
from leafhub.model.command import CommandState
from leafhub.model.device import Credential, SecretKind
from leafhub.model.event import BYTES, CONNECTION_EVENT, Event, Kind
from leafhub.model.operator import AccessToken, Operator, Role
from leafhub.model.registry import (
    DeleteApplication,
    DeleteDevice,
    DeleteOperator,
    PutApplication,
    PutDevice,
    PutOperator,
)
from leafhub.stores.base import Batch, CommandQuery, EventQuery, Snapshot, StoredEvent
from leafhub.stores.records import MERGED_SERIES

if TYPE_CHECKING:
    from tests.hub.stores.conftest import Bench


async def ids(bench: "Bench", query: EventQuery | None = None) -> list[str]:
    found = await bench.store.events(EventQuery(oldest_first=True) if query is None else query)
    return [one.event.id for one in found]


async def test_a_new_store_is_empty_and_well(bench: "Bench") -> None:
    assert await bench.reopen() == Snapshot(changes=(), commands=(), latest=())
    status = bench.store.status()
    assert status.trouble is None
    assert (status.waiting, status.committed_groups, status.committed_events) == (0, 0, 0)
    assert status.size_bytes > 0


async def test_the_registry_comes_back_as_it_was_written(bench: "Bench") -> None:
    operator = Operator(
        name="ada",
        credentials=(Credential(kind=SecretKind.ARGON2ID, secret="x", expires_us=9),),
        tokens=(AccessToken(prefix="drg_abc", sha256="0" * 64, created_us=7),),
        role=None,
        roles={"greenhouse": Role.WRITER},
        offers={"greenhouse": "bob"},
    )
    changes = (
        PutApplication(bench.application()),
        PutDevice(bench.device()),
        PutOperator(operator),
    )
    await bench.write(Batch(changes=changes))
    assert (await bench.reopen()).changes == changes


async def test_put_again_replaces(bench: "Bench") -> None:
    await bench.plant()
    device = msgspec.structs.replace(bench.device("d1"), name="Kitchen", credentials=())
    application = msgspec.structs.replace(bench.application(), enabled=False)
    await bench.write(Batch(changes=(PutDevice(device), PutApplication(application))))
    changes = (await bench.reopen()).changes
    assert changes == (
        PutApplication(application),
        PutDevice(device),
        PutDevice(bench.device("d2")),
    )


async def test_a_deleted_operator_is_gone(bench: "Bench") -> None:
    await bench.write(Batch(changes=(PutOperator(Operator(name="ada", credentials=())),)))
    await bench.write(Batch(changes=(DeleteOperator("ada"),)))
    assert (await bench.reopen()).changes == ()


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_EVENTS = st.builds(
    Event,
    id=_TEXT,
    application=_TEXT,
    device=_TEXT,
    sender=_TEXT,
    channel=_TEXT,
    time_us=st.integers(-(2**63), 2**63 - 1),
    data=st.binary(max_size=100),
    type=_TEXT,
    kind=st.sampled_from(Kind),
    datacontenttype=_TEXT,
    topic=_TEXT,
    raw=st.none() | st.binary(max_size=100),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_any_event_comes_back_as_it_was_written(bench: "Bench", data: st.DataObject) -> None:
    some = data.draw(
        st.lists(_EVENTS, max_size=8, unique_by=lambda one: (one.application, one.device, one.id))
    )
    known = await bench.store.events(EventQuery(limit=1))
    after = known[0].position if known else 0
    new = [msgspec.structs.replace(one, id=f"{after}/{one.id}") for one in some]
    await bench.write(Batch(events=tuple(new)))
    found = await bench.store.events(EventQuery(after=after, oldest_first=True))
    assert [one.event for one in found] == new


@pytest.mark.parametrize(
    ("maximum_bytes", "found"), [(1, ["1"]), (299, ["1", "2"]), (9_999, ["1", "2", "3"])]
)
async def test_an_answer_is_as_large_as_it_may_be(
    bench: "Bench", maximum_bytes: int, found: list[str]
) -> None:
    large = (msgspec.structs.replace(bench.event(name), raw=bytes(150)) for name in "123")
    await bench.write(Batch(events=tuple(large)))
    assert await ids(bench, EventQuery(maximum_bytes=maximum_bytes, oldest_first=True)) == found


async def test_an_event_is_stored_once_in_a_batch_and_ever(bench: "Bench") -> None:
    event = bench.event("e1")
    await bench.write(Batch(events=(event, event)))
    await bench.write(Batch(events=(msgspec.structs.replace(event, channel="other"),)))
    await bench.reopen()
    await bench.write(Batch(events=(event, bench.event("e2"))))
    assert await ids(bench) == ["e1", "e2"]
    assert bench.store.status().committed_events == 1


async def test_two_devices_may_use_the_same_event_id(bench: "Bench") -> None:
    await bench.write(Batch(events=(bench.event("e", "d1"), bench.event("e", "d2"))))
    found = await bench.store.events(EventQuery(oldest_first=True))
    assert [one.event.device for one in found] == ["d1", "d2"]


async def test_positions_rise_and_survive_a_deletion(bench: "Bench") -> None:
    await bench.plant()
    await bench.write(Batch(events=(bench.event("a"), bench.event("b"))))
    before = [one.position for one in await bench.store.events(EventQuery(oldest_first=True))]
    assert before == sorted(set(before))
    await bench.write(Batch(changes=(DeleteDevice("oak", "d1"),)))
    await bench.reopen()
    await bench.write(Batch(events=(bench.event("c", "d2"),)))
    (after,) = await bench.store.events(EventQuery())
    assert after.position > before[-1]


async def test_a_deleted_device_takes_its_history_and_commands(bench: "Bench") -> None:
    await bench.plant()
    await bench.write(
        Batch(
            events=(bench.event("a", "d1"), bench.event("b", "d2")),
            commands=(bench.command("c1", "d1"), bench.command("c2", "d2")),
        )
    )
    await bench.write(Batch(changes=(DeleteDevice("oak", "d1"),)))
    await bench.write(Batch(changes=(PutDevice(bench.device("d1")),), events=(bench.event("n"),)))
    assert await ids(bench) == ["b", "n"]
    assert [one.id for one in await bench.store.commands(CommandQuery())] == ["c2"]
    assert [one.event.id for one in (await bench.reopen()).latest] == ["b", "n"]


async def test_a_deleted_application_takes_everything_of_it(bench: "Bench") -> None:
    await bench.plant()
    elm = bench.application("elm")
    await bench.write(
        Batch(
            changes=(PutApplication(elm), PutDevice(bench.device("d1", "elm"))),
            events=(bench.event("a"), bench.event("b", application="elm")),
            commands=(bench.command("c1"), bench.command("c2", application="elm")),
        )
    )
    await bench.write(Batch(changes=(DeleteApplication("oak"),)))
    snapshot = await bench.reopen()
    assert snapshot.changes == (PutApplication(elm), PutDevice(bench.device("d1", "elm")))
    assert [one.id for one in snapshot.commands] == ["c2"]
    assert await ids(bench) == ["b"]


async def test_changes_of_a_group_keep_their_order_with_events(bench: "Bench") -> None:
    await bench.plant()
    bench.queue(0, Batch(events=(bench.event("before"),)))
    bench.queue(1, Batch(changes=(DeleteDevice("oak", "d1"),), events=(bench.event("gone"),)))
    bench.queue(2, Batch(changes=(PutDevice(bench.device("d1")),)))
    await bench.write(Batch(events=(bench.event("after"),)))
    assert await ids(bench) == ["gone", "after"]
    assert bench.outcomes == [(0, None), (1, None), (2, None)]


async def test_outcomes_come_in_the_order_of_the_writes(bench: "Bench") -> None:
    for number in range(500):
        bench.queue(number, Batch(events=(bench.event(str(number)),)))
        if number % 100 == 0:
            await asyncio.sleep(0)
    await bench.store.close()
    assert bench.outcomes == [(number, None) for number in range(500)]


async def test_what_gathers_is_one_commit(bench: "Bench") -> None:
    for number in range(1000):
        bench.queue(number, Batch(events=(bench.event(str(number)),)))
    await bench.write(Batch())
    status = bench.store.status()
    assert status.committed_events == 1000
    assert status.committed_groups < 50
    assert status.commit_ms > 0


async def test_close_writes_what_is_queued(bench: "Bench") -> None:
    for number in range(100):
        bench.queue(number, Batch(events=(bench.event(str(number)),)))
    await bench.reopen()
    assert await ids(bench) == [str(number) for number in range(100)]


async def test_a_batch_that_cannot_be_stored_takes_no_other_with_it(bench: "Bench") -> None:
    bad = msgspec.structs.replace(bench.event("bad"), time_us=2**63)
    for number in range(20):
        event = bench.event(str(number))
        bench.queue(number, Batch(events=(event, bad) if number == 7 else (event,)))
    await bench.write(Batch())
    failed = [number for number, error in bench.outcomes if error is not None]
    assert failed == [7]
    assert await ids(bench) == [str(number) for number in range(20) if number != 7]
    assert bench.store.status().trouble is None


async def test_text_that_is_no_unicode_is_refused_and_nothing_of_its_batch_stays(
    bench: "Bench",
) -> None:
    batch = Batch(
        changes=(PutApplication(bench.application()),),
        events=(bench.event("a", channel="new"), bench.event("\ud800")),
    )
    with pytest.raises(StoreUnavailableError, match="cannot be stored"):
        await bench.write(batch)
    await bench.write(Batch(events=(bench.event("b", channel="new"),)))
    assert await ids(bench) == ["b"]
    assert (await bench.reopen()).changes == ()


async def test_a_command_is_replaced_by_its_id(bench: "Bench") -> None:
    command = bench.command("c1")
    await bench.write(Batch(commands=(command, bench.command("c2"))))
    answered = msgspec.structs.replace(
        command, state=CommandState.ANSWERED, updated_us=9, expires_us=8, answer=b"", error="late"
    )
    await bench.write(Batch(commands=(answered,)))
    assert await bench.store.command("c1") == answered
    assert await bench.store.command("c3") is None
    assert await bench.store.commands(CommandQuery()) == [bench.command("c2"), answered]
    assert (await bench.reopen()).commands == (bench.command("c2"),)


async def test_commands_by_application_and_device_newest_first(bench: "Bench") -> None:
    await bench.write(
        Batch(
            commands=(
                bench.command("1", "d1"),
                bench.command("2", "d2"),
                bench.command("3", "d1"),
                bench.command("4", "d1", "elm"),
            )
        )
    )

    async def found(query: CommandQuery) -> list[str]:
        return [one.id for one in await bench.store.commands(query)]

    assert await found(CommandQuery(application="oak")) == ["3", "2", "1"]
    assert await found(CommandQuery(applications=("oak", "none"))) == ["3", "2", "1"]
    assert await found(CommandQuery(applications=())) == []
    assert await found(CommandQuery(application="oak", device="d1")) == ["3", "1"]
    assert await found(CommandQuery(limit=2)) == ["4", "3"]


async def test_the_newest_event_of_each_channel_of_registered_devices(bench: "Bench") -> None:
    await bench.plant()
    came = msgspec.structs.replace(
        bench.event("on", channel="connection"), kind=Kind.CONNECTION, type=CONNECTION_EVENT
    )
    await bench.write(
        Batch(
            events=(
                bench.event("1"),
                bench.event("2", "d2"),
                came,
                bench.event("3"),
                bench.event("4", "stranger"),
            )
        )
    )
    assert [one.event.id for one in (await bench.reopen()).latest] == ["2", "on", "3"]


def _matches(one: StoredEvent, query: EventQuery) -> bool:
    event = one.event
    return (
        query.application in (None, event.application)
        and (query.applications is None or event.application in query.applications)
        and query.device in (None, event.device)
        and query.channel in (None, event.channel)
        and (not query.kinds or event.kind in query.kinds)
        and (query.before is None or one.position < query.before)
        and (query.after is None or one.position > query.after)
        and (query.since_us is None or event.time_us >= query.since_us)
        and (query.until_us is None or event.time_us < query.until_us)
    )


@pytest.mark.parametrize("extra_channels", [0, MERGED_SERIES])
async def test_every_condition_of_a_query_holds(bench: "Bench", extra_channels: int) -> None:
    some = [
        msgspec.structs.replace(
            bench.event(str(n), f"d{n % 3}", f"c{n % 2}", ("oak", "elm")[n % 5 == 0]),
            time_us=1000 - n if n % 7 == 0 else n,
            kind=Kind(n % 4),
            datacontenttype=BYTES,
            raw=b"raw" if n % 2 else None,
        )
        for n in range(200)
    ]
    many = [bench.event(f"x{n}", "d1", f"x{n}") for n in range(extra_channels)]
    await bench.write(Batch(events=(*some, *many)))
    everything = await bench.store.events(EventQuery(oldest_first=True, limit=1000))
    assert [one.event for one in everything] == [*some, *many]
    base = EventQuery(limit=1000)
    for change in (
        {"application": "oak"},
        {"application": "elm", "limit": 3},
        {"application": "oak", "device": "d1"},
        {"application": "oak", "device": "d1", "limit": 20, "oldest_first": True},
        {"application": "oak", "device": "d1", "channel": "c1"},
        {"device": "d2"},
        {"channel": "c0", "limit": 7},
        {"application": "nobody"},
        {"applications": ("elm", "nobody"), "limit": 9},
        {"applications": ("elm", "oak"), "device": "d1", "channel": "c1"},
        {"applications": ("oak",), "application": "elm"},
        {"applications": ()},
        {"kinds": (Kind.DATA, Kind.ANSWER), "device": "d1"},
        {"before": 150, "after": 20},
        {"application": "oak", "before": 150, "after": 20, "limit": 10},
        {"since_us": 50, "until_us": 120},
        {"device": "d0", "since_us": 50, "until_us": 120, "oldest_first": True},
        {"limit": 5},
        {"limit": 5, "oldest_first": True},
    ):
        query = msgspec.structs.replace(base, **change)
        expected = [one for one in everything if _matches(one, query)]
        if not query.oldest_first:
            expected.reverse()
        assert await bench.store.events(query) == expected[: query.limit], change


async def test_pages_join_without_gap_or_repetition(bench: "Bench") -> None:
    await bench.write(Batch(events=tuple(bench.event(str(n), f"d{n % 2}") for n in range(25))))
    pages: list[str] = []
    before = None
    while page := await bench.store.events(EventQuery(device="d1", before=before, limit=5)):
        pages += [one.event.id for one in page]
        before = page[-1].position
    assert pages == [str(n) for n in range(23, -1, -2)]


async def test_after_the_end_a_write_is_refused_through_its_outcome(bench: "Bench") -> None:
    await bench.store.close()
    await bench.store.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        await bench.write(Batch())
    with pytest.raises(StoreUnavailableError, match="closed"):
        await bench.store.events(EventQuery())
