"""Positions of groups of readers in every store."""

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from leafhub.errors import StoreUnavailableError
from leafhub.model.registry import DeleteApplication, DeleteDevice, PutApplication
from leafhub.stores.base import Batch, FeedPosition

if TYPE_CHECKING:
    from tests.hub.stores.conftest import Bench


def place(group: str = "g", selection: str = "", application: str = "oak") -> FeedPosition:
    return FeedPosition(
        application=application,
        group=group,
        selection=selection,
        positions=(1, 1 << 40, 3),
        updated_us=7,
    )


async def test_they_come_back_as_they_were_written_longest_unused_first(bench: "Bench") -> None:
    await bench.plant()
    await bench.write(Batch(changes=(PutApplication(bench.application("elm")),)))
    written = (
        place(),
        replace(place("h"), updated_us=9),
        replace(place("g", "dev/#"), updated_us=8),
        replace(place("\u00e4 / '", application="elm"), updated_us=1),
    )
    await bench.write(Batch(positions=written))
    found = (await bench.reopen()).positions
    assert list(found) == sorted(written, key=lambda one: one.updated_us)


@pytest.mark.parametrize("together", [True, False])
async def test_the_last_one_stays_and_an_empty_one_takes_it_away(
    bench: "Bench", *, together: bool
) -> None:
    await bench.plant()
    last = replace(place("moved"), positions=(9, 9, 9))
    steps = (
        place("moved"),
        last,
        place("gone"),
        replace(place("gone"), positions=()),
        replace(place("never there"), positions=()),
    )
    for part in (steps,) if together else ((step,) for step in steps):
        await bench.write(Batch(positions=part))
    assert (await bench.reopen()).positions == (last,)


async def test_they_go_with_their_application_and_none_comes_after(bench: "Bench") -> None:
    await bench.plant()
    await bench.write(Batch(positions=(place(),)))
    await bench.write(Batch(changes=(DeleteDevice("oak", "d1"),)))
    assert (await bench.reopen()).positions == (place(),)
    await bench.write(Batch(changes=(DeleteApplication("oak"),)))
    await bench.write(Batch(positions=(place(),)))  # it was on its way when the application went
    assert (await bench.reopen()).positions == ()


async def test_the_newest_position_is_known_when_an_event_is_told_to_be_on_disk(
    bench: "Bench",
) -> None:
    await bench.plant()
    store = bench.store
    assert store.newest_position() == 0
    seen: list[int] = []
    for number in range(3):
        batch = Batch(events=(bench.event(f"e{number}"), bench.event(f"f{number}")))
        store.write(batch, lambda _: seen.append(store.newest_position()))
    await bench.write(Batch(events=(bench.event("e0"),)))  # was there
    assert seen == sorted(seen)
    assert store.newest_position() == seen[-1] > 0
    await bench.reopen()
    assert bench.store.newest_position() == seen[-1]


async def test_one_that_is_none_is_named(bench: "Bench") -> None:
    await bench.plant()
    await bench.write(Batch(positions=(place(),)))
    await bench.store.close()
    engine = sa.create_engine(f"sqlite+pysqlite:///{bench.store._path}")  # type: ignore[attr-defined]
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE feed_positions SET positions = 'x'"))
    engine.dispose()
    with pytest.raises(StoreUnavailableError, match="the group 'g'"):
        await bench.open()
