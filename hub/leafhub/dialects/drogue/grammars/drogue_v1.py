"""``drogue/v1``: a channel, and whom it is said for."""

from leafhub.dialects.drogue.grammars.grammar import Topic
from leafhub.dialects.drogue.grammars.inbox import Inbox


class DrogueV1(Inbox, frozen=True, tag="drogue/v1"):
    """Topics are ``<channel>`` or ``<channel>/<device>``; the channel may be empty in the latter.

    Without any section ``spec.mqtt``, this is it.
    """

    def read_topic(self, topic_name: str) -> Topic | None:
        """See ``Grammar``."""
        channel, slash, device = topic_name.partition("/")
        if not topic_name or "/" in device:
            return None
        return Topic(channel, device if slash else None)
