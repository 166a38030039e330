import asyncio
from pathlib import Path

import pytest
from hand_exchange import (
    OPERATOR,
    PEER,
    Acorn,
    Detects,
    Nothing,
    World,
    application,
    connect,
    device,
    event,
    principal,
    publication,
)
from msgspec.structs import replace

from leafhub.dialects.base import Outcome
from leafhub.errors import NotFoundError, StoreUnavailableError
from leafhub.exchange import access_tokens
from leafhub.exchange.exchange import Exchange
from leafhub.model.operator import ANYBODY, Role
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteDevice,
    DeleteOperator,
    PutApplication,
    PutDevice,
    PutOperator,
    Registry,
)
from leafhub.mqtt.packets import Publish, Will
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import OutgoingMessage
from leafhub.stores.base import EventQuery
from leafhub.stores.settings import StoreSettings
from leafhub.stores.sqlite import SqliteStore

CAME, WENT = '{"connected":true}', '{"connected":false}'
WILL = Will("t", b"")
REPLY = OutgoingMessage(topic_name="reply", payload=b"")


def name(world: World) -> str | None:
    known = world.registry.device("oak", "d")
    return None if known is None else known.name


async def test_a_take_over_is_told_as_will_then_gone_then_there(world: World) -> None:
    first = world.attach(principal("d", "k"), WILL)
    world.attach(principal("d", "k"))
    world.store.commit()
    assert world.store.event_ids() == [CAME, "will", WENT, CAME]
    assert [code for code, _ in first.ended] == [ReasonCode.SESSION_TAKEN_OVER]


async def test_a_second_connection_of_a_device_is_no_news(world: World) -> None:
    first, second = world.attach(principal()), world.attach(principal())
    first.end(None, "gone")
    second.end(None, "gone")
    world.store.commit()
    assert world.store.event_ids() == [CAME, WENT]


async def test_the_end_of_an_older_connection_leaves_the_session_alone(world: World) -> None:
    first = world.attach(principal("d", "k"), clean_start=False)
    second = world.attach(principal("d", "k"), clean_start=False)
    assert first.session is second.session
    assert first.session is not None
    world.exchange.detach(first.session, first, WILL)
    assert world.exchange.presence("oak", "d").connections == 1


async def test_an_acknowledgement_and_a_reply_leave_after_the_commit(world: World) -> None:
    link = world.attach(principal())
    world.store.commit()
    told = world.publish(link, Outcome(events=(event("e"),), replies=(REPLY,)))
    assert (told, link.topics()) == ([], [])
    world.store.commit()
    assert (told, link.topics()) == ([None], ["reply"])


async def test_what_is_not_stored_is_not_told(world: World) -> None:
    reader, link = world.attach(principal("r")), world.attach(principal())
    world.subscribe(reader, "acorn/#")
    world.store.commit()
    told = world.publish(link, Outcome(events=(event("e"),), replies=(REPLY,)))
    world.store.fail()
    assert [type(error) for error in told] == [StoreUnavailableError]
    assert (reader.topics().count("e"), link.topics()) == (0, [])
    assert link.ended == [(ReasonCode.QUOTA_EXCEEDED, "not stored")]  # it may come again
    assert world.exchange.latest("oak", "d") == {}


async def test_a_busy_store_is_one_that_did_not_take_it(world: World) -> None:
    link = world.attach(principal())
    world.store.is_busy = True
    told = world.publish(link, Outcome(changes=(PutDevice(device(name="new")),)))
    assert [type(error) for error in told] == [StoreUnavailableError]
    assert name(world) == "d"


async def test_a_mistake_of_one_who_is_told_keeps_nothing_from_the_others(world: World) -> None:
    reader, link = world.attach(principal("r")), world.attach(principal())
    world.subscribe(reader, "acorn/#")
    world.store.commit()
    assert link.session is not None
    world.dialect.outcome = Outcome(events=(event("e"),))

    def finish(_outcome: Outcome, _error: StoreUnavailableError | None) -> None:
        raise ZeroDivisionError

    world.exchange.publish(link.session, Publish("t", b"", 0), finish)
    with pytest.raises(ZeroDivisionError):
        world.store.commit()
    assert reader.topics().count("e") == 1


async def test_changes_that_fail_one_after_another_leave_what_was_before(world: World) -> None:
    tasks = [world.begin(PutDevice(device(name=new))) for new in ("first", "second")]
    await asyncio.sleep(0)
    assert name(world) == "second"
    for _ in tasks:
        world.store.fail()
        assert name(world) == "d"
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 2


