"""The section ``[mqtt]`` of the configuration: where MQTT is served, and the limits of that."""

from typing import Annotated

import msgspec
from msgspec import Meta

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


class MqttSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where MQTT is served, and its limits."""

    listeners: Annotated[
        tuple[MqttListener, ...],
        Meta(
            description="Where MQTT is served: the standard's two ports for every dialect, and "
            "SmartWorks' own two."
        ),
    ] = msgspec.field(default_factory=_default_listeners)
    maximum_connections: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Open connections in all; a Raspberry Pi with 1 GB holds so many.",
        ),
    ] = 10_000
    handshake_time_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description="What a TLS client gets on top of connect_time_s for its handshake; an "
            "ESP8266 needs 5 s.",
        ),
    ] = 15.0
    connect_time_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description="CONNECT is there by then, so that silence holds no connection; slow "
            "radio links need some seconds.",
        ),
    ] = 15.0
    maximum_connect_bytes: Annotated[
        int,
        Meta(
            ge=256,
            le=393_216,
            description="CONNECT is no longer: who has not said who it is holds no more memory. A "
            "Will of 64 KiB and a long token fit.",
        ),
    ] = 128 * 1024
    maximum_packet_bytes: Annotated[
        int,
        Meta(
            ge=256,
            le=268_435_460,
            description="No packet is longer, whatever its dialect permits; no dialect permits "
            "more than this, and each connection may hold one.",
        ),
    ] = 8 * 1024 * 1024
    write_buffer_bytes: Annotated[
        int,
        Meta(
            ge=4096,
            le=268_435_460,
            description="A connection with more than this unsent gets nothing further until its "
            "peer reads, so that slow readers cost no memory.",
        ),
    ] = 256 * 1024
    write_time_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="A peer that takes no byte for so long is cut off; longer than a radio "
            "link is away when it roams.",
        ),
    ] = 60.0
