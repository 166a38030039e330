"""Durations as people write them: ``5s``, ``1m 30s``, ``1hour 30min``.

The words are those of the Rust crate ``humantime`` (docs.rs/humantime, ``parse_duration``).
"""

import re
from typing import Final

_SECONDS: Final = {
    1e-9: ("nsec", "ns"),
    1e-6: ("usec", "us"),
    1e-3: ("msec", "ms"),
    1: ("seconds", "second", "secs", "sec", "s"),
    60: ("minutes", "minute", "mins", "min", "m"),
    3_600: ("hours", "hour", "hrs", "hr", "h"),
    86_400: ("days", "day", "d"),
    604_800: ("weeks", "week", "w"),
    2_630_016: ("months", "month", "M"),  # 30.44 days
    31_557_600: ("years", "year", "y"),  # 365.25 days
}
_SECONDS_OF: Final = {word: seconds for seconds, words in _SECONDS.items() for word in words}
_LONGEST: Final = 64  # characters; nobody writes more, and an integer of any length takes long
_PART = re.compile(r"\s*([0-9]+)\s*([A-Za-z]+)")


def seconds_of(text: str) -> float:
    """The seconds that ``text`` names.

    Raises:
        ValueError: It is no such duration.
    """
    seconds, place = 0.0, 0
    while part := _PART.match(text[:_LONGEST], place):
        number, unit = part.groups()
        if unit not in _SECONDS_OF:
            known = ", ".join(words[-1] for words in _SECONDS.values())
            raise ValueError(f"there is no unit {unit!r}; there are {known}")
        seconds += int(number) * _SECONDS_OF[unit]
        place = part.end()
    if not place or text[place:].strip():
        raise ValueError("is no duration like '5s' or '1m 30s'")
    return seconds
