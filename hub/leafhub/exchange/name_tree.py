"""Values under topic names, found by topic filter: the mirror of ``mqtt.topics.TopicTree``."""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

STEPS = 1_000
"""Names looked at before a walk gives way to others: about half a millisecond."""
_ANY_DEPTH = -1  # the place in a filter behind its ``#``


class _Node(Generic[T]):
    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.value: T | None = None


class NameTree(Generic[T]):
    """One value for each topic name.

    Attributes:
        levels: Levels of all names; those that names begin with in common count once.
    """

    def __init__(self) -> None:
        self.levels = 0
        self._root: _Node[T] = _Node()

    def __bool__(self) -> bool:
        """Whether there is any value."""
        return bool(self._root.children)

    def get(self, topic_name: str) -> T | None:
        """The value of a name."""
        node: _Node[T] | None = self._root
        for level in topic_name.split("/"):
            if node is None:
                return None
            node = node.children.get(level)
        return None if node is None else node.value

    def put(self, topic_name: str, value: T) -> None:
        """Give a name its value, in place of an earlier one."""
        node = self._root
        for level in topic_name.split("/"):
            child = node.children.get(level)
            if child is None:
                child = node.children[level] = _Node()
                self.levels += 1
            node = child
        node.value = value

    def remove(self, topic_name: str) -> T | None:
        """Take a name's value away and give it back."""
        path: list[tuple[_Node[T], str]] = []
        node = self._root
        for level in topic_name.split("/"):
            path.append((node, level))
            child = node.children.get(level)
            if child is None:
                return None
            node = child
        value, node.value = node.value, None
        for parent, level in reversed(path):
            child = parent.children[level]
            if child.children or child.value is not None:
                break
            del parent.children[level]
            self.levels -= 1
        return value

    def walk(self, topic_filter: str) -> Iterator[T | None]:
        """List the values whose names match, as far as it is asked to.

        ``None`` comes after each ``STEPS`` names looked at, so that a large tree need not be
        walked in one go. The tree may change meanwhile: what was there from the beginning to the
        end is listed once; what comes or goes may be or may not be.
        """
        levels = topic_filter.split("/")
        steps = 0
        ahead: list[Iterator[tuple[_Node[T], int]]] = [iter([(self._root, 0)])]
        while ahead:
            node, place = next(ahead[-1], (None, 0))
            if node is None:
                ahead.pop()
                continue
            steps += 1
            if steps % STEPS == 0:
                yield None
            if place == _ANY_DEPTH:
                ends_here, level = True, "#"
            elif place == len(levels):
                ends_here, level = True, None
            else:
                level = levels[place]
                ends_here = level == "#" and place > 0  # ``a/#`` matches ``a``
            if ends_here and node.value is not None:
                yield node.value
            if level is not None:
                ahead.append(_below(node, level, place))


def _below(node: _Node[T], level: str, place: int) -> Iterator[tuple[_Node[T], int]]:
    """The nodes to look at next, each with the place in the filter that it is at."""
    if level not in {"+", "#"}:
        child = node.children.get(level)
        return iter(()) if child is None else iter([(child, place + 1)])
    children = [
        child
        for name, child in node.children.items()
        if place != 0 or not name.startswith("$")  # MQTT-4.7.2-1
    ]
    further = _ANY_DEPTH if level == "#" else place + 1
    return ((child, further) for child in children)
