"""What a pure core has to be given: fresh identifiers, and a clock that never stands still."""

import secrets
import string
import time
import uuid

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TOKEN_LETTERS = string.ascii_letters + string.digits


class RandomIds:
    """``leafhub.model.ids.Ids`` from the operating system's random source."""

    def uuid(self) -> str:
        """A UUID version 7 of this moment."""
        milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
        value = milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64
        return str(uuid.UUID(int=value | 2 << 62 | secrets.randbits(62)))

    def ulid(self, time_us: int) -> str:
        """A ULID for that moment."""
        value = (time_us // 1000 & (1 << 48) - 1) << 80 | secrets.randbits(80)
        return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))

    def oid(self, time_us: int) -> str:
        """24 hexadecimal digits that begin with the second."""
        return f"{time_us // 1_000_000 & 0xFFFFFFFF:08x}{secrets.token_hex(8)}"

    def letters(self, count: int) -> str:
        """Random ASCII letters."""
        return "".join(secrets.choice(string.ascii_letters) for _ in range(count))

    def token(self, count: int) -> str:
        """Random ASCII letters and digits."""
        return "".join(secrets.choice(_TOKEN_LETTERS) for _ in range(count))


class Clock:
    """The wall clock in microseconds, made strictly increasing: dialects use a time as a key.

    When the system's clock jumps back, time goes on in steps of one microsecond until the clock
    has caught up.
    """

    def __init__(self) -> None:
        self._last_us = 0

    def now_us(self) -> int:
        """Microseconds since the epoch, later than every answer before."""
        self._last_us = max(time.time_ns() // 1000, self._last_us + 1)
        return self._last_us

    def now_s(self) -> float:
        """Monotonic seconds, for deadlines."""
        return time.monotonic()
