"""``azure``: a channel with a bag of properties behind it, as devices of Azure IoT Hub write it.

See "Communicate with your IoT hub using the MQTT protocol" of Microsoft's documentation: a device
publishes to ``devices/<device>/messages/events/<bag>``, and a bag is ``a=1&b=2``, percent-encoded.
Drogue Cloud took a bag behind any channel, but only with ``?`` in front; here both are read.
"""

from urllib.parse import parse_qsl

import msgspec

from leafhub.dialects.drogue.grammars.command_name import selects_name
from leafhub.dialects.drogue.grammars.grammar import Topic
from leafhub.dialects.drogue.text_encoding import ENCODINGS
from leafhub.model.command import Command

_BAG_FOLLOWS = "/messages/events"
_CONTENT_TYPE, _CONTENT_ENCODING = "$.ct", "$.ce"


class Azure(msgspec.Struct, frozen=True, tag="azure"):
    """Topics are ``<channel>/?<bag>`` or ``devices/<device>/messages/events/<bag>``.

    Without a bag, slashes at the end are no part of the channel. A topic of one segment is one,
    whatever it begins with. Properties become attributes of the event, but for ``$.ct`` and a
    known ``$.ce``, which say what the payload is. A device speaks for itself alone.

    Any filter is granted. It selects the device's own commands by their names, and a command comes
    on the topic that is its name.
    """

    def read_topic(self, topic_name: str) -> Topic | None:
        """See ``Grammar``."""
        channel, slash, last = topic_name.rpartition("/")
        if last.startswith("?") and slash:
            return _with_bag(channel, last[1:])
        if last and channel.startswith("devices/") and channel.endswith(_BAG_FOLLOWS):
            return _with_bag(channel, last)
        channel = topic_name.rstrip("/")
        return Topic(channel) if channel else None

    def grants(self, topic_filter: str) -> bool:
        """See ``Grammar``; one that is no filter at all is granted too, and selects nothing."""
        return True

    def command_topic(
        self, topic_filter: str, command: Command, receiver: str | None
    ) -> str | None:
        """See ``Grammar``."""
        own = command.device == receiver
        return command.name if own and selects_name(topic_filter, command.name) else None


def _with_bag(channel: str, bag: str) -> Topic | None:
    if not channel:
        return None
    properties = dict(parse_qsl(bag, keep_blank_values=True))
    content_type = properties.pop(_CONTENT_TYPE, "")
    encoding = properties.get(_CONTENT_ENCODING, "").lower()
    if encoding in ENCODINGS:
        del properties[_CONTENT_ENCODING]
    return Topic(
        channel,
        content_type=content_type or None,
        encoding=encoding if encoding in ENCODINGS else None,
        properties=tuple(properties.items()),
    )
