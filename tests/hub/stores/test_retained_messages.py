"""Retained messages in every store."""

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from leafhub.errors import StoreUnavailableError
from leafhub.model.publication import Publication
from leafhub.model.registry import DeleteApplication, DeleteDevice, PutApplication
from leafhub.mqtt.properties import Properties
from leafhub.stores.base import Batch

if TYPE_CHECKING:
    from tests.hub.stores.conftest import Bench

EVERYTHING = Properties(
    payload_format_indicator=1,
    message_expiry_interval_s=60,
    content_type="text/plain",
    response_topic="answers",
    correlation_data=b"\0\xff",
    user_properties=(("a", "b"), ("a", "c")),
)


def message(topic_name: str, payload: bytes = b"1", space: str = "oak") -> Publication:
    return Publication(space=space, topic_name=topic_name, payload=payload, qos=1, retain=True)


async def kept(bench: "Bench") -> dict[tuple[str, str], bytes]:
    found = (await bench.reopen()).retained
    return {(one.space, one.topic_name): one.payload for one in found}


async def test_they_come_back_as_they_were_written(bench: "Bench") -> None:
    messages = (
        message("a"),
        replace(message("a/b"), properties=EVERYTHING, expires_us=1 << 60, publisher="c1"),
        message("a/b", space="elm"),
        message("\u00e4/", b"\0\xff"),
    )
    await bench.write(Batch(retained=messages))
    found = (await bench.reopen()).retained
    assert sorted(found, key=str) == sorted(messages, key=str)


@pytest.mark.parametrize("together", [True, False])
async def test_the_last_of_a_topic_stays_and_an_empty_one_takes_it_away(
    bench: "Bench", *, together: bool
) -> None:
    steps = [
        *(message("replaced", str(n).encode()) for n in range(3)),
        message("removed"),
        message("removed", b""),
        message("back"),
        message("back", b""),
        message("back", b"again"),
        message("never there", b""),
    ]
    for batch in [tuple(steps)] if together else [(step,) for step in steps]:
        await bench.write(Batch(retained=batch))
    assert await kept(bench) == {("oak", "replaced"): b"2", ("oak", "back"): b"again"}


async def test_a_deleted_application_takes_its_own_along(bench: "Bench") -> None:
    await bench.plant()
    await bench.write(Batch(retained=(message("a"), message("a", space="elm"))))
    await bench.write(Batch(changes=(DeleteApplication("oak"),)))
    assert await kept(bench) == {("elm", "a"): b"1"}


async def test_the_order_with_a_deleted_application_holds_within_one_group(
    bench: "Bench",
) -> None:
    await bench.plant()
    before, after = (message("a"),), (message("b"),)
    bench.queue(1, Batch(retained=before))
    bench.queue(2, Batch(changes=(DeleteApplication("oak"),)))
    bench.queue(3, Batch(changes=(PutApplication(bench.application()),), retained=after))
    assert await kept(bench) == {("oak", "b"): b"1"}
    assert bench.outcomes == [(1, None), (2, None), (3, None)]


async def test_a_deleted_device_leaves_them(bench: "Bench") -> None:
    await bench.plant()
    await bench.write(Batch(retained=(replace(message("a"), publisher="d1"),)))
    await bench.write(Batch(changes=(DeleteDevice("oak", "d1"),)))
    assert await kept(bench) == {("oak", "a"): b"1"}


async def test_they_are_committed_with_their_batch_or_not_at_all(bench: "Bench") -> None:
    too_large = replace(bench.event("e"), time_us=1 << 70)  # no database takes that
    with pytest.raises(StoreUnavailableError):
        await bench.write(Batch(events=(too_large,), retained=(message("a"),)))
    assert await kept(bench) == {}


async def test_one_that_somebody_else_wrote_is_named(bench: "Bench") -> None:
    await bench.write(Batch(retained=(replace(message("a"), properties=EVERYTHING),)))
    await bench.store.close()
    path = getattr(bench.store, "_path")  # noqa: B009 - the protocol has none
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE retained SET properties = '[]'")
    with pytest.raises(StoreUnavailableError, match="retained message of 'a' in 'oak'"):
        await bench.open()
