"""Who may connect: how many in all, how many from one address, and who failed too often.

A connection takes a ``Place`` when it is accepted, is located when its address is known (behind a
proxy that is later), and is judged at CONNECT. Where there is no place for it, it may still say
CONNECT and be told so, as far as ``TURNED_AWAY_AT_ONCE`` goes; past that it is cut before it costs
a TLS handshake.

A refused address where some clients are known keeps its places: those clients come in, all others
are refused at CONNECT.

What such a client is told is for a client that comes again: 0x97 Quota exceeded where there are
too many, 0x9F Connection rate exceeded after too many failed logins. For 3.1.1 both are 0x03
Server unavailable; 0x05 Not authorized would make some boards give up for ever, and this passes.
"""

import logging
from typing import Final, Protocol

from leafhub.exchange.failed_logins import FailedLogins, Refused, Who
from leafhub.exchange.networks import network_of
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt_server.limits import MqttLimits
from leafhub.mqtt_server.sparing_log import SparingLog

TURNED_AWAY_AT_ONCE: Final = 64
"""Connections past a limit that are told so at the same time; each may cost a TLS handshake."""
TURNING_AWAY_TIME_S: Final = 5.0
"""How long such a one may take over its CONNECT; an ESP8266 needs that for TLS."""
REFUSALS_AT_ONCE: Final = 500
"""Refusals that wait for their time; past that the one that waits longest is cut without a word,
whoever it is, which tells nothing about names."""

_TOO_MANY: Final = "maximum_connections is reached"
_TOO_MANY_PER_ADDRESS: Final = "maximum_connections_per_address is reached"
_TOO_MANY_FAILED: Final = "too many failed logins"

log = logging.getLogger(__name__)


class Guest(Protocol):
    """The connection that has a place."""

    def turn_out(self, reason_code: ReasonCode | None) -> None:
        """End it before it is connected: refuse its CONNECT, or with ``None`` cut it."""
        ...


class Place:
    """What one connection takes up, from ``Admission.enter`` to ``leave``.

    Attributes:
        guest: Whose it is.
        network: Where it comes from, once it is located.
        is_counted: Whether it counts among those of its network.
        who: Who logs in, once it is judged.
        refusal: Why its CONNECT will be refused; ``None``: there is room for it.
    """

    __slots__ = ("guest", "is_counted", "network", "refusal", "who")

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.network = ""
        self.is_counted = False
        self.who = Who("", "")
        self.refusal: ReasonCode | None = None


class Admission:
    """The places of all listeners; times are monotonic seconds."""

    def __init__(self, limits: MqttLimits) -> None:
        self._limits = limits
        self._failed_logins = FailedLogins(limits)
        self._present: set[Place] = set()
        self._present_of: dict[str, int] = {}
        self._turned_away: set[Place] = set()
        self._judged: dict[str, set[Place]] = {}
        self._waiting: dict[Place, None] = {}  # in the order of their refusals
        self._log = SparingLog(log)

    def __len__(self) -> int:
        """How many have a place."""
        return len(self._present)

    def enter(self, guest: Guest, address: str) -> Place | None:
        """Take a place; ``None``: cut the connection. ``address`` is for the log."""
        place = Place(guest)
        if len(self._present) < self._limits.maximum_connections:
            self._present.add(place)
            return place
        return self._turn_away(place, ReasonCode.QUOTA_EXCEEDED, _TOO_MANY, address)

    def locate(self, place: Place, address: str, now_s: float) -> Place | None:
        """Count a connection for its address, once; ``None``: cut it."""
        place.network = network_of(address)
        if place.refusal is not None:
            return place
        is_refused = self._failed_logins.refuses_address(place.network, now_s)
        if is_refused and not self._failed_logins.knows_somebody_at(place.network):
            return self._turn_away(
                place, ReasonCode.CONNECTION_RATE_EXCEEDED, _TOO_MANY_FAILED, address
            )
        if not self._has_room_of(place.network):
            return self._turn_away(
                place, ReasonCode.QUOTA_EXCEEDED, _TOO_MANY_PER_ADDRESS, address
            )
        self._count(place)
        return place

    def judge(self, place: Place, name: str, client_id: str, now_s: float) -> ReasonCode | None:
        """Say at CONNECT why it is refused unseen; ``None``: check what it shows.

        Args:
            place: Of the connection, located.
            name: Its user name, or what it has in place of one.
            client_id: As in CONNECT.
            now_s: Monotonic time.
        """
        place.who = Who(place.network, name, client_id)
        if place.refusal is not None:
            return place.refusal
        if self._failed_logins.refuses(place.who, now_s):
            self._log.tell("refused unseen after too many failed logins", place.network)
            return ReasonCode.CONNECTION_RATE_EXCEEDED
        self._judged.setdefault(place.network, set()).add(place)
        return None

    def succeeded(self, place: Place) -> None:
        """Its login is good."""
        self._end_judging(place)
        self._failed_logins.succeeded(place.who)

    def failed(self, place: Place, now_s: float) -> float:
        """Its login failed: gives the seconds that the refusal waits on top of its least time."""
        self._end_judging(place)
        delay_s, refused = self._failed_logins.failed(place.who, now_s)
        if refused is not Refused.NOBODY:
            log.warning(
                "%s: too many failed logins, %s is refused there for %.0f s",
                *(place.network, refused.value, self._limits.failed_login_refusal_s),
            )
            for other in tuple(self._judged.get(place.network, ())):
                if self._failed_logins.refuses(other.who, now_s):
                    self._end_judging(other)
                    other.guest.turn_out(ReasonCode.CONNECTION_RATE_EXCEEDED)
        return delay_s

    def undecided(self, place: Place) -> None:
        """Its login could not be judged: it neither failed nor succeeded."""
        self._end_judging(place)

    def wait(self, place: Place) -> None:
        """Its refusal waits for its time."""
        self._waiting[place] = None
        if len(self._waiting) > REFUSALS_AT_ONCE:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.guest.turn_out(None)

    def leave(self, place: Place) -> None:
        """The connection is gone; more than once is fine."""
        self._end_judging(place)
        self._waiting.pop(place, None)
        self._turned_away.discard(place)
        self._give_up(place)

    def close(self) -> None:
        """Nobody comes any more: tell what is untold."""
        self._log.close()

    def _has_room_of(self, network: str) -> bool:
        most = self._limits.maximum_connections_per_address
        return self._present_of.get(network, 0) < most

    def _count(self, place: Place) -> None:
        place.is_counted = True
        self._present_of[place.network] = self._present_of.get(place.network, 0) + 1

    def _turn_away(self, place: Place, code: ReasonCode, why: str, address: str) -> Place | None:
        self._log.tell(f"turned away: {why}", address)
        self._give_up(place)
        if len(self._turned_away) >= TURNED_AWAY_AT_ONCE:
            return None
        self._turned_away.add(place)
        place.refusal = code
        return place

    def _give_up(self, place: Place) -> None:
        """Free what a place counts for."""
        self._present.discard(place)
        if not place.is_counted:
            return
        place.is_counted = False
        left = self._present_of[place.network] - 1
        if left:
            self._present_of[place.network] = left
        else:
            del self._present_of[place.network]

    def _end_judging(self, place: Place) -> None:
        judged = self._judged.get(place.network)
        if judged is not None:
            judged.discard(place)
            if not judged:
                del self._judged[place.network]
