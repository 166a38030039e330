import asyncio

import pytest
from hand_exchange import REQUEST, Acorn, World, application, device, principal
from msgspec.structs import replace

from leafhub.dialects.base import Outcome
from leafhub.dialects.interface import Answers, Waiting
from leafhub.errors import NotFoundError, StoreUnavailableError
from leafhub.model.command import Command, CommandState, CommandUpdate
from leafhub.model.registry import DeleteApplication, DeleteDevice, PutApplication, PutDevice
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Delivered, Dropped, DropReason
from leafhub.stores.base import Snapshot

ANSWER = CommandUpdate(
    application="oak", device="d", name="blink", state=CommandState.ANSWERED, answer=b"ok"
)


@pytest.fixture
def waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A dialect whose commands wait for their device."""
    monkeypatch.setattr(Acorn, "commands_wait", Waiting.ALWAYS)
    return world


async def state(world: World, command: Command) -> tuple[CommandState, str | None]:
    found = await world.exchange.find_command(command.id)
    assert found is not None
    return found.state, found.error


async def waiter(world: World, command: Command) -> "asyncio.Task[Command]":
    task = asyncio.create_task(world.exchange.wait_for_command(command.id, 10))
    await asyncio.sleep(0)
    return task


async def test_a_command_is_queued_sent_and_answered(world: World) -> None:
    link = world.attach(principal())
    command = await world.command()
    assert link.topics() == ["blink"]
    world.publish(link, Outcome(updates=(ANSWER,)))
    world.store.commit()
    steps = [one for batch in world.store.committed for one in batch.commands]
    assert [one.state.value for one in steps] == ["queued", "sent", "answered"]
    assert (await world.exchange.wait_for_command(command.id, 0)).answer == b"ok"


async def test_nothing_is_handed_over_that_is_not_stored(world: World) -> None:
    link = world.attach(principal())
    world.store.commit()
    sending = world.send()
    await asyncio.sleep(0)
    assert link.topics() == []
    world.store.fail()
    with pytest.raises(StoreUnavailableError):
        await sending
    assert link.topics() == []


async def test_an_acknowledged_message_is_an_acknowledged_command(world: World) -> None:
    world.attach(principal())
    command = await world.command()
    world.exchange.delivered(Delivered(command.id, ReasonCode.SUCCESS))
    world.store.commit()
    assert await state(world, command) == (CommandState.ACKNOWLEDGED, None)


async def test_where_devices_do_not_answer_an_acknowledgement_is_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Acorn, "commands_are_answered", Answers.NEVER)
    world.attach(principal())
    command = await world.command()
    assert await state(world, command) == (CommandState.SENT, None)
    world.exchange.delivered(Delivered(command.id, ReasonCode.SUCCESS))
    world.store.commit()
    assert await state(world, command) == (CommandState.DELIVERED, None)


async def test_where_nothing_is_acknowledged_either_it_ends_when_it_was_handed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Acorn, "commands_are_answered", Answers.NEVER)
    world.dialect.command_qos = 0
    world.attach(principal())
    command = await world.command()
    assert await state(world, command) == (CommandState.DELIVERED, None)


async def test_it_fails_when_the_device_is_away(world: World) -> None:
    command = await world.command()
    assert await state(world, command) == (CommandState.FAILED, "the device is not connected")


async def test_it_fails_when_the_device_does_not_listen(world: World) -> None:
    world.dialect.listens = False
    world.attach(principal())
    command = await world.command()
    error = "the device does not listen for commands"
    assert await state(world, command) == (CommandState.FAILED, error)


@pytest.fixture
def in_sessions(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A dialect whose commands wait in kept sessions, and whose devices answer or do not."""
    monkeypatch.setattr(Acorn, "commands_wait", Waiting.IN_SESSIONS)
    monkeypatch.setattr(Acorn, "commands_are_answered", Answers.SOMETIMES)
    return world


