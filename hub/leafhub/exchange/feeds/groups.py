"""All groups of readers, by application."""

from collections.abc import Iterable, Sequence

from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.feeds.group import (
    READ_APART_S,
    FeedGroup,
    GroupKey,
    Place,
    from_newest,
)
from leafhub.exchange.feeds.membership import Member
from leafhub.exchange.feeds.positions import FeedPositions
from leafhub.exchange.settings import FeedSettings
from leafhub.exchange.timetable import Alarm
from leafhub.model.event import Event
from leafhub.stores.base import FeedPosition, Store


class FeedGroups:
    """Brings readers together, and tells them what is new.

    Args:
        settings: What is kept.
        store: Where events and positions are.
        clock: The time.
        alarm: Tells when positions are to be looked at.
        read_apart_s: See ``READ_APART_S``.
    """

    def __init__(
        self,
        settings: FeedSettings,
        store: Store,
        clock: Clock,
        alarm: Alarm,
        read_apart_s: float = READ_APART_S,
    ) -> None:
        self._settings = settings
        self._store = store
        self._positions = FeedPositions(settings, store, clock, alarm)
        self._read_apart_s = read_apart_s
        self._groups: dict[GroupKey, FeedGroup] = {}
        self._of_application: dict[str, dict[FeedGroup, list[Place]]] = {}
        self._readers = 0

    def load(self, positions: Sequence[FeedPosition]) -> None:
        """Take in what is on disk."""
        self._positions.load(positions)

    @property
    def room(self) -> int:
        """How many more may read."""
        return self._settings.maximum_readers - self._readers

    def has(self, key: GroupKey) -> bool:
        """Whether anybody reads in that group."""
        return key in self._groups

    def join(self, key: GroupKey, member: Member) -> Place:
        """Give a reader a place in a group.

        The group goes on where it stopped; a new one starts with what comes from now on. Without
        a name it is the reader's own, and nothing is kept of it.
        """
        group = self._groups.get(key)
        if group is not None:
            return self._enter(group, member)
        if not key.group:
            group = FeedGroup(
                key, self._store, from_newest(self._store), _keep_nothing, self._read_apart_s
            )
            return self._enter(group, member)
        positions = self._positions.find(key) or from_newest(self._store)
        group = FeedGroup(key, self._store, positions, self._positions.note, self._read_apart_s)
        self._groups[key] = group
        self._positions.begin(group)
        return self._enter(group, member)

    def publish(self, events: Iterable[Event]) -> None:
        """Events are on disk."""
        if self._of_application:
            for application in {event.application for event in events}:
                for group in self._of_application.get(application, ()):
                    group.stir()

    def end_application(self, name: str) -> None:
        """An application was deleted: nobody reads it any more, and nothing is kept of it.

        Nor is anything written: there may be another one of its name already.
        """
        self._positions.forget(name)
        for places in tuple(self._of_application.get(name, {}).values()):
            for place in tuple(places):
                place.leave()

    def end(self) -> None:
        """Nobody reads any more; positions that are not on disk yet are written."""
        for groups in tuple(self._of_application.values()):
            for places in tuple(groups.values()):
                for place in tuple(places):
                    place.leave()
        self._positions.write()

    def _enter(self, group: FeedGroup, member: Member) -> Place:
        place = group.join(member, lambda place: self._left(group, place))
        groups = self._of_application.setdefault(group.key.application, {})
        groups.setdefault(group, []).append(place)
        self._readers += 1
        return place

    def _left(self, group: FeedGroup, place: Place) -> None:
        group.leave(place)
        self._readers -= 1
        groups = self._of_application[group.key.application]
        groups[group].remove(place)
        if group:
            return
        del groups[group]
        if not groups:
            del self._of_application[group.key.application]
        if self._groups.get(group.key) is group:
            del self._groups[group.key]
            self._positions.end(group)


def _keep_nothing(group: FeedGroup) -> None:
    """A group without a name starts anew each time."""
    group.keep(group.through)
