"""Which topics a user may publish and subscribe to.

A list names topic filters; ``%u`` in them stands for the user's name, ``%c`` for the client id,
``%%`` for a percent sign. A client chooses its client id itself, so a name that would be more than
(a part of) the level it stands in makes its filter void: a client that calls itself ``#`` shall
not get everything.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from leafhub.dialects.base import Principal
from leafhub.dialects.broker.settings import SHOWN, space_of, user_of
from leafhub.model.registry import RegistryView
from leafhub.mqtt.topics import filter_covers, is_topic_filter, topic_matches

HUBS_OWN: Final = "$SYS/#"
"""What the hub says of itself; no list lets a client publish there."""

_MARK = re.compile("%(.?)", re.DOTALL)
_MORE_THAN_A_LEVEL = frozenset("+#/")


class Access(msgspec.Struct, frozen=True):
    """The topic filters of one client, its names filled in.

    Attributes:
        publish: Where it may publish.
        subscribe: What it may see.
        reserved: Where it may not publish, whatever ``publish`` says.
    """

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()

    def may_publish(self, topic_name: str) -> bool:
        """Whether a message may go there."""
        return any(topic_matches(one, topic_name) for one in self.publish) and not any(
            topic_matches(one, topic_name) for one in self.reserved
        )

    def may_subscribe(self, topic_filter: str) -> bool:
        """Whether every message that the filter can match may be seen."""
        return any(filter_covers(one, topic_filter) for one in self.subscribe)


NO_ACCESS: Final = Access()


def access_of(principal: Principal, registry: RegistryView) -> Access:
    """What a client may do now; nothing, once its user is gone."""
    if principal.application is None or principal.device is None:
        return NO_ACCESS
    application = registry.application(principal.application)
    device = registry.device(principal.application, principal.device)
    if application is None or device is None:
        return NO_ACCESS
    space, user = space_of(application), user_of(device)
    return _access(
        space.publish if user.publish is None else user.publish,
        space.subscribe if user.subscribe is None else user.subscribe,
        space.shows,
        device.id,
        principal.client_id,
    )


def is_pattern(pattern: str) -> bool:
    """Whether it is a topic filter, and each ``%`` in it one of the marks."""
    return fill(pattern, {"u": "x", "c": "x"}) is not None


def fill(pattern: str, names: Mapping[str, str]) -> str | None:
    """``pattern`` with each ``%<mark>`` replaced; ``None``: what comes out is not what was meant.

    That is a mark without name, a name that does not fit into a level, one that makes a ``$``
    topic of another, or no topic filter.
    """
    for mark in _MARK.findall(pattern):
        name = "%" if mark == "%" else names.get(mark, "")
        if not name or _MORE_THAN_A_LEVEL & set(name):
            return None
    filled = _MARK.sub(lambda found: names.get(found[1], "%"), pattern)
    if filled.startswith("$") and not pattern.startswith("$"):
        return None
    return filled if is_topic_filter(filled) else None


@functools.lru_cache(maxsize=4096)  # clients; every PUBLISH asks
def _access(
    publish: Sequence[str],
    subscribe: Sequence[str],
    shows: Sequence[str],
    user: str,
    client_id: str,
) -> Access:
    names = {"u": user, "c": client_id}
    return Access(
        tuple(_filled(publish, names)),
        tuple(_filled(subscribe, names)),
        (HUBS_OWN, *(f"{SHOWN}/{application}/#" for application in shows)),
    )


def _filled(patterns: Iterable[str], names: Mapping[str, str]) -> Iterator[str]:
    return (one for pattern in patterns if (one := fill(pattern, names)) is not None)
