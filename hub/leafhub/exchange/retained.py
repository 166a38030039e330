"""The retained messages of every topic space, as they are on disk (MQTT 5.0 §3.3.1.3)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.copies import Copies, is_own
from leafhub.exchange.name_tree import NameTree
from leafhub.exchange.session import Session
from leafhub.exchange.settings import RetainedSettings
from leafhub.exchange.timetable import Alarm
from leafhub.model.publication import Publication
from leafhub.mqtt.properties import EMPTY
from leafhub.mqtt.session_state import OutgoingMessage, Subscription

MESSAGE_BYTES: Final = 320
"""What a message takes beside topic, payload and properties (measured 280)."""
LEVEL_BYTES: Final = 280
"""What a level of a topic takes in the tree of names; topics share those they begin with."""


class _Kept(msgspec.Struct, frozen=True, gc=False):
    publication: Publication
    number: int  # rises from each to the next


class _Mark(msgspec.Struct, frozen=True, gc=False):
    """How things stood at SUBSCRIBE."""

    newest: int
    dropped: int


class _Space:
    __slots__ = ("count", "message_bytes", "tree")

    def __init__(self) -> None:
        self.tree: NameTree[_Kept] = NameTree()
        self.count = 0
        self.message_bytes = 0

    @property
    def held_bytes(self) -> int:
        return self.message_bytes + LEVEL_BYTES * self.tree.levels


class RetainedMessages:
    """What new subscribers get first.

    Args:
        settings: How much may be kept.
        clock: The time.
        alarm: Tells when one has expired.
        remove: Takes the expired from the disk: it gets an empty publication for each.

    Attributes:
        count: How many there are.
        held_bytes: What they take of the memory.
    """

    def __init__(
        self,
        settings: RetainedSettings,
        clock: Clock,
        alarm: Alarm,
        remove: Callable[[Sequence[Publication]], None],
    ) -> None:
        self.count = 0
        self.held_bytes = 0
        self._settings = settings
        self._clock = clock
        self._remove = remove
        self._expiry = alarm.timetable(self._expire)
        self._spaces: dict[str, _Space] = {}
        self._newest = 0
        self._on_the_way: Counter[tuple[str, str]] = Counter()  # by space and topic name
        self._bytes_on_the_way = 0

    @property
    def is_full(self) -> bool:
        """Whether even a short one finds no room."""
        return (
            self.count >= self._settings.maximum_messages
            or self.held_bytes + MESSAGE_BYTES + LEVEL_BYTES > self._settings.maximum_bytes
        )

    @property
    def cure(self) -> str:
        """Why another one finds no room, and what helps."""
        return (
            f"{self.count} retained messages take {self.held_bytes >> 10} KiB; raise"
            " maximum_messages or maximum_bytes of [retained], or remove some"
        )

    def has_room_for(self, publication: Publication) -> bool:
        """Whether it may be kept, those on their way to the disk counted in."""
        if not publication.payload:
            return True
        before = self._find(publication.space, publication.topic_name)
        count = self.count + self._on_the_way.total()
        held_bytes = self.held_bytes + self._bytes_on_the_way + _size(publication)
        if before is None:
            count += 1
        else:
            held_bytes -= _size(before.publication)
        return (
            count <= self._settings.maximum_messages and held_bytes <= self._settings.maximum_bytes
        )

    def load(self, publications: Iterable[Publication]) -> None:
        """Take in what an earlier run left, however much it is."""
        for publication in publications:
            self._put(publication)

    def expect(self, publications: Iterable[Publication]) -> None:
        """Take note of what goes to the disk; ``settle`` must follow."""
        for one in publications:
            self._on_the_way[one.space, one.topic_name] += 1
            self._bytes_on_the_way += _size(one)

    def settle(self, publications: Iterable[Publication], *, stored: bool) -> None:
        """They are on disk, or not. An empty one takes away what its topic has (MQTT-3.3.1-6)."""
        for one in publications:
            place = (one.space, one.topic_name)
            self._on_the_way[place] -= 1
            if not self._on_the_way[place]:
                del self._on_the_way[place]
            self._bytes_on_the_way -= _size(one)
            if not stored:
                continue
            if one.payload:
                self._put(one)
            else:
                self._take_away(*place)

    def forget_space(self, space: str) -> None:
        """Its application was deleted."""
        forgotten = self._spaces.pop(space, None)
        if forgotten is not None:
            self.count -= forgotten.count
            self.held_bytes -= forgotten.held_bytes

    def replay(
        self, session: Session, topic_filter: str, space: str
    ) -> Iterator[OutgoingMessage | None]:
        """What a new subscription gets, each message looked up when it is asked for.

        What was published since this call is left out: it went to the subscriber when it came.
        Unless messages to it were dropped since; then the newest one of each topic is sent here.
        ``None`` comes where nothing was found for a while, see ``NameTree.walk``.
        """
        known = self._spaces.get(space)
        if known is None:
            return iter(())
        mark = _Mark(self._newest, session.state.dropped)
        return self._replay(known.tree.walk(topic_filter), mark, session, topic_filter)

    def _replay(
        self, walk: Iterator[_Kept | None], mark: _Mark, session: Session, topic_filter: str
    ) -> Iterator[OutgoingMessage | None]:
        for kept in walk:
            if kept is None:
                yield None
                continue
            subscription = session.state.subscriptions.get(topic_filter)
            if subscription is None:
                return
            if kept.number <= mark.newest or session.state.dropped > mark.dropped:
                message = self._copy(kept.publication, session, subscription)
                if message is not None:
                    yield message

    def _copy(
        self, publication: Publication, session: Session, subscription: Subscription
    ) -> OutgoingMessage | None:
        now_us = self._clock.now_us()
        if publication.expires_us is not None and publication.expires_us <= now_us:
            return None
        if subscription.no_local and is_own(publication, session.principal):
            return None
        copies = Copies(publication, now_us=now_us, now_s=self._clock.now_s())
        return copies.retained(subscription)

    def _find(self, space: str, topic_name: str) -> _Kept | None:
        known = self._spaces.get(space)
        return None if known is None else known.tree.get(topic_name)

    def _put(self, publication: Publication) -> None:
        self._take_away(publication.space, publication.topic_name)
        space = self._spaces.setdefault(publication.space, _Space())
        self._newest += 1
        held_before = space.held_bytes
        space.tree.put(publication.topic_name, _Kept(publication, self._newest))
        space.message_bytes += _message_size(publication)
        space.count += 1
        self.count += 1
        self.held_bytes += space.held_bytes - held_before
        if publication.expires_us is not None:
            left_s = (publication.expires_us - self._clock.now_us()) / 1_000_000
            place = (publication.space, publication.topic_name)
            self._expiry.set(place, self._clock.now_s() + left_s)

    def _take_away(self, space: str, topic_name: str) -> None:
        known = self._spaces.get(space)
        held_before = 0 if known is None else known.held_bytes
        kept = None if known is None else known.tree.remove(topic_name)
        if known is None or kept is None:
            return
        self._expiry.cancel((space, topic_name))
        known.message_bytes -= _message_size(kept.publication)
        known.count -= 1
        self.count -= 1
        self.held_bytes += known.held_bytes - held_before
        if not known.count:
            del self._spaces[space]

    def _expire(self, places: Sequence[tuple[str, str]]) -> None:
        """Take the expired from memory, and from the disk unless another is on its way there."""
        expired: list[Publication] = []
        for space, topic_name in places:
            kept = self._find(space, topic_name)
            if kept is None:
                continue  # went with its space
            self._take_away(space, topic_name)
            if (space, topic_name) not in self._on_the_way:
                expired.append(
                    msgspec.structs.replace(kept.publication, payload=b"", properties=EMPTY)
                )
        if expired:
            self._remove(expired)


def _size(publication: Publication) -> int:
    """What it takes at most: where no other topic begins as its own does."""
    levels = publication.topic_name.count("/") + 1
    return _message_size(publication) + LEVEL_BYTES * levels


def _message_size(publication: Publication) -> int:
    return (
        MESSAGE_BYTES
        + len(publication.topic_name)
        + len(publication.payload)
        + (0 if publication.properties is EMPTY else publication.properties.held_bytes)
    )
