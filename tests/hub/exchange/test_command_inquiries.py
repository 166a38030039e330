"""Commands about which endpoints are asked, and commands that endpoints take."""

import asyncio

import pytest
from hand_exchange import REQUEST, World, device, principal, settle
from msgspec.structs import replace

from leafhub.dialects.base import Outcome
from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.errors import BusyError, EndpointError, NotFoundError, RejectedError, RequestError
from leafhub.exchange.endpoints import lanes
from leafhub.model.command import Command, CommandState, CommandUpdate
from leafhub.model.registry import Change, DeleteDevice, PutDevice

WRONG = Failure("away")


def asks(command: Command) -> Command | Inquiry[Command]:
    """Asks about names that begin with ``?``; a failure is a no, an answer another payload."""

    def resume(reply: Answer | Failure) -> Command:
        if isinstance(reply, Failure):
            raise RejectedError(reply.reason)
        return replace(command, data=reply.body)

    if not command.name.startswith("?"):
        return command
    return Inquiry(HttpRequest(url=command.name), resume)


def posts(command: Command) -> Inquiry[CommandUpdate]:
    """Posts each command."""

    def resume(reply: Answer | Failure) -> CommandUpdate:
        failed = isinstance(reply, Failure)
        return CommandUpdate(
            application=command.application,
            device=command.device,
            name=command.name,
            id=command.id,
            state=CommandState.FAILED if failed else CommandState.DELIVERED,
            answer=None if isinstance(reply, Failure) else reply.body,
            error=reply.reason if isinstance(reply, Failure) else None,
        )

    return Inquiry(HttpRequest(url=command.name), resume)


def send(world: World, name: str) -> "asyncio.Task[Command]":
    return asyncio.create_task(world.exchange.command(replace(REQUEST, name=name)))


async def stored(task: "asyncio.Task[Command]", world: World) -> Command:
    while not task.done():
        world.store.commit()
        await asyncio.sleep(0)
    return await task


def states(world: World) -> list[tuple[str, str]]:
    return [
        (one.name, one.state.value) for batch in world.store.committed for one in batch.commands
    ]


async def test_a_command_is_stored_as_it_is_when_the_endpoint_has_answered(world: World) -> None:
    world.dialect.check = asks
    link = world.attach(principal())
    world.store.commit()
    task = send(world, "?blink")
    await settle()
    assert (link.topics(), states(world)) == ([], [])
    await world.asker.answer("?blink", Answer(status=200, body=b"changed"))
    command = await stored(task, world)
    assert (command.data, command.state) == (b"changed", CommandState.SENT)
    assert [message.payload for message in link.sent] == [b"changed"]


async def test_a_no_is_told_to_who_sent_it_and_nothing_is_stored(world: World) -> None:
    world.dialect.check = asks
    task = send(world, "?blink")
    await settle()
    await world.asker.answer("?blink", WRONG)
    with pytest.raises(RejectedError, match="away"):
        await task
    world.store.commit()
    assert states(world) == []


async def test_a_no_to_what_came_by_mqtt_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.dialect.check = asks
    link = world.attach(principal())
    told = world.publish(link, Outcome(commands=(replace(REQUEST, name="?blink"),)))
    world.store.commit()
    assert told == [None]
    await settle()
    await world.asker.answer("?blink", WRONG)
    assert "command ?blink for oak/d from ada refused: away" in caplog.text


async def test_commands_for_one_device_keep_their_order(world: World) -> None:
    world.dialect.check = asks
    link = world.attach(principal())
    world.store.commit()
    tasks = [send(world, name) for name in ("?one", "two")]
    await settle()
    world.store.commit()
    assert link.topics() == []
    await world.asker.answer("?one")
    for task in tasks:
        await stored(task, world)
    assert link.topics() == ["?one", "two"]


async def test_the_messages_of_a_device_do_not_wait_for_its_commands(world: World) -> None:
    world.dialect.check = asks
    link = world.attach(principal())
    task = send(world, "?one")
    await settle()
    told = world.publish(link, Outcome())
    assert told == [None]
    await world.asker.answer("?one")
    await stored(task, world)


