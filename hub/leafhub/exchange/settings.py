"""The sections ``[sessions]``, ``[retained]`` and ``[feeds]`` of the configuration."""

from typing import Annotated

import msgspec
from msgspec import Meta


class SessionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept for clients."""

    maximum_kept_sessions: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000_000,
            description="Sessions kept for clients that are away; past it the one that is away "
            "longest ends. Client ids cost nothing, and a kept session with one subscription "
            "takes 2.4 KiB before any message waits in it: 10 000 are 24 MiB.",
        ),
    ] = 10_000
    maximum_queue_bytes: Annotated[
        int,
        Meta(
            ge=65_536,
            le=1 << 40,
            description="Bytes of messages that wait for all clients together. 64 MiB leave "
            "a computer with 1 GiB the larger part of its memory; whoever's message finds no room "
            "loses that message, nobody else does.",
        ),
    ] = 67_108_864


class RetainedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept for topics."""

    maximum_messages: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000_000,
            description="Retained messages of all topic spaces. A home has some thousands; "
            "100 000 are read in a few seconds when the hub starts on a Raspberry Pi. Past it a "
            "message is not retained any more, and 5.0 clients are told so with 0x97.",
        ),
    ] = 100_000
    maximum_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=1 << 40,
            description="What they take of the memory, where all of them are held: payloads, "
            "topics, and some 900 bytes of book-keeping each. 64 MiB are 70 000 short ones.",
        ),
    ] = 67_108_864


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept for those who read an application's events in a group."""

    keep_positions_s: Annotated[
        float,
        Meta(
            ge=60,
            le=1e9,
            description="Seconds for which a group that nobody reads in finds where it stopped; "
            "from then on it starts anew, with what comes then. Seven days, as long as Drogue "
            "Cloud keeps events.",
        ),
    ] = 604_800.0
    maximum_positions: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            description="Groups whose position is kept; past it the one goes that was not used "
            "for longest. A position takes up to 1.5 KiB, and client ids cost nothing.",
        ),
    ] = 1_000
    maximum_readers: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000_000,
            description="Subscriptions that read from the store at a time: at QoS 1, or shared. "
            "Each holds up to 256 KiB of events that wait for its client, mostly a few; past it "
            "a subscription is refused, with 0x97 where MQTT can say it.",
        ),
    ] = 500
    write_positions_s: Annotated[
        float,
        Meta(
            ge=0.1,
            le=3_600,
            description="Seconds after which a position that moved on is written. What readers "
            "acknowledged since, 1000 messages of a group at most, comes again if the hub is "
            "killed; at every clean end it is written. Five seconds spare SD cards.",
        ),
    ] = 5.0


class LoginLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What failed logins bring, by MQTT and by HTTP; keys of the section ``[mqtt]``."""

    failed_logins_free: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000,
            description="Failed logins of one user name at one address that are refused without "
            "further delay: people mistype.",
        ),
    ] = 3
    failed_login_delay_s: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="What the next refusal waits; each one after it waits twice as long, up "
            "to 8 s. Guessing gets slow, a person hardly notices.",
        ),
    ] = 0.5
    failed_logins_maximum: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Failed logins of one user name at one address after which it is refused "
            "unseen for failed_login_refusal_s, but for clients that have logged in from there "
            "before; more than a person needs to find the right one.",
        ),
    ] = 10
    failed_logins_maximum_per_address: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Failed logins of one address, whatever the names, after which everybody "
            "there is refused who has not logged in from there before; ten broken devices behind "
            "one router stay below it.",
        ),
    ] = 100
    failed_login_refusal_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86_400,
            description="How long a refusal lasts, and how long failures are counted together. "
            "Five minutes make guessing hopeless, and nobody has to be let in by hand.",
        ),
    ] = 300.0