async def test_it_waits_in_a_session_that_is_kept_for_so_long(in_sessions: World) -> None:
    link = in_sessions.attach(principal(key="k"), clean_start=False)
    link.end(None, "it sleeps")
    command = await in_sessions.command(timeout_s=20)
    assert await state(in_sessions, command) == (CommandState.QUEUED, None)
    assert link.session is not None
    (message,) = tuple(link.session.state.queue)
    assert (message.topic_name, message.token) == ("blink", command.id)
    assert message.expires_at_s == pytest.approx(in_sessions.clock.s + 20, abs=0.001)
    in_sessions.exchange.delivered(Delivered(command.id, ReasonCode.SUCCESS))
    in_sessions.store.commit()
    assert await state(in_sessions, command) == (CommandState.ACKNOWLEDGED, None)


@pytest.mark.parametrize(("qos", "clean_start"), [(0, False), (1, True)])
async def test_it_fails_where_no_session_keeps_it(
    in_sessions: World, qos: int, *, clean_start: bool
) -> None:
    in_sessions.dialect.command_qos = qos
    in_sessions.attach(principal(key="k"), clean_start=clean_start).end(None, "it sleeps")
    command = await in_sessions.command()
    assert await state(in_sessions, command) == (
        CommandState.FAILED,
        "the device is not connected",
    )


async def test_what_comes_too_late_out_of_a_session_has_expired(in_sessions: World) -> None:
    in_sessions.attach(principal(key="k"), clean_start=False).end(None, "it sleeps")
    command = await in_sessions.command()
    in_sessions.exchange.dropped(Dropped(command.id, DropReason.EXPIRED))
    in_sessions.store.commit()
    assert await state(in_sessions, command) == (CommandState.EXPIRED, "not sent: expired")


@pytest.mark.parametrize(
    ("answers", "qos", "acknowledged", "end"),
    [
        (Answers.SOMETIMES, 0, False, CommandState.DELIVERED),
        (Answers.SOMETIMES, 1, True, CommandState.DELIVERED),
        (Answers.SOMETIMES, 1, False, CommandState.EXPIRED),
        (Answers.ALWAYS, 0, False, CommandState.EXPIRED),
        (Answers.ALWAYS, 1, True, CommandState.EXPIRED),
    ],
)
async def test_what_no_answer_in_time_means(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    answers: Answers,
    qos: int,
    acknowledged: bool,  # noqa: FBT001  # a column of the table
    end: CommandState,
) -> None:
    monkeypatch.setattr(Acorn, "commands_are_answered", answers)
    world.dialect.command_qos = qos
    world.attach(principal())
    command = await world.command()
    if acknowledged:
        world.exchange.delivered(Delivered(command.id, ReasonCode.SUCCESS))
    world.clock.us += 60_000_000
    world.exchange._parts.commands.sweep()
    world.store.commit()
    assert (await state(world, command))[0] is end
    assert world.exchange._parts.commands._unconfirmed == set()


async def test_it_waits_where_the_dialect_says_so(waiting: World) -> None:
    command = await waiting.command()
    assert await state(waiting, command) == (CommandState.QUEUED, None)
    link = waiting.attach(principal())
    waiting.store.commit()
    assert link.topics() == ["blink"]
    assert await state(waiting, command) == (CommandState.SENT, None)


async def test_it_expires(waiting: World) -> None:
    command = await waiting.command(timeout_s=5)
    waiting.clock.us += 5_000_000
    waiting.exchange._parts.commands.sweep()
    waiting.store.commit()
    assert await state(waiting, command) == (CommandState.EXPIRED, "no answer in time")


async def test_open_commands_go_on_after_a_restart(waiting: World) -> None:
    command = await waiting.command()
    again = World()
    again.store.snapshot = Snapshot(
        changes=(PutApplication(application()), PutDevice(device())),
        commands=(command,),
        latest=(),
    )
    await again.exchange.start()
    assert again.attach(principal()).topics() == ["blink"]
    await again.exchange.stop()


async def test_who_waits_is_told_the_end_when_it_is_stored(waiting: World) -> None:
    end = await waiter(waiting, await waiting.command())
    waiting.publish(waiting.attach(principal()), Outcome(updates=(ANSWER,)))
    await asyncio.sleep(0)
    assert not end.done()
    waiting.store.commit()
    assert (await end).state is CommandState.ANSWERED


