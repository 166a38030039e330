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

from collections.abc import Iterable
from typing import Final

from leafhub.dialects.cloudevents import RESERVED

TAKEN_PREFIX: Final = "property"
"""Stands before a name that is not free; no reserved name begins so."""


def attributes_from(properties: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Give names and texts as ``Event.attributes`` takes them; see the module."""
    found = {attribute_name(name): _text(value) for name, value in properties}
    found.pop("", None)
    return tuple(found.items())


def attribute_name(name: str) -> str:
    """The attribute that a property of any name becomes; empty: none."""
    letters = "".join(filter(_is_plain, name.lower()))
    return TAKEN_PREFIX + letters if letters in RESERVED else letters


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _text(value: str) -> str:
    if value.isprintable():
        return value
    return "".join(filter(_may_stand, value))


def _may_stand(character: str) -> bool:
    """Whether it is none of CloudEvents' control characters, surrogates and noncharacters."""
    code = ord(character)
    control = code < 0x20 or 0x7F <= code < 0xA0
    nothing = 0xD800 <= code < 0xE000 or 0xFDD0 <= code < 0xFDF0 or code & 0xFFFE == 0xFFFE
    return not (control or nothing)
