"""What a pure core has to be given: fresh identifiers, and a clock that never stands still."""

import secrets
import string
import time

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TOKEN_LETTERS = string.ascii_letters + string.digits
_UUID_DIGITS = 19  # hexadecimal ones that are left to chance, two bits of one of them
_UUIDS_AT_ONCE = 64
"""So many share one question to the operating system, which takes longer than all the rest. They
are no secrets: what is one is asked for by itself."""


class RandomIds:
    """``leafhub.model.ids.Ids`` from the operating system's random source."""

    def __init__(self) -> None:
        self._digits = ""

    def uuid(self) -> str:
        """A UUID version 7 of this moment."""
        if not self._digits:
            self._digits = secrets.token_hex(_UUIDS_AT_ONCE * _UUID_DIGITS // 2)
        chance, self._digits = self._digits[:_UUID_DIGITS], self._digits[_UUID_DIGITS:]
        milliseconds = f"{time.time_ns() // 1_000_000 & (1 << 48) - 1:012x}"
        variant = "89ab"[int(chance[3], 16) & 3]
        return (
            f"{milliseconds[:8]}-{milliseconds[8:]}-7{chance[:3]}"
            f"-{variant}{chance[4:7]}-{chance[7:]}"
        )

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
