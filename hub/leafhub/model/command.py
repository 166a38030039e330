"""One message to a device, and its life line."""

import enum

import msgspec


class CommandState(enum.Enum):
    """Where a command stands; it only ever moves forward, see ``NEXT_STATES``."""

    QUEUED = "queued"  # stored, waits for the device
    SENT = "sent"  # handed to the device's connection
    ACKNOWLEDGED = "acknowledged"  # the device said it has it
    ANSWERED = "answered"
    DELIVERED = "delivered"  # as far as can be told, where devices do not answer
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return not NEXT_STATES[self]


_ENDS = frozenset(
    {
        CommandState.ANSWERED,
        CommandState.DELIVERED,
        CommandState.FAILED,
        CommandState.EXPIRED,
    }
)
NEXT_STATES: dict[CommandState, frozenset[CommandState]] = {
    CommandState.QUEUED: _ENDS | {CommandState.SENT, CommandState.ACKNOWLEDGED},
    CommandState.SENT: _ENDS | {CommandState.ACKNOWLEDGED},
    CommandState.ACKNOWLEDGED: _ENDS,
    CommandState.ANSWERED: frozenset(),
    CommandState.DELIVERED: frozenset(),
    CommandState.FAILED: frozenset(),
    CommandState.EXPIRED: frozenset(),
}


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One message to a device.

    Attributes:
        id: Unique in the hub, in the form the dialect's own messages carry.
        application: Name of the application.
        device: Id of the target.
        name: What to do: Drogue command, action or property, alias, channel.
        data: The argument, encoded as ``datacontenttype`` says; may be empty.
        datacontenttype: Media type of ``data``.
        state: Where it stands.
        created_us: Microseconds since the epoch.
        updated_us: When ``state`` was entered, microseconds since the epoch.
        expires_us: Without an answer until then it is ``EXPIRED``; ``None``: it waits for ever.
        operator: Who sent it.
        answer: What the device said, JSON or text; ``None`` until it did.
        error: Why it is ``FAILED`` or ``EXPIRED``, in words.
    """

    id: str
    application: str
    device: str
    name: str
    data: bytes
    datacontenttype: str
    state: CommandState = CommandState.QUEUED
    created_us: int
    updated_us: int
    expires_us: int | None = None
    operator: str
    answer: bytes | None = None
    error: str | None = None


class CommandRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants a command sent.

    Attributes:
        application: Name of the application.
        device: Id of the target, which exists.
        name: As in ``Command``.
        data: As in ``Command``.
        datacontenttype: As in ``Command``.
        operator: Who wants it.
    """

    application: str
    device: str
    name: str
    data: bytes
    datacontenttype: str
    operator: str


class CommandUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What a device's message says about a command.

    The command is named by ``id``, or, where a dialect carries none, is the oldest open one of
    that device and name.

    Attributes:
        application: Name of the application.
        device: Id of the device that the command is for.
        name: The command's name.
        id: The command's id, when the message carries it.
        state: The state it enters.
        answer: What the device said.
        error: Why it failed, in words.
        all_open: Meant for every open command of that name, not only the oldest.
    """

    application: str
    device: str
    name: str
    id: str | None = None
    state: CommandState
    answer: bytes | None = None
    error: str | None = None
    all_open: bool = False