@pytest.mark.parametrize("stored", [True, False])
async def test_who_came_in_by_what_is_taken_back_goes_with_it(
    world: World,
    stored: bool,  # noqa: FBT001 - a row of the table
) -> None:
    there = world.attach(principal())
    world.store.commit()
    tasks = [
        world.begin(PutDevice(device("new"))),
        world.begin(PutDevice(device(name="renamed"))),
        world.begin(PutOperator(OPERATOR)),
    ]
    await asyncio.sleep(0)
    came = world.attach(principal("new"))
    operator = world.attach(replace(principal(None), dialect="integration", login="ada"))
    if stored:
        world.store.commit()
    else:
        world.store.fail(count=len(world.store.waiting))
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [bool(link.ended) for link in (came, operator)] == [not stored] * 2
    assert not there.ended


async def test_a_change_that_does_not_fit_leaves_everything_as_it_was(world: World) -> None:
    stranger = replace(device("x"), application="elm")
    with pytest.raises(NotFoundError):
        await world.exchange.apply([PutDevice(device(name="new")), PutDevice(stranger)])
    assert (name(world), world.store.waiting) == ("d", [])


async def test_who_becomes_a_device_came_after_its_enrollment(world: World) -> None:
    link = world.attach(principal(None))
    outcome = Outcome(changes=(PutDevice(device("new")),), become=principal("new"))
    world.publish(link, outcome)
    world.store.commit()
    first, second = world.store.committed
    assert first.changes == outcome.changes
    assert [one.data.decode() for one in second.events] == [CAME]
    assert world.exchange.presence("oak", "new").connections == 1


async def test_who_could_not_enroll_becomes_nobody(world: World) -> None:
    link = world.attach(principal(None))
    stranger = replace(device("new"), application="elm")
    world.publish(link, Outcome(changes=(PutDevice(stranger),), become=principal("new")))
    assert link.ended
    assert world.exchange.presence("oak", "new").connections == 0
    assert world.exchange.status().connections == 0


@pytest.mark.parametrize(
    "change",
    [
        PutDevice(device(secret="changed")),
        PutDevice(replace(device(), enabled=False)),
        PutDevice(device(uid="another")),
        DeleteDevice("oak", "d"),
        DeleteApplication("oak"),
    ],
    ids=["secret", "disabled", "made anew", "deleted", "application deleted"],
)
async def test_who_may_no_longer_log_in_is_sent_away(world: World, change: Change) -> None:
    link = world.attach(principal())
    await world.apply(change)
    assert [code for code, _ in link.ended] == [ReasonCode.ADMINISTRATIVE_ACTION]


async def test_a_session_loses_what_it_would_not_be_granted_now(world: World) -> None:
    world.dialect.space = "oak"
    link = world.attach(principal(key="k"), clean_start=False)
    away = world.attach(principal(key="away"), clean_start=False)
    other = world.attach(principal("e", key="e"))
    for one in (link, away, other):
        world.subscribe(one, "kept", qos=1)
        world.subscribe(one, "lost", qos=1)
    away.end(None, "it went")
    world.dialect.taken_away = frozenset({"lost"})
    await world.apply(PutDevice(replace(device(), name="renamed")))
    assert [code for code, _ in link.ended] == [ReasonCode.ADMINISTRATIVE_ACTION]
    assert other.ended == []
    for one in (link, away, other):
        assert one.session is not None
        expected = ["kept", "lost"] if one is other else ["kept"]
        assert list(one.session.state.subscriptions) == expected
    both = (publication("lost", qos=1), publication("kept", qos=1))
    world.publish(other, Outcome(publications=both))
    world.store.commit()
    assert other.topics() == ["lost", "kept"]
    for one, key in ((link, "k"), (away, "away")):
        assert one.session is not None
        back = world.attach(principal(key=key), clean_start=False)
        assert back.session is one.session
        assert [message.topic_name for message in back.session.state.queue] == ["kept"]


async def test_events_are_published_where_a_dialect_shows_them(world: World) -> None:
    world.dialect.space = "oak"
    link = world.attach(principal())
    world.subscribe(link, "shown/#")
    world.dialect.shows = True
    told = world.publish(link, Outcome(events=(event("1"),)))
    assert link.topics() == []
    world.store.commit()
    assert told == [None]
    assert "shown/1" in link.topics()


