"""The section ``[http]`` of the configuration: where HTTP is served, and the limits of that."""

from typing import Annotated

import msgspec
from msgspec import Meta


class HttpListener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place where HTTP is served."""

    host: Annotated[
        str, Meta(min_length=1, description="Address to listen on; 127.0.0.1: this machine only.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0: any free one.")]
    tls: Annotated[bool, Meta(description="Speak TLS, with the hub's own certificate.")] = False


def _default_listeners() -> tuple[HttpListener, ...]:
    return (
        HttpListener(port=8080),
        HttpListener(
            host="0.0.0.0",  # noqa: S104 - TLS and a login guard it; the dashboard runs anywhere
            port=8443,
            tls=True,
        ),
    )


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where HTTP is served, and its limits."""

    listeners: Annotated[
        tuple[HttpListener, ...],
        Meta(
            description="Where HTTP is served: plain for this machine only, TLS for the network."
        ),
    ] = msgspec.field(default_factory=_default_listeners)
    maximum_body_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=1_073_741_824,
            description="No request body is longer; a registry document of 20,000 devices fits.",
        ),
    ] = 8 * 1024 * 1024
    maximum_requests: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Connections and requests at a time for each listener; more are told to "
            "come back. Waiting for commands counts.",
        ),
    ] = 200
    maximum_sockets: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="Clients that read events by WebSocket, on all listeners together; more "
            "are told to come back. They do not count as requests: web pages that stay open leave "
            "the others their places.",
        ),
    ] = 1_000
    head_time_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description="A TLS handshake, and then the head of a request, is there by then: half "
            "a request holds a place. Programs send it at once; bad radio links need a second "
            "try or two.",
        ),
    ] = 10.0
    body_time_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="So long may the body of a request take, and so long may a client read "
            "nothing of its answer: a registry of 8 MiB passes over a slow link.",
        ),
    ] = 60.0
    stop_time_s: Annotated[
        int,
        Meta(
            ge=1,
            le=4,
            description="Requests that are still open so long after a stop are cut, whole "
            "seconds; systemd and people wait about 5 s, and the hub no longer than that.",
        ),
    ] = 2
