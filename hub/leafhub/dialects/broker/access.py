"""Which topics a user may publish and subscribe to."""

from collections.abc import Iterable, Sequence

import msgspec

from leafhub.dialects.base import Principal
from leafhub.dialects.broker.settings import space_of, user_of
from leafhub.model.registry import RegistryView
from leafhub.mqtt.topics import filter_covers, topic_matches


class Access(msgspec.Struct, frozen=True):
    """The topic filters of one client, its names filled in."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    def may_publish(self, topic_name: str) -> bool:
        """Whether a message may go there."""
        return any(topic_matches(one, topic_name) for one in self.publish)

    def may_subscribe(self, topic_filter: str) -> bool:
        """Whether every message that the filter can match may be seen."""
        return any(filter_covers(one, topic_filter) for one in self.subscribe)


NO_ACCESS = Access((), ())


def access_of(principal: Principal, registry: RegistryView) -> Access:
    """What a client may do; nothing, once its user is gone."""
    if principal.application is None or principal.device is None:
        return NO_ACCESS
    application = registry.application(principal.application)
    device = registry.device(principal.application, principal.device)
    if application is None or device is None:
        return NO_ACCESS
    space, user = space_of(application), user_of(device)
    names = {"%u": device.id, "%c": principal.client_id}
    publish = space.publish if user.publish is None else user.publish
    subscribe = space.subscribe if user.subscribe is None else user.subscribe
    return Access(tuple(_filled(publish, names)), tuple(_filled(subscribe, names)))


def _filled(patterns: Sequence[str], names: dict[str, str]) -> Iterable[str]:
    """Each pattern with its names; one whose name would be more than part of a level is left out.

    A client that calls itself ``#`` shall not get everything.
    """
    for pattern in patterns:
        used = {mark: name for mark, name in names.items() if mark in pattern}
        if any(not name or set("+#/") & set(name) for name in used.values()):
            continue
        yield _fill(pattern, used)


def _fill(pattern: str, names: dict[str, str]) -> str:
    parts = pattern.split("%")
    filled = [parts[0]]
    for part in parts[1:]:
        mark = "%" + part[:1]
        filled.append(names[mark] + part[1:] if mark in names else "%" + part)
    return "".join(filled)
