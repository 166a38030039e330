"""Topic aliases towards a client (MQTT 5.0 §3.3.2.3.4): numbers in the place of topic names."""

from typing import Final

_PROPERTY_BYTES: Final = 3
"""What the Topic Alias takes in a PUBLISH: a shorter topic name stays as it is."""


class TopicAliases:
    """The aliases in use on one connection; when all are, the least recently used one goes.

    Args:
        maximum: How many there may be, 1..65_535.
    """

    __slots__ = ("_aliases", "_maximum")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._aliases: dict[str, int] = {}  # by topic name, least recently used first

    def find(self, topic_name: str) -> int | None:
        """Give the alias that the client knows for ``topic_name``."""
        return self._aliases.get(topic_name)

    def choose(self, topic_name: str) -> int | None:
        """Give an alias to introduce for a ``topic_name`` that has none; None if it is short."""
        if len(topic_name) <= _PROPERTY_BYTES:
            return None
        if len(self._aliases) < self._maximum:
            return len(self._aliases) + 1
        return next(iter(self._aliases.values()))

    def use(self, topic_name: str, alias: int) -> None:
        """Note that a PUBLISH with ``alias`` was put out; only then the client learns of it."""
        known = self._aliases.pop(topic_name, None)
        if known is None and len(self._aliases) == self._maximum:
            del self._aliases[next(iter(self._aliases))]
        self._aliases[topic_name] = alias
