"""Where the hub does otherwise than MQTT 5.0 demands, and why."""

from collections.abc import Mapping
from typing import Final

DEVIATIONS: Final[Mapping[str, str]] = {}
