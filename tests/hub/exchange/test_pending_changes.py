import asyncio

import pytest
from hand_exchange import application, device

from leafhub.errors import NotFoundError
from leafhub.exchange.pending_changes import PendingChanges
from leafhub.model.registry import DeleteDevice, PutApplication, PutDevice, Registry


@pytest.fixture
def registry() -> Registry:
    registry = Registry(lambda _, device: (f"acorn:{device.id}",))
    registry.apply(PutApplication(application()))
    registry.apply(PutDevice(device(name="before")))
    return registry


def name(registry: Registry) -> str | None:
    known = registry.device("oak", "d")
    return None if known is None else known.name


def test_the_first_failure_takes_all_later_changes_back(registry: Registry) -> None:
    pending = PendingChanges(registry)
    first = pending.take_in([PutDevice(device(name="first"))])
    second = pending.take_in([DeleteDevice("oak", "d")])
    pending.take_back(first)
    assert name(registry) == "before"
    pending.take_back(second)
    assert name(registry) == "before"


def test_what_was_taken_in_after_a_failure_stays_when_an_older_one_is_told(
    registry: Registry,
) -> None:
    pending = PendingChanges(registry)
    first = pending.take_in([PutDevice(device(name="first"))])
    second = pending.take_in([PutDevice(device(name="second"))])
    pending.take_back(first)
    pending.take_in([PutDevice(device(name="third"))])
    pending.take_back(second)
    assert name(registry) == "third"


def test_the_last_alone_can_be_taken_back(registry: Registry) -> None:
    pending = PendingChanges(registry)
    pending.take_in([PutDevice(device(name="first"))])
    pending.take_back(pending.take_in([PutDevice(device(name="second"))]))
    assert name(registry) == "first"


def test_what_does_not_fit_leaves_nothing_behind(registry: Registry) -> None:
    pending = PendingChanges(registry)
    with pytest.raises(NotFoundError):
        pending.take_in([PutDevice(device(name="first")), DeleteDevice("oak", "nobody")])
    assert name(registry) == "before"


async def test_what_is_on_disk_is_settled(registry: Registry) -> None:
    pending = PendingChanges(registry)
    assert await pending.settled()
    pending.stored(pending.take_in([PutDevice(device(name="first"))]))
    assert await pending.settled()


@pytest.mark.parametrize("stored", [True, False])
async def test_who_waits_is_told_what_became_of_the_newest(
    registry: Registry,
    stored: bool,  # noqa: FBT001 - a row of the table
) -> None:
    pending = PendingChanges(registry)
    first = pending.take_in([PutDevice(device(name="first"))])
    second = pending.take_in([PutDevice(device(name="second"))])
    waiting = [asyncio.create_task(pending.settled()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting.pop().cancel()  # leaves the others waiting
    later = pending.take_in([PutDevice(device(name="third"))])
    if stored:
        pending.stored(first)
        await asyncio.sleep(0)
        assert not any(one.done() for one in waiting)
        pending.stored(second)
    else:
        pending.take_back(first)
    assert await asyncio.gather(*waiting) == [stored, stored]
    if stored:
        pending.take_back(later)
        assert name(registry) == "second"
