"""Subscriptions of MQTT clients to an application's events: live, or as readers in a group."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from leafhub.dialects.base import Grant, Reading
from leafhub.dialects.interface import Face
from leafhub.dialects.selection import Selection
from leafhub.exchange.feeds.group import GroupKey, Place
from leafhub.exchange.feeds.groups import FeedGroups
from leafhub.exchange.feeds.partitions import partition_of
from leafhub.exchange.session import Session
from leafhub.model.event import Event
from leafhub.model.registry import Registry
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import OutgoingMessage, SendResult, Subscription
from leafhub.stores.base import StoredEvent

ASK_AGAIN_S: Final = 0.25
"""Until a client that had no room for an event is offered it again."""
LONGEST_KEY: Final = 1_024
"""Characters of a group's name and selection together. They are kept for a week where readers come
under a new client id each time, and a packet holds 16 KiB of them."""

log = logging.getLogger(__name__)


class Receipt(msgspec.Struct, frozen=True):
    """Token of a message that carries an event; its acknowledgement brings the next one.

    Attributes:
        reader: Who got it.
        position: Of the event.
    """

    reader: "FeedSubscription"
    position: int

    def settle(self) -> None:
        """The client has it, or never will."""
        self.reader.settled(self.position)


Encode = Callable[["FeedSubscription", Event], OutgoingMessage | None]
"""Gives an event as the client gets it; ``None``: it may not see it now."""


class FeedSubscription:
    """One subscription of one client; a ``Member`` where it reads in a group.

    Args:
        session: The client's.
        subscription: As it was granted.
        key: Whose events, which of them, and with whom it shares them.
        encode: See there.

    Attributes:
        place: In its group; ``None`` where it is live.
    """

    __slots__ = (
        "_ask_again",
        "_encode",
        "_selection",
        "_waits",
        "key",
        "place",
        "session",
        "subscription",
    )

    def __init__(
        self, session: Session, subscription: Subscription, key: GroupKey, encode: Encode
    ) -> None:
        self.session = session
        self.subscription = subscription
        self.key = key
        self.place: Place | None = None
        self._selection = Selection(key.selection)
        self._encode = encode
        self._waits = False  # for the client's acknowledgement
        self._ask_again: asyncio.TimerHandle | None = None

    def stays_for(self, reading: Reading) -> bool:
        """Whether it goes on as it is where this is asked for in its place."""
        return self.key == _key_of(reading) and (self.place is not None or reading.is_live)

    def show(self, event: Event) -> None:
        """Send an event that has just come; what the client does not take is lost on it."""
        try:
            message = self._encode(self, event) if self._selection.has(event) else None
            if message is not None:
                self.session.send(message)
        except Exception:  # a mistake with one subscriber costs no other one its messages
            log.exception("An event could not be shown to a subscriber")

    def offer(self, stored: StoredEvent) -> bool:
        """See ``Member``: one at a time at QoS 1, at QoS 0 as fast as the client reads."""
        link, place = self.session.link, self.place
        if self._waits or link is None or place is None:
            return False
        try:
            message = self._encode(self, stored.event)
            if message is None or link.is_congested or not self._has_room_for(message):
                self._let_ask_again()
                return False
            self._waits = self._send(message, stored)
        except Exception:  # what cannot be shown today cannot be tomorrow
            log.exception("An event could not be shown to a reader")
        if not self._waits:
            place.done(stored.position)
        return True

    def settled(self, position: int) -> None:
        """See ``Receipt``."""
        self._waits = False
        if self.place is not None:
            self.place.done(position)

    def leave(self) -> None:
        """Read no more in the group."""
        if self._ask_again is not None:
            self._ask_again.cancel()
        if self.place is not None:
            self.place.leave()
            self.place = None

    def _send(self, message: OutgoingMessage, stored: StoredEvent) -> bool:
        """Send an event; gives whether the client will say that it has it."""
        if message.qos:
            message = msgspec.structs.replace(message, token=Receipt(self, stored.position))
        result = self.session.send(message)
        if result is SendResult.DROPPED:
            log.info("event %s is larger than its reader takes", stored.event.id)
        return bool(message.qos) and result is not SendResult.DROPPED

    def _has_room_for(self, message: OutgoingMessage) -> bool:
        """Whether a message that is dropped all the same is one that the client never takes."""
        state = self.session.state
        return not state.queue and state.has_room_for(message.held_bytes)

    def _let_ask_again(self) -> None:
        if self._ask_again is None:
            loop = asyncio.get_running_loop()
            self._ask_again = loop.call_later(ASK_AGAIN_S, self._resume)

    def _resume(self) -> None:
        self._ask_again = None
        if self.place is not None:
            self.place.resume()


class FeedSubscriptions:
    """All of them.

    At QoS 0, without a share name, a client gets what happens while it is there, straight from
    memory; clients of one client id share it. Whoever wants more reads from the store in a group,
    and so does then everybody whose client id is the group's name.

    Args:
        registry: For the faces.
        faces: Who encodes, by name.
        groups: Those who read from the store.
    """

    def __init__(self, registry: Registry, faces: Mapping[str, Face], groups: FeedGroups) -> None:
        self._registry = registry
        self._faces = faces
        self._groups = groups
        self._of_session: dict[Session, dict[str, FeedSubscription]] = {}
        self._live: dict[str, dict[Hashable, list[FeedSubscription]]] = {}  # by application

    def within_bounds(
        self, session: Session, topic_filters: Iterable[str], grants: Sequence[Grant]
    ) -> tuple[Grant, ...]:
        """The grants, but refusals for those who would be too many to read from the store.

        Who starts a group brings in those who are live under its name.
        """
        known = self._of_session.get(session, {})
        room = self._groups.room
        live: Counter[GroupKey] = Counter()  # of those granted here
        started: set[GroupKey] = set()
        answers: list[Grant] = []
        for topic_filter, grant in zip(topic_filters, grants, strict=True):
            reading, before = grant.reading, known.get(topic_filter)
            if reading is None or (before is not None and before.stays_for(reading)):
                answers.append(grant)
                continue
            key = _key_of(reading)
            is_group = key in started or self._groups.has(key)
            count = 1
            if not is_group:
                here = self._live.get(key.application, {}).get(key, ()) if key.group else ()
                others = live[key] + sum(one is not before for one in here)
                count = 0 if reading.is_live else 1 + others
            if count > room or len(key.group) + len(key.selection) > LONGEST_KEY:
                answers.append(Grant(ReasonCode.QUOTA_EXCEEDED))
                continue
            room -= count
            if reading.is_live:
                live[key] += bool(key.group)
            elif key.group:
                started.add(key)
            answers.append(grant)
        return tuple(answers)

    def subscribe(self, session: Session, subscription: Subscription, reading: Reading) -> None:
        """Let an application's events reach a subscription, in place of an earlier one."""
        topic_filter = subscription.topic_filter
        key = _key_of(reading)
        known = self._of_session.get(session, {}).get(topic_filter)
        if known is not None and known.stays_for(reading):
            known.subscription = subscription  # it stays where it is, and gets nothing twice
            return
        self.unsubscribe(session, topic_filter)
        one = FeedSubscription(session, subscription, key, self._encode)
        self._of_session.setdefault(session, {})[topic_filter] = one
        if reading.is_live and not self._groups.has(key):
            self._live.setdefault(key.application, {}).setdefault(_share(one), []).append(one)
            return
        one.place = self._groups.join(key, one)
        if key.group:
            for other in tuple(self._live.get(key.application, {}).get(key, ())):
                self._leave_live(other)
                other.place = self._groups.join(key, other)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """Stop what ``subscribe`` started, if it did."""
        subscriptions = self._of_session.get(session, {})
        one = subscriptions.pop(topic_filter, None)
        if one is None:
            return
        if not subscriptions:
            del self._of_session[session]
        if one.place is None:
            self._leave_live(one)
        else:
            one.leave()

    def publish(self, events: Sequence[Event]) -> None:
        """Bring events that are on disk to those who are there, and tell those who read."""
        if self._live:
            for event in events:
                for members in tuple(self._live.get(event.application, {}).values()):
                    if members:  # else they went while the others were served
                        members[partition_of(event) % len(members)].show(event)
        self._groups.publish(events)

    def end_application(self, name: str) -> None:
        """An application was deleted: who reads its events is told by the end of the connection.

        That is all that MQTT has to say it with. Who was just there sees that nothing comes.
        """
        for subscriptions in tuple(self._of_session.values()):
            for one in tuple(subscriptions.values()):
                link = one.session.link
                if one.place is not None and one.key.application == name and link is not None:
                    link.end(ReasonCode.ADMINISTRATIVE_ACTION, f"there is no {name} any more")
        self._groups.end_application(name)

    def _leave_live(self, one: FeedSubscription) -> None:
        shares = self._live[one.key.application]
        members = shares[_share(one)]
        members.remove(one)
        if not members:
            del shares[_share(one)]
        if not shares:
            del self._live[one.key.application]

    def _encode(self, one: FeedSubscription, event: Event) -> OutgoingMessage | None:
        principal = one.session.principal
        face = self._faces[principal.dialect]
        return face.deliver(event, one.subscription, principal, self._registry)


def _key_of(reading: Reading) -> GroupKey:
    return GroupKey(reading.application, reading.group, reading.selection)


def _share(one: FeedSubscription) -> Hashable:
    """With whom a live subscription shares events: those of its client id, if it has one."""
    return one.key if one.key.group else one
