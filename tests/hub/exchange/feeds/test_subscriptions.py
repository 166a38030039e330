"""MQTT clients that get an application's events, live or as readers in a group."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from hand_exchange import Acorn, HandClock, HandLink, HandStore, World, event, principal

from leafhub.dialects.base import Grant, Principal, Reading
from leafhub.exchange.feeds import subscriptions
from leafhub.exchange.feeds.groups import FeedGroups
from leafhub.exchange.feeds.subscriptions import FeedSubscriptions, Receipt
from leafhub.exchange.session import Session
from leafhub.exchange.settings import FeedSettings
from leafhub.exchange.timetable import Alarm
from leafhub.model.event import Event
from leafhub.model.registry import Registry, RegistryView
from leafhub.mqtt.limits import QueueBudget
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import OutgoingMessage, SendResult, SessionState, Subscription
from leafhub.stores.base import Batch

LIVE = Reading(application="oak", group="c", is_live=True)
SHARED = Reading(application="oak", group="c")


class Showing(Acorn):
    """Shows events at the QoS of the subscription, unless nobody may see any."""

    permits = True
    fails = False

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        if self.fails:
            raise ValueError(event)
        if not self.permits:
            return None
        message = super().deliver(event, subscription, principal, registry)
        assert message is not None
        topic_name = f"{subscription.topic_filter} {event.id}"
        return msgspec.structs.replace(message, topic_name=topic_name, qos=subscription.qos)


class Client:
    """A client that acknowledges when the test says so."""

    def __init__(self, feeds: FeedSubscriptions, budget: QueueBudget) -> None:
        self.feeds = feeds
        self.link = HandLink(World())
        self.session = Session(
            principal(), SessionState(None, budget=budget), self.link, HandClock()
        )

    def subscribe(self, reading: Reading, topic_filter: str = "f", qos: int = 0) -> None:
        self.feeds.subscribe(self.session, Subscription(topic_filter, qos), reading)

    def unsubscribe(self, topic_filter: str = "f") -> None:
        self.feeds.unsubscribe(self.session, topic_filter)

    async def acknowledge(self) -> None:
        token = self.link.sent[-1].token
        assert isinstance(token, Receipt)
        token.settle()
        await settle()

    @property
    def topics(self) -> list[str]:
        return self.link.topics()


class Desk:
    def __init__(self) -> None:
        self.store = HandStore()
        self.alarm = Alarm(HandClock())
        self.groups = FeedGroups(
            FeedSettings(), self.store, HandClock(), self.alarm, read_apart_s=0
        )
        self.face = Showing()
        self.feeds = FeedSubscriptions(Registry(self.face.keys), {"acorn": self.face}, self.groups)
        self.budget = QueueBudget()

    def client(self) -> Client:
        return Client(self.feeds, self.budget)

    async def publish(self, *names: str, sender: str = "d") -> None:
        events = tuple(event(name, sender) for name in names)
        self.store.write(Batch(events=events), lambda _: None)
        self.store.commit()
        self.feeds.publish(events)
        await settle()


async def settle() -> None:
    for _ in range(40):
        await asyncio.sleep(0)


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(subscriptions, "ASK_AGAIN_S", 0)
    desk = Desk()
    yield desk
    desk.groups.end()
    desk.alarm.stop()


async def test_live_messages_come_from_memory(desk: Desk) -> None:
    client = desk.client()
    client.subscribe(LIVE)
    desk.feeds.publish((event("1"), event("2")))  # no store has them
    assert client.topics == ["f 1", "f 2"]
    client.unsubscribe()
    client.unsubscribe()
    desk.feeds.publish((event("3"),))
    assert client.topics == ["f 1", "f 2"]


async def test_what_a_live_client_does_not_take_is_lost_on_it(desk: Desk) -> None:
    client = desk.client()
    client.subscribe(LIVE)
    client.link.takes = False
    await desk.publish("1")
    client.link.takes = True
    await desk.publish("2")
    assert client.topics == ["f 2"]


async def test_live_clients_without_a_client_id_get_everything_each(desk: Desk) -> None:
    clients = [desk.client(), desk.client()]
    for client in clients:
        client.subscribe(Reading(application="oak", is_live=True))
    await desk.publish("1")
    assert [client.topics for client in clients] == [["f 1"], ["f 1"]]


async def test_live_clients_of_one_client_id_share_by_sender(desk: Desk) -> None:
    clients = [desk.client(), desk.client()]
    for client in clients:
        client.subscribe(LIVE)
    for number in range(20):
        await desk.publish(f"{number}-1", f"{number}-2", sender=f"board-{number}")
    found = [set(client.topics) for client in clients]
    assert all(found)
    assert not found[0] & found[1]
    assert len(found[0] | found[1]) == 40
    for one in found:
        assert {f"f {t.split()[1][:-1]}2" for t in one} <= one
    clients[0].unsubscribe()
    await desk.publish("last", sender="board-0")
    await desk.publish("last", sender="board-1")
    assert clients[1].topics[-2:] == ["f last", "f last"]


async def test_a_live_client_joins_the_group_that_has_its_client_id_as_name(desk: Desk) -> None:
    client, member = desk.client(), desk.client()
    client.subscribe(LIVE)
    member.subscribe(SHARED, "$share/c/f")
    for number in range(20):
        await desk.publish(str(number), sender=f"board-{number}")
    assert len(client.topics) + len(member.topics) == 20
    assert client.topics
    assert member.topics
    client.unsubscribe()
    member.unsubscribe("$share/c/f")
    later = desk.client()
    later.subscribe(LIVE)  # nobody is there: what happens now is enough
    await desk.publish("later")
    assert later.topics == ["f later"]


async def test_at_qos_1_one_comes_after_the_other(desk: Desk) -> None:
    client = desk.client()
    client.subscribe(SHARED, qos=1)
    await desk.publish("1", "2", "3")
    assert client.topics == ["f 1"]
    await client.acknowledge()
    assert client.topics == ["f 1", "f 2"]
    client.unsubscribe()
    await client.acknowledge()
    client.subscribe(SHARED, qos=1)
    await settle()
    assert client.topics == ["f 1", "f 2", "f 2"]  # the acknowledgement came after the end


async def test_at_qos_0_a_reader_gets_as_much_as_it_reads(desk: Desk) -> None:
    client = desk.client()
    client.subscribe(SHARED)
    client.link.is_congested = True
    await desk.publish("1", "2", "3")
    assert client.topics == []
    client.link.is_congested = False
    await asyncio.sleep(0.01)
    await settle()
    assert client.topics == ["f 1", "f 2", "f 3"]


async def test_where_there_is_no_room_an_event_waits(desk: Desk) -> None:
    client = desk.client()
    client.subscribe(SHARED, qos=1)
    desk.budget.maximum_bytes = 0
    await desk.publish("1")
    assert client.topics == []
    desk.budget.maximum_bytes = None
    await asyncio.sleep(0.01)
    await settle()
    assert client.topics == ["f 1"]


async def test_what_is_larger_than_a_reader_takes_is_passed_by(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    client = desk.client()
    client.subscribe(SHARED, qos=1)
    sends = client.link.send

    def send(message: OutgoingMessage) -> SendResult:
        return SendResult.DROPPED if message.topic_name == "f 1" else sends(message)

    monkeypatch.setattr(client.link, "send", send)
    await desk.publish("1", "2")
    assert client.topics == ["f 2"]
    assert "event 1 is larger" in caplog.text


async def test_who_may_see_nothing_for_a_moment_loses_nothing(desk: Desk) -> None:
    client = desk.client()
    client.subscribe(SHARED, qos=1)
    desk.face.permits = False
    await desk.publish("1")
    desk.face.permits = True
    await asyncio.sleep(0.01)
    await settle()
    assert client.topics == ["f 1"]


async def test_a_mistake_with_one_event_costs_no_other_one(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    reader, live = desk.client(), desk.client()
    reader.subscribe(SHARED, qos=1)
    live.subscribe(Reading(application="oak", is_live=True))
    desk.face.fails = True
    await desk.publish("1")
    desk.face.fails = False
    await desk.publish("2")
    assert (reader.topics, live.topics) == (["f 2"], ["f 2"])
    assert caplog.text.count("Traceback") == 2


async def test_what_no_packet_can_hold_is_passed_by(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = desk.client()
    client.subscribe(SHARED, qos=1)
    sends = client.link.send

    def send(message: OutgoingMessage) -> SendResult:
        if message.topic_name == "f 1":
            raise ValueError(message)
        return sends(message)

    monkeypatch.setattr(client.link, "send", send)
    await desk.publish("1", "2")
    assert client.topics == ["f 2"]
    assert caplog.text.count("Traceback") == 1


async def test_the_same_filter_again_takes_the_place_of_the_first(desk: Desk) -> None:
    client = desk.client()
    client.subscribe(SHARED, qos=1)
    await desk.publish("1")
    client.subscribe(SHARED, qos=1)
    await settle()
    assert client.topics == ["f 1"]
    client.subscribe(SHARED, qos=0)  # from the next one on
    await client.acknowledge()
    await desk.publish("2", "3")
    assert client.topics == ["f 1", "f 2", "f 3"]
    assert [message.qos for message in client.link.sent] == [1, 0, 0]


@pytest.mark.parametrize("again", [SHARED, Reading(application="oak", group="c", selection="+/t")])
async def test_a_live_one_may_become_a_reader(desk: Desk, again: Reading) -> None:
    client = desk.client()
    client.subscribe(LIVE)
    await desk.publish("1")
    client.subscribe(again, qos=1)
    await desk.publish("2")
    assert client.topics == ["f 1", "f 2"]


async def test_the_end_of_an_application_ends_the_connections_of_its_readers(desk: Desk) -> None:
    reader, live, elsewhere = desk.client(), desk.client(), desk.client()
    reader.subscribe(SHARED, qos=1)
    live.subscribe(Reading(application="oak", is_live=True))
    elsewhere.subscribe(Reading(application="elm", group="c"), qos=1)
    desk.feeds.end_application("oak")
    assert [code for code, _ in reader.link.ended] == [ReasonCode.ADMINISTRATIVE_ACTION]
    assert (live.link.ended, elsewhere.link.ended) == ([], [])


async def test_no_more_read_than_may(desk: Desk) -> None:
    client = desk.client()
    asked = {
        "a": Grant(1, reading=SHARED),
        "b": Grant(0, reading=LIVE),
        "c": Grant(ReasonCode.NOT_AUTHORIZED),
        "d": Grant(1, reading=SHARED),
        "e": Grant(1, reading=SHARED),
    }

    def granted() -> list[str]:
        grants = desk.feeds.within_bounds(client.session, asked, tuple(asked.values()))
        full = Grant(ReasonCode.QUOTA_EXCEEDED)
        pairs = zip(asked.items(), grants, strict=True)
        assert all(grant in {full, wanted} for (_, wanted), grant in pairs)
        return [name for name, grant in zip(asked, grants, strict=True) if grant != full]

    assert granted() == ["a", "b", "c", "d", "e"]
    desk.groups._settings = FeedSettings(maximum_readers=1)
    assert granted() == ["a", "c"]
    client.subscribe(SHARED, "e", qos=1)
    assert granted() == ["c", "e"]  # it reads already


async def test_who_starts_a_group_needs_room_for_all_that_come_with_it(desk: Desk) -> None:
    live, client = desk.client(), desk.client()
    live.subscribe(LIVE)
    shared = (Grant(1, reading=SHARED),)
    desk.groups._settings = FeedSettings(maximum_readers=1)
    (answer,) = desk.feeds.within_bounds(client.session, ["a"], shared)
    assert answer == Grant(ReasonCode.QUOTA_EXCEEDED)
    assert desk.feeds.within_bounds(live.session, ["f"], shared) == shared  # it is that one itself
    desk.groups._settings = FeedSettings(maximum_readers=2)
    assert desk.feeds.within_bounds(client.session, ["a"], shared) == shared
    client.subscribe(SHARED, "a", qos=1)
    assert desk.groups.room == 0


async def test_names_that_are_kept_are_no_longer_than_a_person_would_choose(desk: Desk) -> None:
    client = desk.client()
    grants = tuple(
        Grant(1, reading=Reading(application="oak", group="g" * length)) for length in (1024, 1025)
    )
    answers = desk.feeds.within_bounds(client.session, ["a", "b"], grants)
    assert answers == (grants[0], Grant(ReasonCode.QUOTA_EXCEEDED))


async def test_who_leaves_makes_room_for_another_reader(desk: Desk) -> None:
    room = desk.groups.room
    client = desk.client()
    client.subscribe(SHARED, qos=1)
    assert desk.groups.room == room - 1
    client.unsubscribe()
    assert desk.groups.room == room
