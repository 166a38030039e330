"""``plainTopic``: any topic is a channel, for clients that have topics of their own."""

from leafhub.dialects.drogue.grammars.grammar import Topic
from leafhub.dialects.drogue.grammars.inbox import Inbox


class PlainTopic(Inbox, frozen=True, kw_only=True, tag="plainTopic", rename="camel"):
    """The whole topic is the channel, with all its slashes.

    Attributes:
        device_prefix: Its first segment names the device; an empty one is the sender itself.
    """

    device_prefix: bool = False

    def read_topic(self, topic_name: str) -> Topic | None:
        """See ``Grammar``."""
        if not self.device_prefix:
            return Topic(topic_name) if topic_name else None
        device, slash, channel = topic_name.partition("/")
        return Topic(channel, device or None) if slash else None
