"""The order of what a device does, where endpoints are asked about some of it."""

import asyncio

import pytest
from hand_exchange import HandLink, World, device, event, principal, settle

from leafhub.dialects.base import Outcome
from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.errors import StoreUnavailableError
from leafhub.exchange.endpoints import lanes
from leafhub.model.registry import DeleteDevice, PutDevice
from leafhub.mqtt.packets import Publish, Will
from leafhub.mqtt.reason_codes import ReasonCode

CAME = '{"connected":true}'
WENT = '{"connected":false}'
WILL = Will("w", b"", 0)


def asks(url: str, outcome: Outcome | Inquiry[Outcome]) -> Inquiry[Outcome]:
    """Asks first; a failure refuses."""

    def resume(reply: Answer | Failure) -> Outcome | Inquiry[Outcome]:
        if isinstance(reply, Failure):
            return Outcome(reason_code=ReasonCode.UNSPECIFIED_ERROR, log=reply.reason)
        return outcome

    return Inquiry(HttpRequest(url=url), resume)


def judge(publish: Publish) -> Outcome | Inquiry[Outcome]:
    """An event with the payload as its id; each ``?`` it begins with asks first."""
    name = publish.payload.decode()
    verdict: Outcome | Inquiry[Outcome] = Outcome(events=(event(name),))
    for number in range(name.count("?")):
        verdict = asks(f"{name}{number or ''}", verdict)
    return verdict


class Told:
    """What came of messages, in the order in which it was told."""

    def __init__(self, world: World) -> None:
        self.codes: list[tuple[str, int | None]] = []
        self._world = world

    def publish(self, link: HandLink, *names: str) -> None:
        for name in names:
            self._publish(link, name)

    def _publish(self, link: HandLink, name: str) -> None:
        def finish(outcome: Outcome, error: StoreUnavailableError | None) -> None:
            self.codes.append((name, None if error else int(outcome.reason_code)))

        assert link.session is not None
        message = Publish("t", name.encode(), 1, packet_id=1)
        self._world.exchange.publish(link.session, message, finish)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.codes]


@pytest.fixture
def told(world: World) -> Told:
    world.dialect.judge = judge
    return Told(world)


@pytest.fixture
def link(world: World) -> HandLink:
    link = world.attach(principal())
    world.store.commit()
    world.store.committed.clear()
    return link


async def test_the_order_of_messages_and_acknowledgements_is_kept(
    world: World, told: Told, link: HandLink
) -> None:
    told.publish(link, "a", "?b", "c", "?d", "e")
    await settle()
    world.store.commit()
    assert (told.names, world.asker.asked) == (["a"], ["?b"])
    await world.asker.answer("?b")
    world.store.commit()
    assert (told.names, world.asker.asked) == (["a", "?b", "c"], ["?b", "?d"])
    await world.asker.answer("?d")
    world.store.commit()
    assert told.names == world.store.event_ids() == ["a", "?b", "c", "?d", "e"]


async def test_an_acknowledgement_waits_for_the_end_of_the_chain_and_the_commit(
    world: World, told: Told, link: HandLink
) -> None:
    told.publish(link, "??b")
    await settle()
    await world.asker.answer("??b1")
    world.store.commit()
    assert told.names == []
    await world.asker.answer("??b")
    assert told.names == []
    world.store.commit()
    assert told.codes == [("??b", 0)]


async def test_no_other_device_waits(world: World, told: Told, link: HandLink) -> None:
    await world.apply(PutDevice(device("other")))
    told.publish(link, "?b")
    told.publish(world.attach(principal("other")), "c")
    world.store.commit()
    assert told.names == ["c"]


