"""Bringing a command to the sessions of the devices that get it."""

from collections.abc import Sequence

import msgspec

from leafhub.dialects.base import Receiver
from leafhub.dialects.interface import Dialect, Waiting
from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.sessions import Sessions
from leafhub.model.command import Command
from leafhub.model.registry import Registry
from leafhub.mqtt.session_state import SendResult


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far a command came.

    Attributes:
        is_connected: Whether a connection was there to get it.
        is_dropped: Whether one that listens could not take it: it is too large for the client, or
            too much waits for it already.
        is_sent: Whether one took it.
        is_kept: Whether a session has it for a client that is away.
        is_acknowledged: Whether one that took it will say that it has it.
    """

    is_connected: bool
    is_dropped: bool
    is_sent: bool
    is_kept: bool
    is_acknowledged: bool


class CommandDelivery:
    """Brings commands to sessions.

    Args:
        registry: Who is there.
        sessions: Who is connected, and whose session is kept.
        clock: The time.
    """

    def __init__(self, registry: Registry, sessions: Sessions, clock: Clock) -> None:
        self._registry = registry
        self._sessions = sessions
        self._clock = clock

    def bring(self, command: Command, dialect: Dialect, receivers: Sequence[str]) -> Reach:
        """Give each session what its dialect makes of a command, with the command's id on it.

        Sessions of clients that are away get it where commands wait for their device. None of them
        sends it when its time is over.
        """
        expires_at_s = self._expires_at_s(command)
        connected = dropped = sent = kept = acknowledged = False
        for device in receivers:
            place = (command.application, device)
            away = (
                ()
                if dialect.commands_wait is Waiting.NEVER
                else self._sessions.kept_of_device(*place)
            )
            for session in (*self._sessions.of_device(*place), *away):
                is_live = session.link is not None
                connected = connected or is_live
                subscriptions = tuple(session.state.subscriptions.values())
                receiver = Receiver(session.principal, subscriptions)
                for message in dialect.deliver_command(command, receiver, self._registry):
                    signed = msgspec.structs.replace(
                        message, token=command.id, expires_at_s=expires_at_s
                    )
                    if session.send(signed) is SendResult.DROPPED:
                        dropped = dropped or is_live
                        continue
                    kept = kept or not is_live
                    sent = sent or is_live
                    acknowledged = acknowledged or (
                        is_live and session.state.policy.effective_qos(message.qos) > 0
                    )
        return Reach(
            is_connected=connected,
            is_dropped=dropped,
            is_sent=sent,
            is_kept=kept,
            is_acknowledged=acknowledged,
        )

    def _expires_at_s(self, command: Command) -> float | None:
        if command.expires_us is None:
            return None
        return self._clock.now_s() + (command.expires_us - self._clock.now_us()) / 1_000_000
