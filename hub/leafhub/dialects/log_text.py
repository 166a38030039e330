"""What a client said, as it may stand in the log: in one line, not too long, without secrets."""

from collections.abc import Sequence
from typing import Final

from leafhub.dialects.base import Grant
from leafhub.mqtt.packets import Connect, Subscribe
from leafhub.mqtt.reason_codes import ReasonCode

LONGEST: Final = 64
"""Characters of a client's own words; names that people give are shorter."""
TOLD: Final = 3
"""Of several things that went wrong with one packet."""
SHORTEST_TOKEN: Final = 32
"""Letters and digits from which on a user name looks like a secret in the wrong field."""

_REQUESTS = frozenset({"thing", "ctrl"})


def one_line(text: str) -> str:
    """Escape what is not printable, and cut it short."""
    escaped = repr(text[: LONGEST + 1])[1:-1]
    return escaped if len(escaped) <= LONGEST else escaped[:LONGEST] + "…"


def device_name(application: str, device: str) -> str:
    """A device by its whole name, which somebody who may declare devices chose freely."""
    return f"{application}/{device if device.isprintable() else repr(device)[1:-1]}"


def quoted(text: str) -> str:
    """As ``one_line``, in quotes."""
    return f"'{one_line(text)}'"


def some(texts: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(texts) - TOLD
    return "; ".join(texts[:TOLD]) + (f"; and {more} more" if more > 0 else "")


def quoted_topic(topic: str) -> str:
    """As ``quoted``; of a CloudPlugs enrollment only what stands before its password."""
    levels = topic.split("/", 2)
    if len(levels) == 3 and levels[1].lower() in _REQUESTS:
        return quoted(f"{levels[0]}/{levels[1]}/…")
    return quoted(topic)


def quoted_login(connect: Connect) -> str:
    """The user name, else the client id; no name that may itself be the secret."""
    username = connect.username
    if not username:
        return quoted(connect.client_id or "anonymous")
    if not connect.password:
        return "a user name without password"
    if len(username) >= SHORTEST_TOKEN and username.isalnum():
        return "a user name that looks like a token"
    return quoted(username)


def refused_filters(subscribe: Subscribe, grants: Sequence[Grant]) -> str:
    """Which filters are not granted, and how that is told; empty: all are."""
    refused = [
        f"{quoted_topic(request.topic_filter)} {ReasonCode(grant.reason_code).name}"
        for request, grant in zip(subscribe.requests, grants, strict=True)
        if grant.reason_code >= ReasonCode.UNSPECIFIED_ERROR
    ]
    return f"may not subscribe {some(refused)}" if refused else ""
