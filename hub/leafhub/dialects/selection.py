"""Which of an application's events a reader wants: by device and channel, with MQTT's wildcards.

An event is found under ``<device>/<channel>``. The channel's own slashes part its levels. What
cannot stand in a level is percent-encoded: ``%``, ``+``, ``#`` and NUL everywhere, in the device
the slash too. So filter and topic are compared as they stand, and each topic names one device and
channel.
"""

from typing import Final

import msgspec

from leafhub.model.event import Event
from leafhub.mqtt.topics import is_topic_name, topic_matches

_ENCODED: Final = {ord(character): f"%{ord(character):02X}" for character in "%+#\0"}
_ENCODED_IN_DEVICE: Final = {**_ENCODED, ord("/"): "%2F"}
_LONGEST_WORD: Final = "application"  # before the application's name; there are shorter ones
_WILDCARDS: Final = frozenset({"+", "#"})


def place_of(event: Event) -> str:
    """Name the device and channel of an event as levels of a topic."""
    device = event.device.translate(_ENCODED_IN_DEVICE)
    return f"{device}/{event.channel.translate(_ENCODED)}"


class Selection(msgspec.Struct, frozen=True, gc=False):
    """A part of an application's events.

    Attributes:
        levels: A topic filter over ``<device>/<channel>``; empty: all of them.
    """

    levels: str = ""

    def has(self, event: Event) -> bool:
        """Whether an event belongs to it; one whose topic no packet can hold never does."""
        if not self.levels:
            return True
        topic = f"{_LONGEST_WORD}/{event.application}/{place_of(event)}"
        return topic_matches(f"+/+/{self.levels}", topic) and is_topic_name(topic)

    @property
    def device(self) -> str | None:
        """The one device whose events these are; ``None``: several may be."""
        level = self.levels.split("/", 1)[0]
        if not level or level in _WILDCARDS:
            return None
        return decoded(level)


def decoded(level: str) -> str:
    """Undo what ``place_of`` does to a device."""
    for code, text in _ENCODED_IN_DEVICE.items():
        if code != ord("%"):
            level = level.replace(text, chr(code))
    return level.replace("%25", "%")


ALL: Final = Selection()
"""Everything."""
