"""What the faces tell about the hub that the exchange does not know."""

import msgspec


class HubInformation(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub is.

    Attributes:
        version: Of Leafhub.
        listeners: Where MQTT is served, like ``mqtts://0.0.0.0:8883``.
    """

    version: str
    listeners: tuple[str, ...] = ()
