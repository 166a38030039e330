"""Names for things: the shapes of identifiers, and where new ones come from."""

import re
from typing import Protocol

ULID = re.compile(
    r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z"
)  # 48 bits of milliseconds, 80 random bits, Crockford base 32
OID = re.compile(r"[0-9a-f]{24}\Z")  # the first 8 digits are seconds since the epoch


class Ids(Protocol):
    """New identifiers and secrets; the shells pass a random source in, tests a counting one."""

    def uuid(self) -> str:
        """A UUID version 7, lower case with hyphens (RFC 9562 §5.7).

        Its beginning rises with time, which halves the cost of the store's index of event ids.
        """
        ...

    def ulid(self, time_us: int) -> str:
        """A ULID for that moment: 26 characters that match ``ULID``."""
        ...

    def oid(self, time_us: int) -> str:
        """24 lower-case hexadecimal digits that match ``OID`` and sort by second."""
        ...

    def letters(self, count: int) -> str:
        """``count`` random ASCII letters from a cryptographic source."""
        ...

    def token(self, count: int) -> str:
        """``count`` random ASCII letters and digits from a cryptographic source."""
        ...
