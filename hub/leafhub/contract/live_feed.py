"""The live feed: CloudEvents 1.0 in structured JSON over MQTT.

An operator logs in with name and token, any client id and a clean session, and subscribes
``app/<application>`` for the events of its devices and ``command/<application>`` for the life
lines of its commands; publishing to ``command/<application>/<device>/<command>`` sends one.
"""

from datetime import datetime

import msgspec

from leafhub.contract.operator_api import CommandRecord

DEVICE_EVENT = "io.drogue.event.v1"
CONNECTION_EVENT = "io.drogue.connection.v1"
REGISTRY_EVENT = "io.drogue.registry.v1"
COMMAND_EVENT = "io.leafhub.command.v1"


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One CloudEvent of the feed; members it may also carry are left out here.

    Attributes:
        id: Unique for its source.
        type: One of the constants of this module.
        subject: The channel; the command's name for ``COMMAND_EVENT``.
        time: When it happened, UTC.
        application: Its application.
        device: The device it is about.
        sender: The device that sent it.
        kind: As in ``EventRecord``.
        datacontenttype: Media type.
        data: The value as JSON, if it is JSON or text; a ``CommandRecord`` for ``COMMAND_EVENT``;
            ``{"connected": bool}`` for ``CONNECTION_EVENT``.
        data_base64: The value otherwise.
    """

    id: str
    type: str
    subject: str = ""
    time: datetime
    application: str
    device: str
    sender: str = ""
    kind: str = "reading"
    datacontenttype: str = "application/json"
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data_base64: str | None = None


_event_decoder = msgspec.json.Decoder(FeedEvent)
_command_decoder = msgspec.json.Decoder(CommandRecord)


def decode_event(payload: bytes) -> FeedEvent:
    """Decode one message of the feed.

    Raises:
        msgspec.ValidationError: Not such an event; the text names the member.
        msgspec.DecodeError: Not JSON.
    """
    return _event_decoder.decode(payload)


def decode_command(event: FeedEvent) -> CommandRecord:
    """Decode what a ``COMMAND_EVENT`` carries.

    Raises:
        msgspec.ValidationError: Not a command; the text names the member.
        msgspec.DecodeError: It carries nothing.
    """
    return _command_decoder.decode(b"" if event.data is msgspec.UNSET else event.data)
