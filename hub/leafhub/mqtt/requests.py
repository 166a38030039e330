"""What a connection asks of, or tells, the layer above it."""

from enum import Enum
from typing import TypeAlias

import msgspec

from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.reason_codes import ReasonCode


class Delivered(msgspec.Struct, frozen=True):
    """The client acknowledged what was sent with ``token``: PUBACK, PUBCOMP, a refusing PUBREC."""

    token: object
    reason_code: ReasonCode = ReasonCode.SUCCESS


class DropReason(Enum):
    """Why a message that had been queued was not sent after all."""

    EXPIRED = "expired"
    TOO_LARGE = "larger than the client's Maximum Packet Size"


class Dropped(msgspec.Struct, frozen=True):
    """A message that ``send`` or ``enqueue`` had called QUEUED will not be sent."""

    token: object
    reason: DropReason


class Closed(msgspec.Struct, frozen=True):
    """The connection ended; told exactly once.

    Attributes:
        reason: For the log.
        will: The Will, if it is due. Its Will Delay Interval is for the layer above.
        clean: Whether the client took its leave with DISCONNECT.
    """

    reason: str
    will: Will | None
    clean: bool


Request: TypeAlias = Connect | Publish | Subscribe | Unsubscribe | Delivered | Dropped | Closed
