"""Topic filters of applications: whose events, which of them, and with whom they are shared."""

from typing import Final, Literal

import msgspec

from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.topics import is_topic_filter

Feed = Literal["app", "command"]

_FEEDS: Final[dict[str, Feed]] = {
    "app": "app",
    "application": "app",
    "a": "app",
    "command": "command",
}
_SHARED: Final = frozenset({"$share", "$shared"})  # the second is an old mistake of Drogue Cloud
_WILDCARDS: Final = frozenset("+#")


class FeedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A topic filter taken apart.

    Attributes:
        feed: What it is a feed of: events, or life lines of commands.
        plain: The filter without its share prefix.
        application: Whose.
        share_name: With whom it is shared; empty: not said.
        selection: Levels behind the application, see ``Selection``; empty: none.
    """

    feed: Feed
    plain: str
    application: str
    share_name: str = ""
    selection: str = ""

    @property
    def topic(self) -> str:
        """What the topics of its messages are, or begin with: then it ends in a slash."""
        if not self.selection:
            return self.plain
        return self.plain.removesuffix(self.selection)


def without_share(topic_filter: str) -> str:
    """A filter without its share prefix, if it has one."""
    return _split_share(topic_filter)[1]


def parse(topic_filter: str) -> FeedFilter | ReasonCode:
    """Take a filter apart; what is none is refused as Drogue Cloud does it.

    Behind the application a filter may go on with a device and the levels of a channel, with
    wildcards among them, which Drogue Cloud does not know.
    """
    share_name, plain = _split_share(topic_filter)
    word, _, rest = plain.partition("/")
    application, slash, selection = rest.partition("/")
    feed = _FEEDS.get(word)
    refusal: ReasonCode | None = None
    if share_name is not None and not plain:
        refusal = ReasonCode.NOT_AUTHORIZED
    elif _WILDCARDS & {word, application}:
        refusal = ReasonCode.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED
    elif (
        not is_topic_filter(plain)
        or not application
        or (share_name is not None and not _is_share_name(share_name))
        or (slash and (feed != "app" or not _can_match(selection)))
    ):
        refusal = ReasonCode.TOPIC_FILTER_INVALID
    elif feed == "command" and share_name is not None:
        refusal = ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED  # they would share nothing
    if refusal is not None or feed is None:
        return refusal or ReasonCode.TOPIC_FILTER_INVALID
    return FeedFilter(
        feed=feed,
        plain=plain,
        application=application,
        share_name=share_name or "",
        selection=selection,
    )


def _split_share(topic_filter: str) -> tuple[str | None, str]:
    levels = [*topic_filter.split("/", 2), "", ""]
    return (levels[1], levels[2]) if levels[0] in _SHARED else (None, topic_filter)


def _is_share_name(name: str) -> bool:
    return bool(name) and not _WILDCARDS & set(name)


def _can_match(selection: str) -> bool:
    """Whether there are events for it: each stands under a device and a channel."""
    device, slash, _ = selection.partition("/")
    return device == "#" or (bool(slash) and bool(device))
