"""The way of a command: stored, handed to the device's connections, followed to its end."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from leafhub.dialects.base import Arrival
from leafhub.dialects.inquiry import Inquiry
from leafhub.dialects.interface import Answers, Dialect, Waiting
from leafhub.dialects.log_text import device_name, one_line
from leafhub.errors import (
    BusyError,
    EndpointError,
    NotFoundError,
    RequestError,
    StoreUnavailableError,
)
from leafhub.exchange.command_delivery import CommandDelivery, Reach
from leafhub.exchange.endpoints.lanes import Lanes
from leafhub.exchange.life_lines import LifeLines
from leafhub.exchange.records import command_record
from leafhub.exchange.session import Session
from leafhub.model.command import Command, CommandRequest, CommandState, CommandUpdate
from leafhub.model.event import COMMAND_EVENT, Event, Kind
from leafhub.model.registry import Registry
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import DropReason
from leafhub.stores.base import Batch, Store

HandedOver = Callable[[Exception | None], None]
"""Told when a command is stored and on its way, or why it is not."""

log = logging.getLogger(__name__)


def lane_of(command: Command | CommandRequest) -> tuple[str, str, str]:
    """Where it waits for endpoints: the commands for one device keep their order."""
    return "command", command.application, command.device


class Commands:
    """All commands that are not at their end.

    Args:
        registry: Who is there.
        dialects: How each is spoken to.
        delivery: Brings them to the sessions of their devices.
        store: Where each step is kept.
        lanes: Where those wait that endpoints take.
        arrival: Gives now, and identifiers.
        tell: Takes each step to the live feed.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        dialects: Mapping[str, Dialect],
        delivery: CommandDelivery,
        store: Store,
        lanes: Lanes,
        arrival: Callable[[], Arrival],
        tell: Callable[[Event], None],
    ) -> None:
        self._registry = registry
        self._dialects = dialects
        self._delivery = delivery
        self._store = store
        self._lanes = lanes
        self._arrival = arrival
        self._tell = tell
        self._life_lines = LifeLines()
        self._settling: dict[str, Command] = {}  # at their end, but that is not stored yet
        self._unstored: dict[str, Command] = {}  # the store did not take their last step
        self._unconfirmed: set[str] = set()  # sent so that somebody would say that it came
        self._waiting: dict[str, list[asyncio.Future[Command]]] = {}

    def resume(self, commands: Sequence[Command]) -> None:
        """Take in the open commands of an earlier run."""
        self._life_lines.put_back(commands)
        self._unconfirmed.update(c.id for c in commands if c.state is CommandState.SENT)

    async def find(self, command_id: str) -> Command | None:
        """A command, open or ended."""
        return self._in_memory(command_id) or await self._store.command(command_id)

    async def wait(self, command_id: str, timeout_s: float) -> Command:
        """See ``Exchange.wait_for_command``."""
        if self._in_memory(command_id) is not None:
            end: asyncio.Future[Command] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(command_id, []).append(end)
            try:
                await asyncio.wait({end}, timeout=timeout_s)
            finally:
                self._stop_waiting(command_id, end)
            if end.done():
                return end.result()
        command = await self.find(command_id)
        if command is None:
            raise NotFoundError(f"there is no command {command_id!r}")
        return command

    def catch_up(self, session: Session) -> None:
        """Give a device that has just connected what its dialect says it missed."""
        principal = session.principal
        if principal.application is None or principal.device is None:
            return
        open_commands = self._life_lines.of_device(principal.application, principal.device)
        if not open_commands:
            return
        messages = self._dialects[principal.dialect].on_connected(
            principal, open_commands, self._registry, self._arrival()
        )
        for command, message in messages:
            session.send(msgspec.structs.replace(message, token=command.id))
            self._move(command, CommandState.SENT)

    def acknowledged(self, command_id: str, reason_code: ReasonCode) -> None:
        """The device's client acknowledged the message that carried a command."""
        command = self._life_lines.get(command_id)
        if command is None:
            return
        if reason_code >= 0x80:
            error = f"the device refused it: {reason_code.name}"
            self._move(command, CommandState.FAILED, error)
        elif self._answers(command) is Answers.NEVER:
            self._move(command, CommandState.DELIVERED)
        else:
            self._move(command, CommandState.ACKNOWLEDGED)

    def dropped(self, command_id: str, reason: DropReason) -> None:
        """The message that carried a command will not go out."""
        command = self._life_lines.get(command_id)
        if command is None:
            return
        is_late = reason is DropReason.EXPIRED
        state = CommandState.EXPIRED if is_late else CommandState.FAILED
        self._move(command, state, f"not sent: {reason.value}")

    def update(self, updates: Sequence[CommandUpdate]) -> tuple[Command, ...]:
        """Do what a device's message says; gives the commands to store, then to ``announce``."""
        if not updates:
            return ()  # most messages say nothing of commands
        now_us = self._arrival().time_us
        moved = tuple(c for update in updates for c in self._life_lines.update(update, now_us))
        self._settle(moved)
        return moved

    def told(self, commands: Sequence[Command], error: StoreUnavailableError | None) -> None:
        """Steps are on disk and may be told, or they are not and come again with ``sweep``."""
        if error is not None:
            self._unstored.update({c.id: c for c in commands if self._in_memory(c.id) is c})
            return
        for command in commands:
            self.announce(command)

    def take_out(self, devices: Iterable[tuple[str, str]]) -> tuple[Command, ...]:
        """Devices are about to be deleted: nothing moves their commands from now on."""
        commands: list[Command] = []
        for application, device in devices:
            commands.extend(self._life_lines.of_device(application, device))
        for command in commands:
            self._life_lines.drop(command.id)
            self._unstored.pop(command.id, None)
        return tuple(commands)

    def put_back(self, commands: Sequence[Command]) -> None:
        """The devices were not deleted after all."""
        self._life_lines.put_back(commands)

    def end_orphans(self, commands: Sequence[Command]) -> None:
        """The devices were deleted, and the commands with them: tell so whoever waits."""
        for command in commands:
            self._unconfirmed.discard(command.id)
            self.announce(
                msgspec.structs.replace(
                    command,
                    state=CommandState.FAILED,
                    updated_us=self._arrival().time_us,
                    error="the device was deleted",
                )
            )

    def sweep(self) -> None:
        """End what has run out, and offer the store again what it did not take."""
        ended = self._life_lines.expire(self._arrival().time_us, self._has_arrived)
        self._settle(ended)
        steps = {**self._unstored, **{command.id: command for command in ended}}
        if steps:
            self._store_steps(tuple(steps.values()))

    def announce(self, command: Command) -> None:
        """Tell the live feed, the log and whoever waits."""
        log.info(
            "command %s for %s: %s%s",
            one_line(command.name),
            device_name(command.application, command.device),
            command.state.value,
            f" ({command.error})" if command.error else "",
        )
        self._tell(
            Event(
                id=self._arrival().ids.uuid(),
                type=COMMAND_EVENT,
                kind=Kind.COMMAND,
                application=command.application,
                device=command.device,
                sender=command.device,
                channel=command.name,
                time_us=command.updated_us,
                data=msgspec.json.encode(command_record(command)),
            )
        )
        if command.state.final:
            self._settling.pop(command.id, None)
            for end in self._waiting.pop(command.id, ()):
                if not end.done():
                    end.set_result(command)

    def start(self, command: Command, handed_over: HandedOver) -> None:
        """Store a command, then hand it over, then report. One at its end is only stored.

        Raises:
            BusyError: Too many of the device's commands are open, or the store is behind.
        """
        if command.state.final:
            self._settle([command])
        else:
            self._life_lines.add(command)

        def done(error: StoreUnavailableError | None) -> None:
            if error is None:
                self.announce(command)
                self._hand_over(command.id, handed_over)
            else:
                log.error("command %s was not stored: %s", command.id, error)
                self._drop(command)
                handed_over(error)

        try:
            self._store.write(Batch(commands=(command,)), done)
        except BusyError:
            self._drop(command)
            raise

    def _drop(self, command: Command) -> None:
        self._life_lines.drop(command.id)
        self._settling.pop(command.id, None)

    def _hand_over(self, command_id: str, handed_over: HandedOver) -> None:
        """Bring a stored command to the connections that get it, or to an endpoint."""
        command = self._life_lines.get(command_id)
        application = None if command is None else self._registry.application(command.application)
        if command is None:
            handed_over(None)  # it ended while it was stored
        elif application is None:
            self._move(command, CommandState.FAILED, "its application was deleted")
            handed_over(None)
        else:
            self._bring(command, self._dialects[application.dialect], handed_over)

    def _bring(self, command: Command, dialect: Dialect, handed_over: HandedOver) -> None:
        try:
            receivers = dialect.receivers(command, self._registry)
        except RequestError as exc:  # it was none when the command came
            self._move(command, CommandState.FAILED, str(exc))
            handed_over(exc)
            return
        if isinstance(receivers, Inquiry):
            self._post(command, receivers, handed_over)
        else:
            self._deliver(command, dialect, receivers)
            handed_over(None)

    def _post(
        self, command: Command, inquiry: Inquiry[CommandUpdate], handed_over: HandedOver
    ) -> None:
        """Bring a command to an endpoint, whose answer is its end."""
        self._unconfirmed.add(command.id)
        self._move(command, CommandState.SENT)

        def end(update: CommandUpdate) -> None:
            moved = self.update((update,))
            if moved:  # else it ran out meanwhile
                self._store_steps(moved)
            failed = update.state is CommandState.FAILED
            handed_over(EndpointError(update.error or "failed") if failed else None)

        def broken(exc: Exception) -> None:
            self._move(command, CommandState.FAILED, str(exc))
            handed_over(exc)

        try:
            self._lanes.enter(lane_of(command), lambda: inquiry, end, broken, len(command.data))
        except BusyError as exc:
            broken(exc)

    def _deliver(self, command: Command, dialect: Dialect, receivers: Sequence[str]) -> None:
        """Bring a command to sessions."""
        reach = self._delivery.bring(command, dialect, receivers)
        if reach.is_sent:
            if reach.is_acknowledged:
                self._unconfirmed.add(command.id)
            self._move(command, CommandState.SENT)
            if dialect.commands_are_answered is Answers.NEVER and not reach.is_acknowledged:
                self._move(command, CommandState.DELIVERED)
        elif not reach.is_kept and dialect.commands_wait is not Waiting.ALWAYS:
            self._move(command, CommandState.FAILED, f"the device {_why_not(reach)}")

    def _answers(self, command: Command) -> Answers:
        application = self._registry.application(command.application)
        if application is None:
            return Answers.ALWAYS
        return self._dialects[application.dialect].commands_are_answered

    def _has_arrived(self, command: Command) -> bool:
        """Whether a command whose time is over has come to its end, as far as can be told."""
        if self._answers(command) is not Answers.SOMETIMES:
            return False
        is_sent = command.state is CommandState.SENT and command.id not in self._unconfirmed
        return is_sent or command.state is CommandState.ACKNOWLEDGED

    def _move(self, command: Command, state: CommandState, error: str | None = None) -> None:
        moved = self._life_lines.move(command, state, self._arrival().time_us, error=error)
        if moved is not None:
            self._settle([moved])
            self._store_steps([moved])

    def _in_memory(self, command_id: str) -> Command | None:
        return self._life_lines.get(command_id) or self._settling.get(command_id)

    def _settle(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self._unstored.pop(command.id, None)  # a later step takes its place
            if command.state is not CommandState.SENT:
                self._unconfirmed.discard(command.id)
            if command.state.final:
                self._settling[command.id] = command

    def _stop_waiting(self, command_id: str, end: asyncio.Future[Command]) -> None:
        waiters = self._waiting.get(command_id, [])
        if end in waiters:
            waiters.remove(end)
        if not waiters:
            self._waiting.pop(command_id, None)

    def _store_steps(self, commands: Sequence[Command]) -> None:
        def done(error: StoreUnavailableError | None) -> None:
            if error is not None:
                log.error("steps of %d commands were not stored: %s", len(commands), error)
            self.told(commands, error)

        for command in commands:
            self._unstored.pop(command.id, None)
        try:
            self._store.write(Batch(commands=tuple(commands)), done)
        except BusyError as error:
            done(StoreUnavailableError(str(error)))


def _why_not(reach: Reach) -> str:
    """What keeps a device from getting a command."""
    if reach.is_dropped:
        return "takes no message so large, or too many wait for it"
    return "does not listen for commands" if reach.is_connected else "is not connected"
