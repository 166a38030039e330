"""Who is connected, whose session is kept, and which of them a stored event goes to."""

from collections.abc import Callable, Iterator, Sequence

from leafhub.dialects.base import Principal, Reading
from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.feeds.subscriptions import FeedSubscriptions
from leafhub.exchange.session import Link, Session
from leafhub.exchange.settings import SessionSettings
from leafhub.exchange.timetable import Alarm
from leafhub.exchange.topic_spaces import TopicSpaces
from leafhub.mqtt.limits import QueueBudget
from leafhub.mqtt.session_state import SessionState, Subscription
from leafhub.mqtt.topics import TopicTree


class Sessions:
    """All sessions, live and kept, found by device, by slot, by key and by route.

    Args:
        settings: How many are kept, and what may wait for all of them.
        spaces: Where publications find their subscribers.
        feeds: Where stored events find theirs.
        alarm: Tells when a kept session is over.
        clock: The time.
        ended: Told of each session that nobody can come back to any more, once.

    Attributes:
        budget: What waits for all of them.
    """

    def __init__(
        self,
        *,
        settings: SessionSettings,
        spaces: TopicSpaces,
        feeds: FeedSubscriptions,
        alarm: Alarm,
        clock: Clock,
        ended: Callable[[Session], None],
    ) -> None:
        self.budget = QueueBudget(settings.maximum_queue_bytes)
        self._settings = settings
        self._spaces = spaces
        self._feeds = feeds
        self._clock = clock
        self._expiry = alarm.timetable(self._expire)
        self._ended = ended
        self._live: set[Session] = set()
        self._by_device: dict[tuple[str, str], set[Session]] = {}
        self._kept_by_device: dict[tuple[str, str], set[Session]] = {}
        self._by_slot: dict[str, Session] = {}
        self._by_key: dict[str, Session] = {}
        self._kept: dict[str, Session] = {}  # of clients that are away, longest away first
        self._tree: TopicTree[tuple[Session, str]] = TopicTree()
        self._routes_of_dialect: dict[str, int] = {}

    def __len__(self) -> int:
        """How many are live."""
        return len(self._live)

    def live(self) -> tuple[Session, ...]:
        """Those with a connection."""
        return tuple(self._live)

    def of_device(self, application: str, device: str) -> tuple[Session, ...]:
        """The live sessions of a device."""
        return tuple(self._by_device.get((application, device), ()))

    def kept_of_device(self, application: str, device: str) -> tuple[Session, ...]:
        """The sessions of a device that wait for it to come back."""
        return tuple(self._kept_by_device.get((application, device), ()))

    def displaced_by(self, principal: Principal) -> Iterator[Session]:
        """The live sessions that must end before ``principal`` comes in."""
        seen: set[Session] = set()
        for key, table in ((principal.slot, self._by_slot), (principal.session_key, self._by_key)):
            session = table.get(key) if key is not None else None
            if session is not None and session.link is not None and session not in seen:
                seen.add(session)
                yield session

    def attach(
        self, link: Link, principal: Principal, *, clean_start: bool, now_s: float
    ) -> tuple[Session, bool]:
        """Bring a client in; gives its session and whether it was there before (Session Present).

        Those it displaces have been ended by the caller.
        """
        for other_key, from_age_s in principal.ends_sessions:
            other = self._kept.get(other_key)
            if other is not None and now_s - (other.state.disconnected_at_s or 0) >= from_age_s:
                self._end(other)
        key = principal.session_key
        kept = self._kept.get(key) if key is not None else None
        if kept is not None and (clean_start or self._is_over(kept, now_s)):
            self._end(kept)
            kept = None
        if kept is None:
            state = SessionState(key, principal.policy, self.budget)
            session = Session(principal, state, link, self._clock)
            if key is not None:
                self._by_key[key] = session
        else:
            session = kept
            self._take_back(session)
            session.link = link
            session.principal = principal
            self._spaces.moved(session)
        self._enter(session)
        return session, kept is not None

    def become(self, session: Session, principal: Principal) -> None:
        """The connection speaks for somebody else now; what the old role had ends with it."""
        self._leave(session)
        self._forget(session)
        session.state.key = None  # nobody can come back to it by the old name
        session.state.subscriptions.clear()
        session.principal = principal
        self._enter(session)

    def detach(self, session: Session, now_s: float) -> bool:
        """The connection is gone; the session stays if the client asked for that and it may.

        Returns:
            Whether it does.
        """
        self._leave(session)
        session.link = None
        session.state.disconnected_at_s = now_s
        key = session.state.key
        if key is None or session.state.expiry_interval_s == 0:
            self._end(session)
            return False
        self._spaces.moved(session)
        self._kept[key] = session
        _add(self._kept_by_device, session)
        ends_at_s = session.state.expires_at_s()
        if ends_at_s is not None:
            self._expiry.set(session, ends_at_s)
        if len(self._kept) > self._settings.maximum_kept_sessions:
            self._end(next(iter(self._kept.values())))
        return key in self._kept

    def forget_device(self, application: str, device: str) -> None:
        """A device was deleted: who is made under its name does not come back to its sessions."""
        for session in self.kept_of_device(application, device):
            self._end(session)
        for session in self.of_device(application, device):
            session.state.expiry_interval_s = 0

    def subscribe(
        self,
        session: Session,
        subscription: Subscription,
        routes: tuple[str, ...] = (),
        space: str | None = None,
        reading: Reading | None = None,
    ) -> None:
        """Let events on ``routes``, publications in ``space`` and ``reading`` reach it."""
        topic_filter = subscription.topic_filter
        self._end_routes(session, topic_filter)
        session.routes[topic_filter] = routes
        for route in routes:
            self._tree.add(route, (session, topic_filter), (session, topic_filter))
            self._count(route, 1)
        if space is None:
            self._spaces.unsubscribe(session, topic_filter)
        else:
            self._spaces.subscribe(session, subscription, space)
        if reading is None:
            self._feeds.unsubscribe(session, topic_filter)
        else:
            self._feeds.subscribe(session, subscription, reading)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """Stop what ``subscribe`` started."""
        self._end_routes(session, topic_filter)
        self._spaces.unsubscribe(session, topic_filter)
        self._feeds.unsubscribe(session, topic_filter)

    def has_routes(self, dialect: str) -> bool:
        """Whether anybody subscribed to events in that dialect's topic space."""
        return self._routes_of_dialect.get(dialect, 0) > 0

    def match(self, topic: str) -> dict[Session, Subscription]:
        """The sessions that get an event on ``topic``, each once, with its best subscription."""
        found: dict[Session, Subscription] = {}
        for session, topic_filter in self._tree.match(topic):
            subscription = session.state.subscriptions.get(topic_filter)
            if subscription is None:
                continue
            known = found.get(session)
            if known is None or subscription.qos > known.qos:
                found[session] = subscription
        return found

    def _enter(self, session: Session) -> None:
        self._live.add(session)
        principal = session.principal
        if principal.slot is not None:
            self._by_slot[principal.slot] = session
        _add(self._by_device, session)

    def _leave(self, session: Session) -> None:
        self._live.discard(session)
        principal = session.principal
        if principal.slot is not None and self._by_slot.get(principal.slot) is session:
            del self._by_slot[principal.slot]
        _discard(self._by_device, session)

    def _take_back(self, session: Session) -> None:
        """The session is not a kept one any more."""
        key = session.state.key
        if key is not None and self._kept.get(key) is session:
            del self._kept[key]
            self._expiry.cancel(session)
            _discard(self._kept_by_device, session)

    def _expire(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            self._end(session)

    def _end(self, session: Session) -> None:
        """Nobody comes back to it."""
        self._forget(session)
        session.state.release()
        self._ended(session)

    def _forget(self, session: Session) -> None:
        for topic_filter in tuple(session.routes):
            self.unsubscribe(session, topic_filter)
        self._take_back(session)
        key = session.state.key
        if key is not None and self._by_key.get(key) is session:
            del self._by_key[key]

    def _end_routes(self, session: Session, topic_filter: str) -> None:
        for route in session.routes.pop(topic_filter, ()):
            self._tree.remove(route, (session, topic_filter))
            self._count(route, -1)

    def _count(self, route: str, step: int) -> None:
        dialect = route.split("/", 1)[0]
        self._routes_of_dialect[dialect] = self._routes_of_dialect.get(dialect, 0) + step

    @staticmethod
    def _is_over(session: Session, now_s: float) -> bool:
        ends_at_s = session.state.expires_at_s()
        return ends_at_s is not None and ends_at_s <= now_s


_ByDevice = dict[tuple[str, str], set[Session]]


def _add(table: _ByDevice, session: Session) -> None:
    """Put a session under its device, if it has one."""
    principal = session.principal
    if principal.application is not None and principal.device is not None:
        table.setdefault((principal.application, principal.device), set()).add(session)


def _discard(table: _ByDevice, session: Session) -> None:
    """Undo ``_add``; call it before the session gets another principal."""
    principal = session.principal
    if principal.application is None or principal.device is None:
        return
    place = (principal.application, principal.device)
    sessions = table.get(place, set())
    sessions.discard(session)
    if not sessions:
        table.pop(place, None)
