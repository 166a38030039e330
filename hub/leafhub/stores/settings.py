"""The section ``[store]`` of the configuration; apart from the store, so that reading it is quick.

The database libraries take a second to load on a small computer, and most commands need none.
"""

from typing import Annotated

import msgspec
from msgspec import Meta


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the store writes."""

    minimum_interval_s: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="Seconds between the starts of two commits. 0 acknowledges as fast as the "
            "disk can; 0.5 or more makes an SD card live longer, because all that came meanwhile "
            "is one write, and every acknowledgement waits up to that long.",
        ),
    ] = 0.0
    maximum_group_events: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="A group of writes is closed after so many events. It bounds how long one "
            "commit can hold up a command: 4096 are about 40 ms of writing.",
        ),
    ] = 4_096
