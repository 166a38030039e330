"""Who failed to log in lately, and what that means for the next attempt.

Failures are counted twice: for each user name at each address, and for each address as a whole. A
broken device behind a router is refused for a while by its own name, long before its neighbours
are; and who has logged in from an address under a name is let in there even while others are not.
"""

from collections import OrderedDict
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from leafhub.mqtt_server.limits import MqttLimits

REMEMBERED: Final = 10_000
"""Entries in each of the three memories, the least lately used go first: some 6 MB in all."""
LONGEST_DELAY_S: Final = 8.0
"""No single refusal waits longer: that slows guessing enough, and CONNECT has its own deadline."""

V = TypeVar("V")


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

    def __init__(self, limits: MqttLimits) -> None:
        self._limits = limits
        self._of_name: OrderedDict[tuple[str, int], _Count] = OrderedDict()
        self._of_address: OrderedDict[str, _Count] = OrderedDict()
        self._welcome: OrderedDict[tuple[str, int], bool] = OrderedDict()

    def refuses_address(self, address: str, now_s: float) -> bool:
        """Whether strangers from ``address`` are refused."""
        count = self._of_address.get(address)
        return count is not None and now_s < count.refused_until_s

    def refuses(self, address: str, name: str, now_s: float) -> bool:
        """Whether a login is refused unseen."""
        key = (address, hash(name))
        count = self._of_name.get(key)
        if count is not None and now_s < count.refused_until_s:
            return True
        return self.refuses_address(address, now_s) and key not in self._welcome

    def failed(self, address: str, name: str, now_s: float) -> Consequence:
        """Remember a failure."""
        limits = self._limits
        of_name = _entry(self._of_name, (address, hash(name)), _Count(now_s))
        of_address = _entry(self._of_address, address, _Count(now_s))
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

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures of ``name`` at ``address``, and let it in there from now on."""
        key = (address, hash(name))
        self._of_name.pop(key, None)
        _entry(self._welcome, key, default=True)


K = TypeVar("K")


def _entry(memory: OrderedDict[K, V], key: K, default: V) -> V:
    """Give the entry of ``key``, made if need be, as the one used last."""
    entry = memory.setdefault(key, default)
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
    return entry
