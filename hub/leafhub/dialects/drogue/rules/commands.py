"""What ``spec.command.rules`` make of a command, before it is stored, however it came.

To the rules it is an event whose subject is its name, about the device that it is for.
"""

from collections.abc import Callable

import msgspec

from leafhub.dialects.drogue.rules.grammar import rules_of
from leafhub.dialects.drogue.rules.running import (
    Accepted,
    Dropped,
    Failed,
    Rejected,
    Verdict,
    run,
)
from leafhub.dialects.drogue.settings import settings_of
from leafhub.dialects.inquiry import Inquiry
from leafhub.dialects.log_text import quoted
from leafhub.errors import RejectedError, UnavailableError
from leafhub.model.command import Command, CommandState
from leafhub.model.event import Event, Kind
from leafhub.model.registry import RegistryView


def judged(
    command: Command, registry: RegistryView, check: Callable[[Command], None]
) -> Command | Inquiry[Command]:
    """The command as rules want it; one that a rule drops has come to its end.

    Args:
        command: As it came.
        registry: The rules are in it.
        check: Raises if a command that rules have changed can never arrive.

    Raises:
        RejectedError: A rule says no; an inquiry's end may raise it too, and the next.
        UnavailableError: A rule makes no sense, or an endpoint none, or is away.
        SectionError: The rules cannot be read.
    """
    application = registry.application(command.application)
    rules = () if application is None else rules_of(settings_of(application), "command")
    if not rules:
        return command

    def end(verdict: Verdict) -> Command:
        match verdict:
            case Accepted(event):
                changed = _with_what_it_says(command, event)
                check(changed)
                return changed
            case Dropped():
                return msgspec.structs.replace(
                    command,
                    state=CommandState.FAILED,
                    error="a rule of the application drops it",
                )
            case Rejected(reason):
                raise RejectedError(f"a rule of the application rejects it: {quoted(reason)}")
            case Failed(reason):
                raise UnavailableError(f"the application's rules do not work: {reason}")

    return run(rules, _event_of(command), registry, end)


def _event_of(command: Command) -> Event:
    return Event(
        id=command.id,
        kind=Kind.COMMAND,
        application=command.application,
        device=command.device,
        sender=command.device,
        channel=command.name,
        time_us=command.created_us,
        data=command.data,
        datacontenttype=command.datacontenttype,
    )


def _with_what_it_says(command: Command, event: Event) -> Command:
    return msgspec.structs.replace(
        command,
        name=event.channel,
        data=event.data,
        datacontenttype=event.datacontenttype or command.datacontenttype,
    )
