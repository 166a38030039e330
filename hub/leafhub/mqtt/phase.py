"""Where a connection stands, and where it may go from there."""

from enum import Enum
from typing import Final


class Phase(Enum):
    """Where a connection stands."""

    AWAITING_CONNECT = "awaiting CONNECT"
    DECIDING = "CONNECT handed up"
    OPEN = "open"
    PAUSED = "open, packets wait"
    CLOSING = "closing, Closed not told"
    CLOSED = "Closed told"


TRANSITIONS: Final = {
    Phase.AWAITING_CONNECT: {Phase.DECIDING, Phase.CLOSING},
    Phase.DECIDING: {Phase.PAUSED, Phase.CLOSING},
    Phase.PAUSED: {Phase.OPEN, Phase.CLOSING},
    Phase.OPEN: {Phase.PAUSED, Phase.CLOSING},
    Phase.CLOSING: {Phase.CLOSED},
    Phase.CLOSED: set[Phase](),
}
READING: Final = frozenset({Phase.AWAITING_CONNECT, Phase.OPEN})
ACCEPTED: Final = frozenset({Phase.OPEN, Phase.PAUSED})
ENDED: Final = frozenset({Phase.CLOSING, Phase.CLOSED})
