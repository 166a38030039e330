"""The section ``[mqtt]`` of the configuration: where MQTT is served, and the limits of that."""

from typing import Annotated

import msgspec
from msgspec import Meta

from leafhub.mqtt_server.limits import MqttLimits

Port = Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0: any free one.")]

FilePath = Annotated[str, Meta(min_length=1)]


class MqttListener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place where MQTT is served."""

    host: Annotated[
        str, Meta(min_length=1, description="Address to listen on; 0.0.0.0: every IPv4 one.")
    ] = "0.0.0.0"  # noqa: S104 - devices come from the whole local network, that is what a hub is for
    port: Port
    tls: Annotated[bool, Meta(description="Speak TLS.")] = False
    websocket: Annotated[
        bool, Meta(description="Speak MQTT over WebSocket, which browsers can.")
    ] = False
    path: Annotated[
        str | None,
        Meta(
            description="The one path where WebSocket is served, like /mqtt; left out: any, "
            "because clients differ in what they ask for.",
        ),
    ] = None
    certificate: Annotated[
        FilePath | None,
        Meta(
            description="PEM file with the certificate to show and its chain, from the data "
            "folder or absolute; left out: the hub's own. Changes are taken in at work.",
        ),
    ] = None
    key: Annotated[FilePath | None, Meta(description="PEM file with its private key.")] = None
    client_certificates: Annotated[
        bool | None,
        Meta(
            description="Ask TLS clients for a certificate; those without one come in too. Left "
            "out: yes, but not for WebSocket, because browsers would ask their users."
        ),
    ] = None
    proxy_protocol: Annotated[
        bool,
        Meta(
            description="Every connection starts with a header of the PROXY protocol, which says "
            "where it comes from. Only for a listener that nobody but the proxy can reach: "
            "whoever sends the header can claim any address."
        ),
    ] = False
    dialect: Annotated[
        str | None, Meta(description="The one dialect served here; left out: every dialect.")
    ] = None

    def __post_init__(self) -> None:
        """Refuse keys that do not go together."""
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("`certificate` and `key` come together, or not at all")
        if self.certificate is not None and not self.tls:
            raise ValueError("`certificate` needs `tls = true`")
        if self.client_certificates and not self.tls:
            raise ValueError("`client_certificates` needs `tls = true`")
        if self.path is not None and not self.websocket:
            raise ValueError("`path` needs `websocket = true`")
        if self.path is not None and not self.path.startswith("/"):
            raise ValueError("`path` starts with a slash, like /mqtt")

    @property
    def scheme(self) -> str:
        """How its address starts: ``mqtt``, ``mqtts``, ``ws`` or ``wss``."""
        return ("ws" if self.websocket else "mqtt") + ("s" if self.tls else "")

    @property
    def is_for_everybody(self) -> bool:
        """Whether any MQTT client may connect directly, in any dialect."""
        return self.dialect is None and not self.websocket and not self.proxy_protocol

    @property
    def asks_for_certificates(self) -> bool:
        """Whether TLS clients are asked for a certificate."""
        if self.client_certificates is None:
            return self.tls and not self.websocket
        return self.client_certificates


def _default_listeners() -> tuple[MqttListener, ...]:
    return (
        MqttListener(port=1883),
        MqttListener(port=8883, tls=True),
        MqttListener(port=8083, websocket=True),
        MqttListener(port=8084, websocket=True, tls=True),
        MqttListener(port=30_142, tls=True, dialect="smartworks"),
        MqttListener(port=30_143, dialect="smartworks"),
    )


class MqttSettings(MqttLimits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where MQTT is served, and its limits."""

    listeners: Annotated[
        tuple[MqttListener, ...],
        Meta(
            description="Where MQTT is served: the standard's two ports and two usual ones for "
            "WebSocket, for every dialect; and SmartWorks' own two."
        ),
    ] = msgspec.field(default_factory=_default_listeners)
