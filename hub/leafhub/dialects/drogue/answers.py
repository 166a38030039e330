"""What a leaf answers to a command.

Drogue Cloud has no answers. Our firmware publishes them to the channel ``answer``, as JSON with
the command's name and its ``result`` or ``error``. Who uses the channel for something else is left
alone.
"""

from typing import Final

import msgspec

from leafhub.model.command import CommandState, CommandUpdate
from leafhub.model.event import JSON, Event

CHANNEL: Final = "answer"


class _Answer(msgspec.Struct, frozen=True):
    """``result`` or ``error`` stands in it."""

    command: str
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: str | None = None


def read_answer(event: Event) -> CommandUpdate | None:
    """What an event says about a command; ``None``: nothing."""
    if event.channel != CHANNEL or event.datacontenttype != JSON:
        return None
    try:
        answer = _decoder.decode(event.data)
    except msgspec.ValidationError:
        return None
    update = CommandUpdate(
        application=event.application,
        device=event.device,
        name=answer.command,
        state=CommandState.FAILED,
        error=answer.error,
    )
    if answer.error is not None:
        return update
    if isinstance(answer.result, msgspec.UnsetType):
        return None
    return msgspec.structs.replace(
        update, state=CommandState.ANSWERED, answer=bytes(answer.result)
    )


_decoder = msgspec.json.Decoder(_Answer)
