"""The sections ``[sessions]`` and ``[retained]`` of the configuration."""

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
