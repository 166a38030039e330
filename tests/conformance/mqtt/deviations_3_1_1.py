"""Where the hub does otherwise than MQTT 3.1.1 demands, and why."""

from collections.abc import Mapping
from typing import Final

DEVIATIONS: Final[Mapping[str, str]] = {}
