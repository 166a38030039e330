"""Bytes written so that a person can read them.

What a packet is made of stands in the order of the wire; lengths are counted by the reader:

========================  ======================================================================
``04 c2 003c``            bytes in hexadecimal
``"a/b"``                 a UTF-8 string with its two bytes of length (§1.5.3, in 5.0 §1.5.4)
``'hello'``               text as it is, without a length
``{ ... }``               what stands inside, behind its length as variable byte integer
``[ ... ]``               what stands inside, behind its length in two bytes
``61*70``                 seventy times that byte; a text in quotes can be repeated too
``??``                    any one byte, where the hub may choose
``SUBSCRIBE``             the first byte of that packet, its reserved flags as they should be
``PUBLISH+qos1+dup``      the first byte of a PUBLISH with these flags; ``+retain`` is another
any other word            what the table says that it means
``# ...``                 a comment, to the end of the line
========================  ======================================================================

So ``CONNECT { "MQTT" 04 02 003c "me" }`` is ``10 0e 0004 4d515454 04 02 003c 0002 6d65``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

Pattern = tuple[int | None, ...]
"""Bytes; None is any."""

_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|\#.*)
    |(?P<open>[\[{])|(?P<close>[\]}])
    |"(?P<string>[^"\n]*)"(?!\*)
    |(?:'(?P<text>[^'\n]*)'|(?P<word>[^\s"'{}\[\]*\#]+))(?:\*(?P<times>\d+))?""",
    re.VERBOSE,
)
_FIRST_BYTES: Final = {
    "CONNECT": 0x10,
    "CONNACK": 0x20,
    "PUBLISH": 0x30,
    "PUBACK": 0x40,
    "PUBREC": 0x50,
    "PUBREL": 0x62,
    "PUBCOMP": 0x70,
    "SUBSCRIBE": 0x82,
    "SUBACK": 0x90,
    "UNSUBSCRIBE": 0xA2,
    "UNSUBACK": 0xB0,
    "PINGREQ": 0xC0,
    "PINGRESP": 0xD0,
    "DISCONNECT": 0xE0,
    "AUTH": 0xF0,
}
_PUBLISH_FLAGS: Final = {"retain": 1, "qos1": 2, "qos2": 4, "dup": 8}
_CLOSING: Final = {"{": "}", "[": "]"}
NO_WORDS: Final[Mapping[str, str]] = {}


def pattern(text: str, words: Mapping[str, str] = NO_WORDS) -> Pattern:
    """Read bytes that are expected.

    Raises:
        ValueError: The text is not of this notation; it says where.
    """
    tokens = _tokens(text)
    found = _sequence(tokens, words, None)
    return tuple(found)


def wire(text: str, words: Mapping[str, str] = NO_WORDS) -> bytes:
    """Read bytes to send.

    Raises:
        ValueError: The text is not of this notation, or leaves bytes open.
    """
    known = [byte for byte in pattern(text, words) if byte is not None]
    if len(known) != len(pattern(text, words)):
        raise ValueError(f"?? is nothing to send: {text}")
    return bytes(known)


def shown(expected: Pattern) -> str:
    """Write bytes in hexadecimal."""
    return " ".join("??" if byte is None else f"{byte:02x}" for byte in expected)


def matches(expected: Pattern, data: bytes) -> bool:
    """Whether ``data`` is what was expected."""
    return len(expected) == len(data) and all(
        wanted in {None, byte} for wanted, byte in zip(expected, data, strict=True)
    )


def _tokens(text: str) -> Iterator[re.Match[str]]:
    place = 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise ValueError(f"unreadable: {text[place:]!r}")
        place = token.end()
        if token.lastgroup != "skip":
            yield token


def _sequence(
    tokens: Iterator[re.Match[str]], words: Mapping[str, str], opened: str | None
) -> list[int | None]:
    found: list[int | None] = []
    for token in tokens:
        if (bracket := token["open"]) is not None:
            inside = _sequence(tokens, words, bracket)
            found += _length(len(inside)) if bracket == "{" else len(inside).to_bytes(2, "big")
            found += inside
        elif (bracket := token["close"]) is not None:
            if opened is None or _CLOSING[opened] != bracket:
                raise ValueError(f"{bracket} closes nothing")
            return found
        elif (string := token["string"]) is not None:
            data = string.encode()
            found += [*len(data).to_bytes(2, "big"), *data]
        else:
            found += _plain(token, words) * int(token["times"] or 1)
    if opened is not None:
        raise ValueError(f"{opened} is never closed")
    return found


def _plain(token: re.Match[str], words: Mapping[str, str]) -> list[int | None]:
    if (text := token["text"]) is not None:
        return list(text.encode())
    word = token["word"]
    if word in words:
        return list(pattern(words[word], words))
    if word == "??":
        return [None]
    name, *flags = word.split("+")
    if name in _FIRST_BYTES:
        return [_FIRST_BYTES[name] | sum(_PUBLISH_FLAGS[flag] for flag in flags)]
    if re.fullmatch("([0-9a-f]{2})+", word):
        return list(bytes.fromhex(word))
    raise ValueError(f"unknown word {word!r}")


def _length(value: int) -> bytes:
    """Encode a variable byte integer; the hub's own code is what is tested here."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
