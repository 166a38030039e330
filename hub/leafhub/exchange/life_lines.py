"""Commands on their way: which are open, what moves them on, and when they run out."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from leafhub.errors import BusyError
from leafhub.exchange.timetable import Timetable
from leafhub.model.command import NEXT_STATES, Command, CommandState, CommandUpdate

OPEN_COMMANDS = 1000
"""Open commands a device may have: a device that is away for good must not fill the memory."""


class LifeLines:
    """The open commands of all devices. Pure: the caller stores changes and tells the time."""

    def __init__(self) -> None:
        self._by_device: dict[tuple[str, str], dict[str, Command]] = {}  # oldest first
        self._device_of: dict[str, tuple[str, str]] = {}
        self._ends: Timetable[str] = Timetable()  # by id, in microseconds since the epoch

    def __len__(self) -> int:
        """How many commands are open."""
        return len(self._device_of)

    def add(self, command: Command) -> None:
        """Take a new command in.

        Raises:
            BusyError: The device has ``OPEN_COMMANDS`` open.
        """
        if len(self._by_device.get((command.application, command.device), ())) >= OPEN_COMMANDS:
            raise BusyError(f"{command.device} has {OPEN_COMMANDS} open commands")
        self.put_back((command,))

    def put_back(self, commands: Iterable[Command]) -> None:
        """Take in commands that were open before, however many they are."""
        for command in commands:
            place = (command.application, command.device)
            self._by_device.setdefault(place, {})[command.id] = command
            self._device_of[command.id] = place
            if command.expires_us is not None and command.id not in self._ends:
                self._ends.set(command.id, command.expires_us)

    def get(self, command_id: str) -> Command | None:
        """An open command."""
        place = self._device_of.get(command_id)
        return None if place is None else self._by_device[place][command_id]

    def of_device(self, application: str, device: str) -> tuple[Command, ...]:
        """The open commands of a device, oldest first."""
        return tuple(self._by_device.get((application, device), {}).values())

    def move(
        self,
        command: Command,
        state: CommandState,
        now_us: int,
        *,
        answer: bytes | None = None,
        error: str | None = None,
    ) -> Command | None:
        """Move one command on and give it back; ``None`` when its life line has no such step."""
        current = self.get(command.id)
        if current is None or state not in NEXT_STATES[current.state]:
            return None
        moved = msgspec.structs.replace(
            current, state=state, updated_us=now_us, answer=answer or current.answer, error=error
        )
        if state.final:
            self._forget(command.id)
        else:
            self.put_back((moved,))
        return moved

    def update(self, update: CommandUpdate, now_us: int) -> list[Command]:
        """Do what a device's message says; gives the commands that moved."""
        moved = [
            self.move(command, update.state, now_us, answer=update.answer, error=update.error)
            for command in self._meant(update)
        ]
        return [command for command in moved if command is not None]

    def drop(self, command_id: str) -> None:
        """Forget a command that was never stored."""
        if command_id in self._device_of:
            self._forget(command_id)

    def expire(self, now_us: int, has_arrived: Callable[[Command], bool]) -> list[Command]:
        """End what has run out, well where it ``has_arrived``; gives those commands."""
        late = [self.get(command_id) for command_id in self._ends.take_due(now_us)]
        ended = [
            self.move(command, CommandState.DELIVERED, now_us)
            if has_arrived(command)
            else self.move(command, CommandState.EXPIRED, now_us, error="no answer in time")
            for command in late
            if command is not None
        ]
        return [command for command in ended if command is not None]

    def _meant(self, update: CommandUpdate) -> Iterator[Command]:
        commands = self.of_device(update.application, update.device)
        if update.id is not None:
            return (command for command in commands if command.id == update.id)
        named = [command for command in commands if command.name == update.name]
        return iter(named if update.all_open else named[:1])

    def _forget(self, command_id: str) -> None:
        self._ends.cancel(command_id)
        place = self._device_of.pop(command_id)
        del self._by_device[place][command_id]
        if not self._by_device[place]:
            del self._by_device[place]
