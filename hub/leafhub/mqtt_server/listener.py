"""What a connection knows of the place that accepted it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from leafhub.dialects.base import Peer
from leafhub.mqtt.limits import Limits
from leafhub.mqtt_server.admission import Admission
from leafhub.mqtt_server.pipes import Pipe
from leafhub.mqtt_server.settings import MqttSettings

if TYPE_CHECKING:
    from leafhub.mqtt_server.connection import MqttConnection


class Listener(Protocol):
    """The place that accepted a connection."""

    settings: MqttSettings
    limits: Limits
    """What ``settings`` permit each session."""
    admission: Admission
    peer: Peer
    """What all its clients have in common."""

    @property
    def addresses_are_hidden(self) -> bool:
        """Whether the lowest layer tells a client's own address."""
        ...

    def new_pipes(self, maximum_packet_bytes: Callable[[], int]) -> Sequence[Pipe]:
        """The layers between transport and MQTT, from the transport upwards.

        Args:
            maximum_packet_bytes: Tells the longest packet that the client may send now.
        """
        ...

    def opened(self, connection: "MqttConnection") -> None:
        """A connection is there."""
        ...

    def settled(self, connection: "MqttConnection") -> None:
        """All that it took is answered, and it takes no more."""
        ...

    def gone(self, connection: "MqttConnection") -> None:
        """It ended."""
        ...

    def parted(self, connection: "MqttConnection") -> None:
        """Its transport is gone."""
        ...
