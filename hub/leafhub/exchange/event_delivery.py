"""Brings events to whoever subscribed, in whatever dialect, and counts them."""

import logging
from collections import deque
from collections.abc import Mapping, Sequence

from leafhub.dialects.interface import Face
from leafhub.exchange.devices import DeviceMemory
from leafhub.exchange.feeds.subscriptions import FeedSubscriptions
from leafhub.exchange.observers import Observers
from leafhub.exchange.session import Session
from leafhub.exchange.sessions import Sessions
from leafhub.model.event import Event, Kind
from leafhub.model.registry import Registry
from leafhub.mqtt.session_state import Subscription

RATE_SECONDS = 5
"""Messages per second are a mean over so many seconds: calm, and still about now."""

log = logging.getLogger(__name__)

_NEWS = frozenset({Kind.CONNECTION, Kind.REGISTRY, Kind.COMMAND})


class EventDelivery:
    """The way of an event after its commit.

    Args:
        registry: For the faces.
        faces: Who encodes, by name.
        sessions: Who subscribed.
        devices: Remembers the newest values.
        feeds: Who subscribed to events as they are stored.
        observers: Who reads along.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        faces: Mapping[str, Face],
        sessions: Sessions,
        devices: DeviceMemory,
        feeds: FeedSubscriptions,
        observers: Observers,
    ) -> None:
        self._registry = registry
        self._faces = faces
        self._sessions = sessions
        self._devices = devices
        self._feeds = feeds
        self._observers = observers
        self._counts: deque[tuple[float, int]] = deque(maxlen=RATE_SECONDS + 1)
        self.messages_total = 0

    def publish(self, events: Sequence[Event]) -> None:
        """Take in events that are on disk."""
        for event in events:
            if event.kind not in _NEWS:
                self.messages_total += 1
            if self._registry.device(event.application, event.device) is not None:
                self._devices.note(event)
            self.route(event)
        self._feeds.publish(events)
        self._observers.show(events)

    def route(self, event: Event) -> None:
        """Bring one event to its subscribers; each session gets it once from each face."""
        for name, face in self._faces.items():
            if not self._sessions.has_routes(name):
                continue
            served: set[Session] = set()
            for topic in self._topics_of(event, face):
                for session, subscription in self._sessions.match(topic).items():
                    if session in served:
                        continue
                    served.add(session)
                    self._deliver(face, event, session, subscription)

    def _topics_of(self, event: Event, face: Face) -> Sequence[str]:
        try:
            return face.topics_of(event, self._registry)
        except Exception:  # nor does a mistake of one face cost the others the event
            log.exception("%s: an event could not be given topics", face.name)
            return ()

    def _deliver(
        self, face: Face, event: Event, session: Session, subscription: Subscription
    ) -> None:
        try:
            message = face.deliver(event, subscription, session.principal, self._registry)
            if message is not None:
                session.send(message)
        except Exception:  # a mistake with one subscriber costs no other one its messages
            log.exception("%s: an event could not be shown to a subscriber", face.name)

    def count(self, now_s: float) -> None:
        """Note how many there were; call it once a second."""
        self._counts.append((now_s, self.messages_total))

    def messages_per_second(self) -> float:
        """The mean of the last ``RATE_SECONDS``."""
        if len(self._counts) < 2:
            return 0.0
        (since_s, before), (until_s, after) = self._counts[0], self._counts[-1]
        return (after - before) / (until_s - since_s)
