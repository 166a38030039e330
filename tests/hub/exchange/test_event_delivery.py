import pytest
from hand_exchange import (
    Acorn,
    HandClock,
    HandLink,
    World,
    application,
    connect,
    device,
    event,
    hand_feeds,
    hand_sessions,
    principal,
)
from msgspec.structs import replace

from leafhub.dialects.base import Outcome
from leafhub.exchange.devices import DeviceMemory
from leafhub.exchange.event_delivery import RATE_SECONDS, EventDelivery
from leafhub.exchange.observers import Observers
from leafhub.model.event import Event, Kind
from leafhub.model.publication import Publication
from leafhub.model.registry import PutApplication, PutDevice, Registry, RegistryView
from leafhub.mqtt.session_state import OutgoingMessage, SendResult


class BrokenLink(HandLink):
    def send(self, message: OutgoingMessage) -> SendResult:
        raise ValueError(message.topic_name)


@pytest.fixture
def delivery() -> EventDelivery:
    registry = Registry(Acorn().keys)
    registry.apply(PutApplication(application()))
    registry.apply(PutDevice(device()))
    return EventDelivery(
        registry=registry,
        faces={"acorn": Acorn()},
        sessions=hand_sessions(),
        devices=DeviceMemory(),
        feeds=hand_feeds(HandClock()),
        observers=Observers(),
    )


def test_messages_are_counted_and_news_are_not(delivery: EventDelivery) -> None:
    delivery.publish([event("a"), replace(event("b"), kind=Kind.CONNECTION)])
    assert delivery.messages_total == 1


def test_the_rate_is_a_mean_of_the_last_seconds(delivery: EventDelivery) -> None:
    assert delivery.messages_per_second() == 0
    for second in range(20):
        delivery.count(second)
        if second >= 20 - RATE_SECONDS:
            delivery.publish([event(f"{second}-{number}") for number in range(3)])
    delivery.count(20)
    assert delivery.messages_per_second() == 3


async def test_an_event_reaches_each_session_once(world: World) -> None:
    world.dialect.topics = ("acorn/a", "acorn/b")
    reader, writer = world.attach(principal("r")), world.attach(principal())
    for topic_filter in ("acorn/a", "acorn/b", "acorn/#"):
        world.subscribe(reader, topic_filter)
    world.publish(writer, Outcome(events=(event("one"),)))
    world.store.commit()
    assert reader.topics().count("one") == 1


async def test_a_mistake_with_one_subscriber_costs_no_other_its_message(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenLink(world)
    broken.session, _ = world.exchange.attach(broken, principal("b"), connect())
    readers = [world.attach(principal("r")), broken, world.attach(principal("s"))]
    for reader in readers:
        world.subscribe(reader, "acorn/#")
    world.publish(readers[0], Outcome(events=(event("one"), event("two"))))
    world.store.commit()
    assert [reader.topics()[-2:] for reader in readers] == [["one", "two"], [], ["one", "two"]]
    assert "could not be shown" in caplog.text


async def test_a_mistake_of_a_dialect_with_an_event_costs_nobody_another_one(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def topics_of(one: Event, _: RegistryView) -> tuple[str, ...]:
        if one.id == "one":
            raise ValueError(one)
        return ("acorn/a",)

    def shown(one: Event, _: RegistryView) -> tuple[Publication, ...]:
        raise ValueError(one)

    reader, writer = world.attach(principal("r")), world.attach(principal())
    world.subscribe(reader, "acorn/#")
    monkeypatch.setattr(world.dialect, "topics_of", topics_of)
    monkeypatch.setattr(world.dialect, "shown", shown)
    told = world.publish(writer, Outcome(events=(event("one"), event("two"))))
    world.store.commit()
    assert told == [None]
    assert reader.topics()[-1] == "two"
    assert "could not be given topics" in caplog.text
    assert "could not be shown in topic spaces" in caplog.text
