"""Who failed to log in lately, and what that means for the next attempt.

Failures are counted twice: for each user name at each address, and for each address as a whole. A
broken device behind a router is refused for a while by its own name, long before its neighbours
are; and a client that has logged in from an address before is let in there even while others are
not: a device that works is not shut out because one beside it, with the same user name, does not.
"""

from collections import OrderedDict
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from leafhub.exchange.settings import LoginLimits

REMEMBERED: Final = 10_000
"""Entries in each of the three memories, the least lately used go first: some 6 MB in all."""
LONGEST_DELAY_S: Final = 8.0
"""No single refusal waits longer: that slows guessing enough, and CONNECT has its own deadline."""

V = TypeVar("V")


class Who(NamedTuple):
    """Who tries to log in.

    Attributes:
        address: Where from, as ``network_of`` gives it.
        name: The user name, or what is in place of one.
        client_id: As in CONNECT.
    """

    address: str
    name: str
    client_id: str = ""


class Refused(Enum):
    """Who is refused from now on."""

    NOBODY = "nobody"
    NAME = "that user name"
    ADDRESS = "everybody"


class Consequence(NamedTuple):
    """What a failed login brings.

    Attributes:
        delay_s: How long the refusal waits, seconds, 0 to ``LONGEST_DELAY_S``.
        refused: Whom this failure shut out for ``failed_login_refusal_s``.
    """

    delay_s: float
    refused: Refused


class _Count:
    """Failures since a time; older ones are forgotten together."""

    __slots__ = ("failures", "refused_until_s", "since_s")

    def __init__(self, now_s: float) -> None:
        self.since_s = now_s
        self.failures = 0
        self.refused_until_s = 0.0

    def add(self, now_s: float, most: int, refusal_s: float) -> bool:
        """Count a failure; ``True``: it is one too many."""
        if now_s - self.since_s >= refusal_s:
            self.since_s = now_s
            self.failures = 0
        self.failures += 1
        if self.failures != most:
            return False
        self.refused_until_s = now_s + refusal_s
        return True


class FailedLogins:
    """The memory of failed logins; times are monotonic seconds.

    A name may be of any length, so what is kept is its hash, which is keyed by the process.
    """

    def __init__(self, limits: LoginLimits) -> None:
        self._limits = limits
        self._of_name: OrderedDict[tuple[str, int], _Count] = OrderedDict()
        self._of_address: OrderedDict[str, _Count] = OrderedDict()
        self._known: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._known_at: dict[str, int] = {}  # how many of them

    def refuses_address(self, address: str, now_s: float) -> bool:
        """Whether strangers from ``address`` are refused."""
        count = self._of_address.get(address)
        return count is not None and now_s < count.refused_until_s

    def knows_somebody_at(self, address: str) -> bool:
        """Whether a client has logged in from there before."""
        return address in self._known_at

    def knows(self, who: Who) -> bool:
        """Whether that client has logged in before."""
        return _client(who) in self._known

    def refuses(self, who: Who, now_s: float) -> bool:
        """Whether a login is refused unseen."""
        count = self._of_name.get(_name(who))
        is_name_refused = count is not None and now_s < count.refused_until_s
        if not is_name_refused and not self.refuses_address(who.address, now_s):
            return False
        return not self.knows(who)

    def failed(self, who: Who, now_s: float) -> Consequence:
        """Remember a failure."""
        limits = self._limits
        of_name = _entry(self._of_name, _name(who), _Count(now_s))
        of_address = _entry(self._of_address, who.address, _Count(now_s))
        self._doubt(_client(who))
        refusal_s = limits.failed_login_refusal_s
        refused = Refused.NOBODY
        if of_name.add(now_s, limits.failed_logins_maximum, refusal_s):
            refused = Refused.NAME
        if of_address.add(now_s, limits.failed_logins_maximum_per_address, refusal_s):
            refused = Refused.ADDRESS
        doublings = of_name.failures - limits.failed_logins_free - 1
        if doublings < 0:
            return Consequence(0.0, refused)
        delay_s = limits.failed_login_delay_s * 2.0 ** min(doublings, 10)
        return Consequence(min(delay_s, LONGEST_DELAY_S), refused)

    def succeeded(self, who: Who) -> None:
        """Forget the failures of its name there, and let this client in from now on."""
        self._of_name.pop(_name(who), None)
        client = _client(who)
        if client in self._known:
            self._known.move_to_end(client)
        else:
            self._known_at[who.address] = self._known_at.get(who.address, 0) + 1
            if len(self._known) >= REMEMBERED:
                self._forget(next(iter(self._known)))
        self._known[client] = 0

    def _doubt(self, client: tuple[str, int]) -> None:
        """Somebody fails who says that it is one that is known; perhaps it is not."""
        failures = self._known.get(client)
        if failures is None:
            return
        if failures + 1 < self._limits.failed_logins_maximum:
            self._known[client] = failures + 1
        else:
            self._forget(client)

    def _forget(self, client: tuple[str, int]) -> None:
        address, _ = client
        del self._known[client]
        self._known_at[address] -= 1
        if not self._known_at[address]:
            del self._known_at[address]


def _name(who: Who) -> tuple[str, int]:
    return who.address, hash(who.name)


def _client(who: Who) -> tuple[str, int]:
    return who.address, hash((who.name, who.client_id))


K = TypeVar("K")


def _entry(memory: OrderedDict[K, V], key: K, default: V) -> V:
    """Give the entry of ``key``, made if need be, as the one used last."""
    entry = memory.setdefault(key, default)
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
    return entry
