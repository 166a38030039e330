"""Topic names and topic filters (MQTT 5.0 §4.7)."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

_MAXIMUM_BYTES = 65_535


def is_topic_name(topic_name: str) -> bool:
    """Whether a message may be published to ``topic_name`` (§4.7.3)."""
    return _fits(topic_name) and "+" not in topic_name and "#" not in topic_name


def is_topic_filter(topic_filter: str) -> bool:
    """Whether ``topic_filter`` is well-formed: ``+`` fills a level, ``#`` the last (§4.7.1)."""
    if not _fits(topic_filter):
        return False
    if "+" not in topic_filter and "#" not in topic_filter:
        return True
    levels = topic_filter.split("/")
    return all(
        level in {"+", "#"} or ("+" not in level and "#" not in level) for level in levels
    ) and ("#" not in levels[:-1])


def split_share(topic_filter: str) -> tuple[str | None, str]:
    """Take ``$share/<name>/<filter>`` apart (§4.8.2): share name, or None, and plain filter."""
    if not topic_filter.startswith("$share/"):
        return None, topic_filter
    _, share_name, plain = [*topic_filter.split("/", 2), ""][:3]
    return share_name, plain


def _fits(topic: str) -> bool:
    if not topic or "\0" in topic:
        return False
    return len(topic) * 4 <= _MAXIMUM_BYTES or len(topic.encode()) <= _MAXIMUM_BYTES


def topic_matches(topic_filter: str, topic_name: str) -> bool:
    """Whether a subscription to ``topic_filter`` gets what is published to ``topic_name``."""
    if topic_filter == "#":  # the usual list of who may publish everywhere: asked for each message
        return not topic_name.startswith("$")
    return _covers(topic_filter.split("/"), topic_name.split("/"))


def filter_covers(wide: str, narrow: str) -> bool:
    """Whether ``wide`` matches every topic name that ``narrow`` can match.

    ``things/x/properties/#`` covers ``things/x/properties``, ``things/x/properties/+`` and itself,
    but not ``#``. Both are plain filters: strip ``$share/<name>/`` first.
    """
    narrow_levels = narrow.split("/")
    if narrow_levels[0] == "#":  # a topic name has one level at least
        narrow_levels.insert(0, "+")
    return _covers(wide.split("/"), narrow_levels)


def _covers(wide: list[str], narrow: list[str]) -> bool:
    """Compare level by level; a topic name is a filter that matches itself alone."""
    if narrow[0].startswith("$") and wide[0] in {"+", "#"}:
        return False  # MQTT-4.7.2-1
    for place, level in enumerate(wide):
        if level == "#":
            return True  # the parent level included
        if place == len(narrow) or narrow[place] == "#":
            return False
        if level not in {"+", narrow[place]}:
            return False
    return len(wide) == len(narrow)


class _Node(Generic[T]):
    __slots__ = ("children", "values")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.values: dict[Hashable, T] = {}


class TopicTree(Generic[T]):
    """Values under topic filters, found by topic name.

    The cost of a match grows with the levels of the name and the wildcards on the way, not with
    the number of filters. Nothing here recurses, but each level of a filter is a node: see
    ``maximum_topic_levels`` of the policy.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, topic_filter: str, key: Hashable, value: T) -> None:
        """Put ``value`` under ``topic_filter``, in place of one with the same ``key`` there."""
        node = self._root
        for level in topic_filter.split("/"):
            child = node.children.get(level)
            if child is None:
                child = node.children[level] = _Node()
            node = child
        node.values[key] = value

    def remove(self, topic_filter: str, key: Hashable) -> bool:
        """Take away what ``add`` put there; False if there was nothing."""
        node = self._root
        path: list[tuple[_Node[T], str]] = []
        for level in topic_filter.split("/"):
            path.append((node, level))
            child = node.children.get(level)
            if child is None:
                return False
            node = child
        if key not in node.values:
            return False
        del node.values[key]
        for parent, level in reversed(path):
            child = parent.children[level]
            if child.children or child.values:
                break
            del parent.children[level]
        return True

    def match(self, topic_name: str) -> list[T]:
        """List the values under every filter that matches; one per filter and key."""
        found: list[T] = []
        nodes = [self._root]
        for depth, level in enumerate(topic_name.split("/")):
            wildcards = depth > 0 or not level.startswith("$")  # MQTT-4.7.2-1
            below: list[_Node[T]] = []
            for node in nodes:
                children = node.children
                if wildcards:
                    if (rest := children.get("#")) is not None:
                        found.extend(rest.values.values())
                    if (any_level := children.get("+")) is not None:
                        below.append(any_level)
                if level not in {"+", "#"} and (exact := children.get(level)) is not None:
                    below.append(exact)
            nodes = below
            if not nodes:
                return found
        for node in nodes:
            found.extend(node.values.values())
            if (rest := node.children.get("#")) is not None:  # ``a/#`` matches ``a``
                found.extend(rest.values.values())
        return found

    def __bool__(self) -> bool:
        """Whether there is any filter at all."""
        return bool(self._root.children)
