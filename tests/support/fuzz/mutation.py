"""Valid bytes made wrong: a little, so that they get far, or thoroughly."""

from collections.abc import Callable
from random import Random
from typing import Final

INTERESTING: Final = (0x00, 0x01, 0x02, 0x7F, 0x80, 0xFF)
"""Borders of bytes and lengths, where mistakes live."""


def mutated(chance: Random, data: bytes) -> bytes:
    """Damage ``data`` in one to three places."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice(_WAYS)(chance, damaged)
    return bytes(damaged)


def _flip_bit(chance: Random, data: bytearray) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _flip_early_bit(chance: Random, data: bytearray) -> None:
    """In the headers, where the meaning is."""
    if data:
        data[chance.randrange(min(16, len(data)))] ^= 1 << chance.randrange(8)


def _set_byte(chance: Random, data: bytearray) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice(INTERESTING)


def _set_length(chance: Random, data: bytearray) -> None:
    """A length of two bytes somewhere, too long by little or much."""
    if len(data) > 3:
        place = chance.randrange(2, len(data) - 1)
        data[place : place + 2] = chance.choice(
            (b"\x00\x00", b"\x00\x01", b"\x7f\xff", b"\xff\xff")
        )


def _cut(chance: Random, data: bytearray) -> None:
    if data:
        del data[chance.randrange(len(data)) :]


def _cut_out_and_mend(chance: Random, data: bytearray) -> None:
    """Leave out a byte of the body and tell the length truly, so that the packet stays whole."""
    if len(data) > 2 and 0 < data[1] < 0x80:
        del data[chance.randrange(2, len(data))]
        data[1] -= 1


def _put_in_and_mend(chance: Random, data: bytearray) -> None:
    """The same with a byte more."""
    if len(data) > 2 and data[1] < 0x7F:
        data.insert(chance.randrange(2, len(data)), chance.randrange(256))
        data[1] += 1


def _repeat(chance: Random, data: bytearray) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = data[place : place + chance.randrange(1, 16)]


def _noise(chance: Random, data: bytearray) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = chance.randbytes(chance.randrange(1, 12))


_WAYS: Final[tuple[Callable[[Random, bytearray], None], ...]] = (
    _flip_bit,
    _flip_early_bit,
    _set_byte,
    _set_length,
    _cut,
    _cut_out_and_mend,
    _put_in_and_mend,
    _repeat,
    _noise,
)
