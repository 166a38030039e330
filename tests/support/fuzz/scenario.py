"""What one client sends over its life: a login, then good and bad packets, in pieces."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final

from fuzz import packets
from fuzz.mutation import mutated
from leafhub.mqtt.codec import encode_packet

LONGEST: Final = 40
"""Packets of one client; most break something long before."""


@dataclass(frozen=True, slots=True)
class Script:
    """Bytes of one client.

    Attributes:
        level: Its protocol level.
        login: Its CONNECT.
        login_is_valid: Whether nothing was done to that.
        packets: What it sends then.
    """

    level: int
    login: bytes
    login_is_valid: bool
    packets: tuple[bytes, ...]

    def pieces(self, chance: Random, *, with_login: bool = True) -> Iterator[bytes]:
        """Its bytes, cut as TCP may cut them."""
        sent = (self.login, *self.packets) if with_login else self.packets
        if chance.random() < 0.5:
            yield from sent
            return
        data = b"".join(sent)
        place = 0
        while place < len(data):
            size = chance.choice((1, 2, 7, 100, 1_500))
            yield data[place : place + size]
            place += size

    def packets_in(self, count_bytes: int) -> int:
        """How many packets begin within so many bytes."""
        ends = accumulate(map(len, (self.login, *self.packets)))
        return 1 + sum(end < count_bytes for end in ends)


def script(
    chance: Random,
    *,
    client_id: str = "fuzz",
    username: str | None = "u",
    password: bytes | None = b"p",
) -> Script:
    """Draw what one client sends."""
    level = chance.choice(packets.LEVELS)
    login = encode_packet(packets.login(chance, level, client_id, username, password), level)
    valid = chance.random() < 0.9
    if not valid:
        login = mutated(chance, login)
    share = chance.choice((0.02, 0.1, 0.5))  # of packets that are damaged
    drawn = (packets.packet(chance, level) for _ in range(chance.randrange(1, LONGEST)))
    return Script(
        level,
        login,
        valid,
        tuple(mutated(chance, one) if chance.random() < share else one for one in drawn),
    )