async def test_who_may_still_log_in_stays(world: World) -> None:
    link = world.attach(principal())
    await world.apply(PutDevice(device(name="new")), PutApplication(application()))
    assert link.ended == []


async def test_a_change_takes_effect_though_who_asked_has_left(world: World) -> None:
    link = world.attach(principal())
    asking = world.begin(DeleteDevice("oak", "d"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    world.store.commit()
    assert link.ended


async def test_an_operator_whose_token_changed_is_sent_away(world: World) -> None:
    await world.apply(PutOperator(OPERATOR))
    links = [
        world.attach(
            replace(principal(None), application=None, dialect="integration", login=login)
        )
        for login in ("ada", "bob")
    ]
    await world.apply(DeleteOperator("ada"))
    assert [bool(link.ended) for link in links] == [True, False]


async def test_an_operator_is_sent_away_with_what_it_loses_and_not_with_what_it_gets(
    world: World,
) -> None:
    token, _ = access_tokens.make(0)
    ada = replace(OPERATOR, role=None, roles={"oak": Role.WRITER})
    await world.apply(PutOperator(ada))
    link = world.attach(
        replace(principal(None), application=None, dialect="integration", login="ada")
    )
    more = replace(ada, tokens=(token,), roles={"oak": Role.ADMIN, "elm": Role.READER})
    await world.apply(PutOperator(more))
    assert not link.ended
    await world.apply(PutOperator(replace(more, roles={"oak": Role.ADMIN})))
    assert link.ended


async def test_who_may_do_less_without_a_login_takes_none_along_that_may_be_a_device(
    world: World,
) -> None:
    await world.apply(PutOperator(replace(ANYBODY, roles={"oak": Role.READER})))
    nobody = replace(principal(None), application=None, login="")
    reader = world.attach(replace(nobody, dialect="integration"))
    undecided = world.attach(replace(nobody, dialect="undecided"))
    await world.apply(DeleteOperator(""))
    assert (bool(reader.ended), bool(undecided.ended)) == (True, False)


async def test_an_operators_token_takes_its_connections_along(world: World) -> None:
    token, _ = access_tokens.make(0)
    await world.apply(PutOperator(replace(OPERATOR, tokens=(token,))))
    link = world.attach(
        replace(principal(None), application=None, dialect="integration", login="ada")
    )
    await world.apply(PutOperator(OPERATOR))
    assert link.ended


async def test_roles_end_with_their_application(world: World) -> None:
    await world.apply(PutOperator(replace(OPERATOR, roles={"oak": Role.ADMIN})))
    await world.apply(DeleteApplication("oak"), PutApplication(application()))
    assert world.exchange.registry.operator("ada") == OPERATOR


async def test_a_deleted_device_leaves_nothing_in_memory_or_history(world: World) -> None:
    link = world.attach(principal())
    world.publish(link, Outcome(events=(event("e"),)))
    world.store.commit()
    await world.apply(DeleteDevice("oak", "d"))
    assert link.ended
    assert world.exchange.latest("oak", "d") == {}
    assert world.exchange.presence("oak", "d").seen_us is None
    assert world.store.event_ids() == [CAME, "e"]


async def test_the_end_closes_connections_stores_that_and_then_the_store() -> None:
    world = World()
    await world.exchange.start()
    await world.apply(PutApplication(application()), PutDevice(device()))
    link = world.attach(principal(), WILL)
    await world.exchange.stop()
    assert [code for code, _ in link.ended] == [ReasonCode.SERVER_SHUTTING_DOWN]
    assert world.store.event_ids() == [CAME, "will", WENT]
    assert (world.store.waiting, world.store.is_closed) == ([], True)


async def test_with_a_real_store_the_next_run_knows_all(tmp_path: Path) -> None:
    def exchange() -> Exchange:
        return Exchange(
            store=SqliteStore(tmp_path / "leafhub.db", StoreSettings()),
            registry=Registry(Acorn().keys),
            detection=Detects(Acorn()),
            faces={"acorn": Acorn()},
            dialects={"acorn": Acorn()},
            settings_types=lambda _: (Nothing, Nothing),
        )

    first = exchange()
    await first.start()
    await first.apply([PutApplication(application()), PutDevice(device())])
    verdict = await first.log_in(replace(connect("d"), password=b"s"), PEER)
    assert verdict == principal()
    await first.stop()
    again = exchange()
    await again.start()
    assert again.registry.device("oak", "d") == device()
    assert [one.event.channel for one in await again.events(EventQuery())] == ["devices"]
    await again.stop()
