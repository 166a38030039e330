"""What a leaf answers to a command.

Drogue Cloud has no answers. Our firmware publishes them to the channel ``answer``, as JSON with
the command's name and its ``result`` or ``error``. Who uses the channel for something else is left
alone.
"""

from typing import Final

import msgspec

from leafhub.model.command import CommandState, CommandUpdate
from leafhub.model.event import JSON, Event

ANSWERS: Final = "answer"
"""The channel."""


class _Answer(msgspec.Struct, frozen=True):
    """``result`` or ``error`` stands in it."""

    command: str
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: str | None = None


def read_answer(event: Event) -> tuple[CommandUpdate, ...]:
    """What an event on ``ANSWERS`` says about a command, if it does."""
    if event.datacontenttype != JSON:
        return ()
    try:
        answer = _decoder.decode(event.data)
    except msgspec.ValidationError:
        return ()
    update = CommandUpdate(
        application=event.application,
        device=event.device,
        name=answer.command,
        state=CommandState.FAILED,
        error=answer.error,
    )
    if answer.error is not None:
        return (update,)
    if isinstance(answer.result, msgspec.UnsetType):
        return ()
    result = bytes(answer.result)
    return (msgspec.structs.replace(update, state=CommandState.ANSWERED, answer=result),)


_decoder = msgspec.json.Decoder(_Answer)