async def test_what_an_endpoint_refuses_is_refused_and_the_next_goes_on(
    world: World, told: Told, link: HandLink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told.publish(link, "?b", "c")
    await settle()
    await world.asker.answer("?b", Failure("away"))
    world.store.commit()
    assert told.codes == [("?b", 0x80), ("c", 0)]
    assert "oak/d: away" in caplog.text


async def test_a_client_that_leaves_still_gets_its_messages_stored(
    world: World, told: Told, link: HandLink
) -> None:
    told.publish(link, "?b", "c")
    link.end(None, "gone")
    await settle()
    await world.asker.answer("?b")
    world.store.commit()
    assert world.store.event_ids() == ["?b", "c", WENT]
    assert told.codes == [("?b", 0), ("c", 0)]


async def test_will_and_news_keep_their_order_behind_a_message(world: World, told: Told) -> None:
    link = world.attach(principal("d", "k"), WILL)
    told.publish(link, "?b")
    again = world.attach(principal("d", "k"))
    told.publish(again, "c")
    world.store.commit()
    assert world.store.event_ids() == [CAME]
    await settle()
    await world.asker.answer("?b")
    world.store.commit()
    assert world.store.event_ids() == [CAME, "?b", "will", WENT, CAME, "c"]


async def test_a_will_and_the_news_may_ask_too(world: World) -> None:
    world.dialect.will_outcome = asks("will?", Outcome(events=(event("will"),)))
    world.dialect.connection_outcome = asks("news?", Outcome(events=(event("news"),)))
    world.attach(principal(), WILL).end(None, "gone")
    for url in ("news?", "will?", "news?"):
        await settle()
        assert world.asker.waiting == [url]
        await world.asker.answer(url)
    world.store.commit()
    assert world.store.event_ids() == ["news", "will", "news"]


async def test_news_that_are_refused_are_lost_and_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    world.dialect.connection_outcome = Outcome(
        reason_code=ReasonCode.UNSPECIFIED_ERROR, log="a rule says no"
    )
    link = world.attach(principal())
    world.store.commit()
    assert (world.store.event_ids(), link.ended) == ([], [])
    assert caplog.text.count("oak/d: a rule says no") == 1
    world.dialect.connection_outcome = None


async def test_what_waits_is_judged_as_the_registry_is_then(
    world: World, told: Told, link: HandLink
) -> None:
    told.publish(link, "?b", "c")
    await settle()
    world.dialect.judge = lambda _: Outcome(reason_code=ReasonCode.NOT_AUTHORIZED)
    await world.asker.answer("?b")
    world.store.commit()
    assert told.codes == [("c", 0x87), ("?b", 0)]


@pytest.mark.parametrize("made_anew", [False, True])
async def test_nothing_is_stored_for_a_device_that_was_deleted(
    world: World, told: Told, link: HandLink, *, made_anew: bool
) -> None:
    told.publish(link, "?b", "c")
    await settle()
    await world.apply(DeleteDevice("oak", "d"))
    if made_anew:
        await world.apply(PutDevice(device(uid="another")))
    world.store.committed.clear()
    await world.asker.answer("?b")
    world.store.commit()
    assert told.codes == [("?b", 0x87), ("c", 0x87)]
    assert world.store.event_ids() == []


async def test_nothing_is_stored_for_a_device_behind_a_gateway_that_was_deleted(
    world: World, told: Told, link: HandLink
) -> None:
    await world.apply(PutDevice(device("behind")))
    world.dialect.judge = lambda _: asks("?", Outcome(events=(event("e", "behind"),)))
    told.publish(link, "e")
    await settle()
    await world.apply(DeleteDevice("oak", "behind"))
    world.store.committed.clear()
    await world.asker.answer("?")
    world.store.commit()
    assert (told.codes, world.store.event_ids()) == ([("e", 0x87)], [])


async def test_a_mistake_with_one_message_is_answered_and_the_next_goes_on(
    world: World, told: Told, link: HandLink, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(_: Answer | Failure) -> Outcome:
        raise ZeroDivisionError

    question = Inquiry(HttpRequest(url="?b"), stumble)
    world.dialect.judge = lambda publish: question if publish.payload == b"?b" else judge(publish)
    told.publish(link, "?b", "c")
    await settle()
    await world.asker.answer("?b")
    world.store.commit()
    assert told.codes == [("?b", 0x80), ("c", 0)]
    assert "A mistake of the hub" in caplog.text


async def test_too_much_that_waits_is_refused(
    world: World, told: Told, link: HandLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LONGEST", 2)
    monkeypatch.setattr(lanes, "HELD_UP", 2)
    assert link.session is not None
    told.publish(link, "?a")
    assert not world.exchange.holds_up(link.session)
    told.publish(link, "b")
    assert world.exchange.holds_up(link.session)
    told.publish(link, "c")
    assert told.codes == [("c", 0x97)]
    link.end(None, "gone")  # its news have no room either
    await settle()
    await world.asker.answer("?a")
    world.store.commit()
    assert world.store.event_ids() == ["?a", "b"]


async def test_a_hub_that_stops_does_not_wait_for_an_endpoint(
    world: World, told: Told, link: HandLink
) -> None:
    told.publish(link, "a", "?b", "c")
    await settle()
    async with asyncio.timeout(5):
        await world.exchange.stop()
    assert world.store.is_closed
    assert sorted(told.codes) == [("?b", 0x80), ("a", 0), ("c", 0)]
    assert world.store.event_ids() == ["a", "c", WENT]
