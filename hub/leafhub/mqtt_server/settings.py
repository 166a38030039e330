"""The section ``[mqtt]`` of the configuration: where MQTT is served, and the limits of that."""

from typing import Annotated

import msgspec
from msgspec import Meta

from leafhub.mqtt_server.limits import MqttLimits

Port = Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0: any free one.")]


class MqttListener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place where MQTT is served."""

    host: Annotated[
        str, Meta(min_length=1, description="Address to listen on; 0.0.0.0: every IPv4 one.")
    ] = "0.0.0.0"  # noqa: S104 - devices come from the whole local network, that is what a hub is for
    port: Port
    tls: Annotated[bool, Meta(description="Speak TLS, with the hub's own certificate.")] = False
    dialect: Annotated[
        str | None, Meta(description="The one dialect served here; left out: every dialect.")
    ] = None


def _default_listeners() -> tuple[MqttListener, ...]:
    return (
        MqttListener(port=1883),
        MqttListener(port=8883, tls=True),
        MqttListener(port=30_142, tls=True, dialect="smartworks"),
        MqttListener(port=30_143, dialect="smartworks"),
    )


class MqttSettings(MqttLimits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where MQTT is served, and its limits."""

    listeners: Annotated[
        tuple[MqttListener, ...],
        Meta(
            description="Where MQTT is served: the standard's two ports for every dialect, and "
            "SmartWorks' own two."
        ),
    ] = msgspec.field(default_factory=_default_listeners)
