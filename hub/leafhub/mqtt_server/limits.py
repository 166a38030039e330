"""The limits in the section ``[mqtt]`` of the configuration: what a client can cost the hub."""

from typing import Annotated

from msgspec import Meta

from leafhub.exchange.settings import LoginLimits
from leafhub.mqtt.limits import DEFAULTS, Limits


class MqttLimits(LoginLimits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client, one address and all of them together can cost the hub."""

    maximum_connections: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Open connections in all; a Raspberry Pi with 1 GB holds so many.",
        ),
    ] = 10_000
    maximum_connections_per_address: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Open connections from one IPv4 address or one IPv6 /64: the boards of a "
            "house behind its router fit in, and no single address takes every place there is.",
        ),
    ] = 1_000
    refusal_time_s: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="No refusal leaves sooner after CONNECT, so that its time does not tell "
            "whether the name is known: an argon2id or bcrypt check fits on a Raspberry Pi 4.",
        ),
    ] = 1.0
    handshake_time_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description="What clients get on top of connect_time_s for a handshake, TLS or "
            "WebSocket, or for a proxy's header; an ESP8266 needs 5 s for TLS.",
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
            description="No packet is longer; a dialect whose vendor documents less holds its "
            "clients to that. No vendor documents more than this, and each connection may hold "
            "one.",
        ),
    ] = DEFAULTS.maximum_packet_bytes
    maximum_subscriptions: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Topic filters of one session; more are refused in SUBACK. Each takes "
            "memory, and a board needs a handful.",
        ),
    ] = DEFAULTS.maximum_subscriptions
    maximum_topic_levels: Annotated[
        int,
        Meta(
            ge=1,
            le=65_536,
            description="Levels of a topic name or filter: each level of a filter takes memory "
            "of its own, and ten are many.",
        ),
    ] = DEFAULTS.maximum_topic_levels
    receive_maximum: Annotated[
        int,
        Meta(
            ge=1,
            le=65_535,
            description="QoS 1 and 2 messages of a 5.0 client that may wait for the hub's "
            "acknowledgement; it is told. The hub takes no more of one client at a time anyway.",
        ),
    ] = DEFAULTS.receive_maximum
    outgoing_window: Annotated[
        int,
        Meta(
            ge=1,
            le=65_535,
            description="QoS 1 and 2 messages under way to one client at once: they hide a round "
            "trip of a second at the rate a board reads.",
        ),
    ] = DEFAULTS.outgoing_window
    outgoing_queue: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            description="QoS 1 and 2 messages that wait for one client, slow or away; later ones "
            "are dropped, and the log says so.",
        ),
    ] = DEFAULTS.outgoing_queue
    outgoing_queue_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=1 << 40,
            description="Bytes of the messages under way to one client and waiting for it: a "
            "burst of pictures fits. What all clients hold together maximum_queue_bytes bounds.",
        ),
    ] = DEFAULTS.outgoing_queue_bytes
    publish_rate: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="Messages a second that one client may publish in the long run; beyond it "
            "the hub reads no faster, and loses nothing. A gateway with a hundred boards stays "
            "below it, and no client takes all that a Raspberry Pi can store. 0: no limit.",
        ),
    ] = 2_000.0
    publish_burst: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            description="Messages that a client may publish at once after a silence: what a "
            "gateway gathered while its link was down.",
        ),
    ] = 20_000
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

    def of_session(self) -> Limits:
        """What is permitted to each session, for the protocol to enforce."""
        return Limits(
            maximum_packet_bytes=self.maximum_packet_bytes,
            receive_maximum=self.receive_maximum,
            outgoing_window=self.outgoing_window,
            outgoing_queue=self.outgoing_queue,
            outgoing_queue_bytes=self.outgoing_queue_bytes,
            maximum_subscriptions=self.maximum_subscriptions,
            maximum_topic_levels=self.maximum_topic_levels,
        )
