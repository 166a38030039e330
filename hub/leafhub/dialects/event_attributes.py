"""How what a device says beside its payload becomes attributes of its event.

MQTT 5.0 has user properties, Azure IoT devices put a property bag into the topic, and both name
things as they like. CloudEvents wants names of small letters and digits (1.0.2, "Naming
Conventions") and values without control characters ("Type System"), and what the hub says of an
event nobody else may say. So:

* a name goes in small letters, and what is neither an ASCII letter nor a digit is left out of it;
* one that is taken then (``device``, ``time``, ...) is said with ``property`` in front of it;
* of a name that comes twice, the last value counts;
* a value loses the characters that cannot stand in it.

Nothing a device says is lost but a name without a single letter or digit.
"""

import re
from collections.abc import Iterable
from typing import Final

from leafhub.dialects.cloudevents import RESERVED

TAKEN_PREFIX: Final = "property"
"""Stands before a name that is not free; no reserved name begins so."""

# Expressions, for a packet may hold thousands of properties, or one of 16 KiB.
_NOT_IN_NAMES: Final = re.compile("[^a-z0-9]+")
_CONTROLS: Final = "\x00-\x1f\x7f-\x9f"
_SURROGATES: Final = "\ud800-\udfff"
_NONCHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
_NOT_IN_VALUES: Final = re.compile(f"[{_CONTROLS}{_SURROGATES}{_NONCHARACTERS}]+")


def attributes_from(properties: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Give names and texts as ``Event.attributes`` takes them; see the module."""
    found = {attribute_name(name): _text(value) for name, value in properties}
    found.pop("", None)
    return tuple(found.items())


def attribute_name(name: str) -> str:
    """The attribute that a property of any name becomes; empty: none."""
    letters = _NOT_IN_NAMES.sub("", name.lower())
    return TAKEN_PREFIX + letters if letters in RESERVED else letters


def _text(value: str) -> str:
    return value if value.isprintable() else _NOT_IN_VALUES.sub("", value)
