"""``cumulocity``: SmartREST lines on the topics of Cumulocity IoT."""

import msgspec

from leafhub.dialects.drogue.grammars.grammar import Topic
from leafhub.dialects.drogue.grammars.inbox import own_topic
from leafhub.model.command import Command

_CHANNEL = "c8y"
_UPSTREAM = "s/us"
_UPSTREAM_OF = "s/us/"
_ERRORS = "s/e"
_DOWNSTREAM = "s/ds"


class Cumulocity(msgspec.Struct, frozen=True, tag="cumulocity"):
    """Topics are ``s/us``, or ``s/us/<device>``; what comes there is one message on ``c8y``.

    A payload of several lines stays one message, as it is. Commands of the device itself come in
    two ways:

    * under ``s/e`` on ``command/inbox//<name>``: so Drogue Cloud had it;
    * under ``s/ds`` on ``s/ds``, where clients of Cumulocity look for operations. The payload is
      the line that whoever sent the command wrote; its name is not told.
    """

    def read_topic(self, topic_name: str) -> Topic | None:
        """See ``Grammar``."""
        if topic_name == _UPSTREAM:
            return Topic(_CHANNEL)
        device = topic_name.removeprefix(_UPSTREAM_OF)
        if device == topic_name or "/" in device:
            return None
        return Topic(_CHANNEL, device)

    def grants(self, topic_filter: str) -> bool:
        """See ``Grammar``."""
        return topic_filter in {_ERRORS, _DOWNSTREAM}

    def command_topic(
        self, topic_filter: str, command: Command, receiver: str | None
    ) -> str | None:
        """See ``Grammar``."""
        if command.device != receiver:
            return None
        return _DOWNSTREAM if topic_filter == _DOWNSTREAM else own_topic(command)


class C8y(Cumulocity, frozen=True, tag="c8y"):
    """By its short name."""