async def test_who_waited_long_enough_or_left_is_forgotten(waiting: World) -> None:
    command = await waiting.command()
    assert (await waiting.exchange.wait_for_command(command.id, 0)).state is CommandState.QUEUED
    end = await waiter(waiting, command)
    end.cancel()
    await asyncio.gather(end, return_exceptions=True)
    assert waiting.exchange._parts.commands._waiting == {}


async def test_an_end_that_was_not_stored_is_told_when_it_is(waiting: World) -> None:
    link = waiting.attach(principal())
    command = await waiting.command()
    end = await waiter(waiting, command)
    waiting.publish(link, Outcome(updates=(ANSWER,)))
    waiting.store.fail()
    await asyncio.sleep(0)
    assert not end.done()
    waiting.exchange._parts.commands.sweep()
    waiting.store.commit()
    assert (await end).answer == b"ok"
    assert waiting.store.kept[command.id].state is CommandState.ANSWERED


async def test_an_older_step_never_overwrites_a_later_one(waiting: World) -> None:
    link = waiting.attach(principal())
    command = await waiting.command()
    waiting.exchange.delivered(Delivered(command.id, ReasonCode.SUCCESS))
    waiting.publish(link, Outcome(updates=(ANSWER,)))
    waiting.store.fail()
    waiting.exchange._parts.commands.sweep()
    waiting.store.commit()
    assert waiting.store.kept[command.id].state is CommandState.ANSWERED


async def test_what_ended_while_it_was_stored_is_not_handed_over(world: World) -> None:
    link = world.attach(principal())
    world.store.commit()
    sending = world.send()
    await asyncio.sleep(0)
    world.publish(link, Outcome(updates=(ANSWER,)))
    world.store.commit()
    assert (await sending).state is CommandState.ANSWERED
    assert link.topics() == []


@pytest.mark.parametrize("change", [DeleteDevice("oak", "d"), DeleteApplication("oak")])
async def test_the_commands_of_a_deleted_device_end(
    waiting: World, change: DeleteDevice | DeleteApplication
) -> None:
    end = await waiter(waiting, await waiting.command())
    await waiting.apply(change)
    ended = await end
    assert (ended.state, ended.error) == (CommandState.FAILED, "the device was deleted")


async def test_a_device_made_again_gets_no_command_of_the_old_one(waiting: World) -> None:
    await waiting.command()
    await waiting.apply(DeleteDevice("oak", "d"), PutDevice(device(uid="another")))
    assert waiting.attach(principal()).topics() == []


async def test_no_step_of_a_deleted_device_is_stored_behind_its_deletion(waiting: World) -> None:
    link = waiting.attach(principal())
    command = await waiting.command()
    deleting = waiting.begin(DeleteDevice("oak", "d"))
    await asyncio.sleep(0)
    waiting.exchange.delivered(Delivered(command.id, ReasonCode.SUCCESS))
    waiting.publish(link, Outcome(updates=(ANSWER,)))
    waiting.exchange._parts.commands.sweep()
    assert [batch.commands for batch, _ in waiting.store.waiting] == [()]
    waiting.store.commit()
    await deleting


async def test_the_commands_of_a_device_that_was_not_deleted_go_on(waiting: World) -> None:
    await waiting.command()
    deleting = waiting.begin(DeleteDevice("oak", "d"))
    await asyncio.sleep(0)
    waiting.store.fail()
    with pytest.raises(StoreUnavailableError):
        await deleting
    assert waiting.attach(principal()).topics() == ["blink"]


async def test_nobody_commands_a_device_that_is_not_there(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.exchange.command(replace(REQUEST, device="nobody"))


async def test_a_command_that_failed_does_not_wait_in_a_session(world: World) -> None:
    link = world.attach(principal(key="k"), clean_start=False)
    link.end(None, "it went")
    command = await world.command()
    assert (command.state, command.error) == (
        CommandState.FAILED,
        "the device is not connected",
    )
    assert link.session is not None
    assert not link.session.state.queue
