"""Values of the model in the shapes that dashboards and tools read."""

import base64

import msgspec

from leafhub.contract import media_types
from leafhub.contract.operator_api import CommandRecord
from leafhub.model.command import Command

_JSON_NULL = msgspec.Raw(b"null")


def embed(data: bytes, datacontenttype: str) -> msgspec.Raw:
    """Put ``data`` into a JSON document: JSON as it stands, text as a string, all else in base64.

    What claims to be JSON and is not, is embedded as what it is.
    """
    if media_types.is_json(datacontenttype):
        try:
            msgspec.json.decode(data)
        except (ValueError, RecursionError):
            return _as_text(data)
        return msgspec.Raw(data)
    if media_types.is_text(datacontenttype):
        return _as_text(data)
    return msgspec.Raw(msgspec.json.encode(base64.b64encode(data).decode()))


def embed_answer(answer: bytes) -> msgspec.Raw:
    """Put what a device said into a JSON document: as JSON if it is, else as text or base64."""
    return embed(answer, "application/json")


def command_record(command: Command) -> CommandRecord:
    """A command as the operator API and the live feed show it."""
    return CommandRecord(
        id=command.id,
        application=command.application,
        device=command.device,
        name=command.name,
        data=embed(command.data, command.datacontenttype) if command.data else _JSON_NULL,
        state=command.state.value,
        final=command.state.final,
        created_us=command.created_us,
        updated_us=command.updated_us,
        expires_us=command.expires_us,
        operator=command.operator,
        answer=msgspec.UNSET if command.answer is None else embed_answer(command.answer),
        error=command.error,
    )


def _as_text(data: bytes) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode(data.decode()))
    except UnicodeDecodeError:
        return msgspec.Raw(msgspec.json.encode(base64.b64encode(data).decode()))
