"""``webOfThings``: a topic is a device and what of it, for clients like node-wot."""

import msgspec

from leafhub.dialects.drogue.grammars.command_name import selects_name
from leafhub.dialects.drogue.grammars.grammar import Topic
from leafhub.model.command import Command


class WebOfThings(msgspec.Struct, frozen=True, kw_only=True, tag="webOfThings", rename="camel"):
    """Topics are ``<device>/<channel>``, or ``<device>`` alone for the channel without a name.

    Commands come on ``<device>/<command>``, under filters ``<device>/<filter of names>``.

    Attributes:
        node_wot_bug: Commands come with a slash in front, which their filters have not: so
            versions of node-wot look for them.
    """

    node_wot_bug: bool = False

    def read_topic(self, topic_name: str) -> Topic | None:
        """See ``Grammar``."""
        device, _, channel = topic_name.partition("/")
        return Topic(channel, device) if device else None

    def grants(self, topic_filter: str) -> bool:
        """See ``Grammar``."""
        return "/" in topic_filter

    def command_topic(
        self, topic_filter: str, command: Command, receiver: str | None
    ) -> str | None:
        """See ``Grammar``."""
        device, _, names = topic_filter.partition("/")
        if device != command.device or not selects_name(names, command.name):
            return None
        return f"{'/' if self.node_wot_bug else ''}{device}/{command.name}"


class Wot(WebOfThings, frozen=True, kw_only=True, tag="wot", rename="camel"):
    """By its short name."""