@pytest.mark.parametrize("then", [(), (PutDevice(device(uid="another")),)])
async def test_a_device_that_is_deleted_meanwhile_gets_no_command(
    world: World, then: tuple[Change, ...]
) -> None:
    world.dialect.check = asks
    task = send(world, "?one")
    await settle()
    await world.apply(DeleteDevice("oak", "d"), *then)
    await world.asker.answer("?one")
    with pytest.raises(NotFoundError):
        await task


async def test_too_many_that_wait_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LONGEST", 1)
    world.dialect.check = asks
    task = send(world, "?one")
    await settle()
    with pytest.raises(BusyError):
        await world.exchange.command(REQUEST)
    await world.asker.answer("?one")
    await stored(task, world)


async def test_one_that_is_at_its_end_is_stored_and_sent_to_nobody(world: World) -> None:
    world.dialect.check = lambda command: replace(
        command, state=CommandState.FAILED, error="dropped"
    )
    link = world.attach(principal())
    command = await stored(send(world, "blink"), world)
    assert (command.state, command.error) == (CommandState.FAILED, "dropped")
    assert link.topics() == []
    assert await world.exchange.wait_for_command(command.id, 0) == command


async def test_one_that_is_at_its_end_and_is_not_stored_is_forgotten(world: World) -> None:
    world.dialect.check = lambda command: replace(command, state=CommandState.FAILED)
    task = send(world, "blink")
    await settle()
    world.store.fail()
    with pytest.raises(Exception, match="disk is full"):
        await task
    assert world.exchange._parts.commands._settling == {}


async def test_an_endpoint_takes_a_command_in_place_of_the_device(world: World) -> None:
    world.dialect.errand = posts
    link = world.attach(principal())
    task = send(world, "blink")
    await settle()
    world.store.commit()
    await settle()
    world.store.commit()
    assert states(world) == [("blink", "queued"), ("blink", "sent")]
    await world.asker.answer("blink", Answer(status=200, body=b"ok"))
    command = await stored(task, world)
    assert (command.state, command.answer) == (CommandState.DELIVERED, b"ok")
    assert link.topics() == []


async def test_an_endpoint_that_does_not_take_it_ends_the_command(world: World) -> None:
    world.dialect.errand = posts
    task = send(world, "blink")
    await settle()
    world.store.commit()
    await settle()
    await world.asker.answer("blink", WRONG)
    with pytest.raises(EndpointError, match="away"):
        await stored(task, world)
    world.store.commit()
    (found,) = [one for one in world.store.kept.values() if one.name == "blink"]
    assert (found.state, found.error) == (CommandState.FAILED, "away")


async def test_what_endpoints_take_keeps_its_order(world: World) -> None:
    world.dialect.errand = posts
    tasks = [send(world, name) for name in ("one", "two")]
    await settle()
    world.store.commit()
    await settle()
    assert world.asker.asked == ["one"]
    await world.asker.answer("one")
    assert world.asker.waiting == ["two"]
    await world.asker.answer("two")
    assert [(await stored(task, world)).state.value for task in tasks] == ["delivered"] * 2


async def test_an_endpoint_that_became_none_meanwhile_ends_the_command(world: World) -> None:
    def refuse(_: Command) -> Inquiry[CommandUpdate]:
        raise RequestError("of type 'x'")

    world.dialect.errand = refuse
    with pytest.raises(RequestError, match="of type 'x'"):
        await stored(send(world, "blink"), world)
    world.store.commit()
    assert states(world)[-1] == ("blink", "failed")


async def test_a_command_that_ran_out_while_it_was_posted_stays_so(world: World) -> None:
    world.dialect.errand = posts
    task = send(world, "blink")
    await settle()
    world.store.commit()
    await settle()
    world.pass_time(61)
    world.exchange._parts.commands.sweep()
    await world.asker.answer("blink")
    assert (await stored(task, world)).state is CommandState.EXPIRED


async def test_a_hub_that_stops_fails_what_it_was_posting(world: World) -> None:
    world.dialect.errand = posts
    task = send(world, "blink")
    await settle()
    world.store.commit()
    await settle()
    await world.exchange.stop()
    with pytest.raises(EndpointError, match="the hub is stopping"):
        await task
    assert states(world)[-1] == ("blink", "failed")
