"""The way of a publication to the subscribers of its space."""

import pytest
from hand_exchange import HandLink, World, device, event, principal, publication
from msgspec.structs import replace

from leafhub.dialects.base import Outcome
from leafhub.model.publication import Publication
from leafhub.model.registry import DeleteDevice, PutDevice
from leafhub.mqtt.packets import Publish, Unsubscribe, Will
from leafhub.mqtt.properties import Properties


@pytest.fixture
def hub(world: World) -> World:
    """Its dialect grants every filter in the space ``oak``."""
    world.dialect.space = "oak"
    return world


def said(link: HandLink) -> list[str]:
    return [message.payload.decode() for message in link.sent]


def publish(hub: World, link: HandLink, *publications: Publication) -> None:
    hub.publish(link, Outcome(publications=publications))
    hub.store.commit()


async def test_it_reaches_subscribers_after_the_acknowledgement(hub: World) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "a/+")
    hub.store.commit()
    assert link.session is not None
    hub.dialect.outcome = Outcome(events=(event("e"),), publications=(publication("a/b"),))
    seen_at_the_acknowledgement: list[list[str]] = []
    hub.exchange.publish(
        link.session,
        Publish("a/b", b"1", 1, packet_id=1),
        lambda _outcome, _error: seen_at_the_acknowledgement.append(said(link)),
    )
    assert (said(link), seen_at_the_acknowledgement) == ([], [])
    hub.store.commit()
    assert (said(link), seen_at_the_acknowledgement) == (["1"], [[]])


async def test_what_is_not_stored_reaches_nobody(hub: World) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "#")
    hub.store.commit()
    hub.publish(link, Outcome(events=(event("e"),), publications=(publication(),)))
    hub.store.fail()
    assert said(link) == []


async def test_one_without_an_event_does_not_overtake_one_with(hub: World) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "#")
    hub.store.commit()
    first, second = publication(payload=b"first"), publication(payload=b"second")
    hub.publish(link, Outcome(events=(event("e"),), publications=(first,)))
    hub.publish(link, Outcome(publications=(second,)))
    hub.store.commit()
    assert said(link) == ["first", "second"]


async def test_spaces_do_not_see_each_other(hub: World) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "#")
    publish(hub, link, replace(publication(), space="elm"))
    assert said(link) == []


async def test_a_wildcard_does_not_match_a_name_that_begins_with_a_dollar(hub: World) -> None:
    reader, nosy = hub.attach(principal()), hub.attach(principal())
    hub.subscribe(reader, "$SYS/#")
    hub.subscribe(nosy, "#")
    hub.subscribe(nosy, "+/a")
    publish(hub, reader, publication("$SYS/a"))
    assert (said(reader), said(nosy)) == (["1"], [])


async def test_overlapping_subscriptions_give_one_message_with_the_best_of_each(
    hub: World,
) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "a/#", 7, qos=0)
    hub.subscribe(link, "a/b", 8, qos=2)
    hub.subscribe(link, "+/b", None, qos=1, retain_as_published=True)
    publish(hub, link, publication("a/b", qos=1, retain=True))
    (message,) = link.sent
    assert (message.qos, message.retain) == (1, True)
    assert set(message.properties.subscription_identifiers) == {7, 8}


@pytest.mark.parametrize(
    ("published", "granted", "sent"), [(0, 2, 0), (1, 0, 0), (2, 1, 1), (2, 2, 2)]
)
async def test_the_qos_is_the_lower_of_the_two(
    hub: World, published: int, granted: int, sent: int
) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "t", qos=granted)
    publish(hub, link, publication(qos=published))
    assert [message.qos for message in link.sent] == [sent]


async def test_a_message_is_shown_as_retained_only_to_who_asked_for_that(hub: World) -> None:
    plain, asking = hub.attach(principal()), hub.attach(principal())
    hub.subscribe(plain, "t")
    hub.subscribe(asking, "t", retain_as_published=True)
    publish(hub, plain, publication(retain=True), publication(retain=False))
    assert [message.retain for message in plain.sent] == [False, False]
    assert [message.retain for message in asking.sent] == [True, False]


async def test_no_local_keeps_a_client_from_its_own_messages(hub: World) -> None:
    link = hub.attach(principal(client_id="c"))
    other = hub.attach(principal(client_id="other"))
    for one in (link, other):
        hub.subscribe(one, "t", no_local=True)
    publish(hub, link, publication())
    assert (said(link), said(other)) == ([], ["1"])
    hub.subscribe(link, "+", no_local=False)
    publish(hub, link, publication())
    assert said(link) == ["1"]


async def test_no_local_holds_for_the_will_of_an_earlier_connection(hub: World) -> None:
    hub.dialect.will_outcome = Outcome(publications=(publication("t", b"gone"),))
    will = Will("t", b"gone")
    first = hub.attach(principal(key="k", client_id="c"), will, clean_start=False)
    hub.subscribe(first, "t", no_local=True)
    listener = hub.attach(principal())
    hub.subscribe(listener, "t")
    second = hub.attach(principal(key="k", client_id="c"), clean_start=False)
    hub.store.commit()
    assert (said(listener), said(first), said(second)) == (["gone"], [], [])


async def test_properties_go_along_and_equal_copies_are_one(hub: World) -> None:
    readers = [hub.attach(principal()) for _ in range(3)]
    for reader in readers:
        hub.subscribe(reader, "t")
    properties = Properties(content_type="text/plain", user_properties=(("a", "b"), ("a", "c")))
    publish(hub, readers[0], publication(properties=properties))
    first, *others = [reader.sent[0] for reader in readers]
    assert first.properties == properties
    assert all(other is first for other in others)


async def test_what_is_left_of_its_time_goes_along(hub: World) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "t")
    publish(hub, link, publication(expires_us=hub.clock.us + 10_000_000))
    (message,) = link.sent
    assert message.expires_at_s == pytest.approx(hub.clock.s + 10, abs=0.001)


async def test_an_unsubscription_ends_it(hub: World) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "t")
    assert link.session is not None
    hub.exchange.unsubscribe(link.session, Unsubscribe(1, ("t",)))
    publish(hub, link, publication())
    assert said(link) == []


async def test_the_end_of_a_session_ends_it(hub: World) -> None:
    link, writer = hub.attach(principal()), hub.attach(principal())
    hub.subscribe(link, "t")
    link.end(None, "gone")
    publish(hub, writer, publication())
    assert said(link) == []


async def test_a_session_that_waits_keeps_its_messages(hub: World) -> None:
    link = hub.attach(principal(key="k"), clean_start=False)
    writer = hub.attach(principal())
    hub.subscribe(link, "t", qos=1)
    link.end(None, "gone")
    publish(hub, writer, publication(qos=1))
    assert link.session is not None
    assert [message.payload for message in link.session.state.queue] == [b"1"]


async def test_who_becomes_somebody_else_leaves_its_subscriptions(hub: World) -> None:
    link = hub.attach(principal())
    hub.subscribe(link, "t")
    await hub.apply(PutDevice(device("e")))
    hub.publish(link, Outcome(become=principal("e")))
    publish(hub, link, publication())
    assert said(link) == []


async def test_a_deleted_device_gets_nothing_more(hub: World) -> None:
    link = hub.attach(principal(key="k"), clean_start=False)
    await hub.apply(PutDevice(device("e")))
    writer = hub.attach(principal("e"))
    hub.subscribe(link, "t", qos=1)
    await hub.apply(DeleteDevice("oak", "d"))
    publish(hub, writer, publication(qos=1))
    assert link.session is not None
    assert said(link) == []
    assert not link.session.state.queue
