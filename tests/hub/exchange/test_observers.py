import asyncio
from collections.abc import Sequence

import pytest
from hand_exchange import OPERATOR, World, event, principal

from leafhub.dialects.base import Outcome
from leafhub.model.event import Event
from leafhub.model.registry import PutOperator


class Notes:
    """Somebody who writes down what there is to see."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.changes = 0

    def on_events(self, events: Sequence[Event]) -> None:
        self.seen += [event.id for event in events]

    def on_registry_change(self) -> None:
        self.changes += 1


class Broken(Notes):
    def on_events(self, events: Sequence[Event]) -> None:
        raise ValueError(events)


@pytest.fixture
def notes(world: World) -> Notes:
    notes = Notes()
    world.exchange.observe(notes)
    return notes


async def test_an_event_is_shown_when_it_is_on_disk(world: World, notes: Notes) -> None:
    link = world.attach(principal())
    world.store.commit()
    notes.seen.clear()
    world.publish(link, Outcome(events=(event("one"), event("two"))))
    assert notes.seen == []
    world.store.commit()
    assert notes.seen == ["one", "two"]


async def test_an_event_that_is_not_stored_is_not_shown(world: World, notes: Notes) -> None:
    link = world.attach(principal())
    world.store.commit()
    notes.seen.clear()
    world.publish(link, Outcome(events=(event("one"),)))
    world.store.fail()
    assert notes.seen == []


async def test_the_life_line_of_a_command_is_no_event(world: World, notes: Notes) -> None:
    await world.command()
    world.store.commit()
    assert notes.seen == []


async def test_a_change_of_the_registry_is_told_once(world: World, notes: Notes) -> None:
    await world.apply(PutOperator(OPERATOR))
    assert notes.changes == 1
    world.exchange.stop_observing(notes)
    await world.apply(PutOperator(OPERATOR))
    assert notes.changes == 1


async def test_a_change_is_told_although_nobody_waits_for_it(world: World, notes: Notes) -> None:
    task = world.begin(PutOperator(OPERATOR))
    await asyncio.sleep(0)
    task.cancel()
    world.store.commit()
    assert notes.changes == 1


async def test_a_mistake_with_one_costs_no_other_one_anything(
    world: World, notes: Notes, caplog: pytest.LogCaptureFixture
) -> None:
    world.exchange.stop_observing(notes)
    world.exchange.observe(Broken())
    world.exchange.observe(notes)
    world.publish(world.attach(principal()), Outcome(events=(event("one"),)))
    world.store.commit()
    assert "one" in notes.seen
    assert "reads along" in caplog.text
