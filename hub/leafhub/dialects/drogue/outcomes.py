"""What a device is told of a PUBLISH that comes to nothing.

================================  ==============================  ===============================
PUBLISH                           MQTT 5.0, QoS 1 and 2           MQTT 3.1.1
================================  ==============================  ===============================
on a topic of another grammar     0x90 ``Topic name is invalid``  QoS 1 and 2: the connection ends
for a device it may not speak for 0x87 ``Not authorized``         without an acknowledgement.
called JSON and none; by a rule   0x80 ``Unspecified error``      QoS 0: it is dropped, or with
that the hub has no room for      0x97 ``Quota exceeded``         option ``strict`` the same.
================================  ==============================  ===============================

At QoS 0 a 5.0 client is told nothing, and whoever does not want to hear reasons (Request Problem
Information 0) only the code. The end of a connection in this way brings its Will. What a rule
drops is accepted, as far as the device can tell. That the store is behind is said by the hub for
all dialects.
"""

from typing import Final

import msgspec

from leafhub.dialects.base import Outcome
from leafhub.mqtt.reason_codes import ReasonCode

TOPIC_INVALID: Final = Outcome(
    reason_code=ReasonCode.TOPIC_NAME_INVALID, reason_string="Topic name is invalid"
)
NOT_AUTHORIZED: Final = Outcome(
    reason_code=ReasonCode.NOT_AUTHORIZED, reason_string="Not authorized"
)
REJECTED: Final = Outcome(
    reason_code=ReasonCode.UNSPECIFIED_ERROR, reason_string="Unspecified error"
)


def refused(outcome: Outcome, log: str) -> Outcome:
    """One of the above, and why, for the hub's log."""
    return msgspec.structs.replace(outcome, log=log)
