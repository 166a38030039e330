"""Who is connected, whose session is kept, and which of them a stored event goes to."""

from collections.abc import Iterator

from leafhub.dialects.base import Principal
from leafhub.exchange.session import Link, Session
from leafhub.exchange.topic_spaces import TopicSpaces
from leafhub.mqtt.session_state import SessionState, Subscription
from leafhub.mqtt.topics import TopicTree

KEPT_SESSIONS = 10_000
"""Sessions kept for absent clients: each may hold a full queue, and client ids cost nothing."""


class Sessions:
    """All sessions, live and kept, found by device, by slot, by key and by route."""

    def __init__(self) -> None:
        self.spaces = TopicSpaces()
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
                self._forget(other)
        key = principal.session_key
        kept = self._kept.get(key) if key is not None else None
        if kept is not None and (clean_start or self._is_over(kept, now_s)):
            self._forget(kept)
            kept = None
        if kept is None:
            session = Session(principal, SessionState(key, principal.policy), link)
            if key is not None:
                self._by_key[key] = session
        else:
            session = kept
            self._take_back(session)
            session.link = link
            session.principal = principal
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

    def detach(self, session: Session, now_s: float) -> None:
        """The connection is gone; the session stays if the client asked for that and it may."""
        self._leave(session)
        session.link = None
        session.state.disconnected_at_s = now_s
        key = session.state.key
        if key is None or session.state.expiry_interval_s == 0:
            self._forget(session)
            return
        self._kept[key] = session
        _add(self._kept_by_device, session)
        if len(self._kept) > KEPT_SESSIONS:
            self._forget(next(iter(self._kept.values())))

    def forget_device(self, application: str, device: str) -> None:
        """A device was deleted: who is made under its name does not come back to its sessions."""
        for session in self.kept_of_device(application, device):
            self._forget(session)
        for session in self.of_device(application, device):
            session.state.expiry_interval_s = 0

    def expire(self, now_s: float) -> None:
        """End the kept sessions whose time is over."""
        for session in [s for s in self._kept.values() if self._is_over(s, now_s)]:
            self._forget(session)

    def subscribe(
        self,
        session: Session,
        topic_filter: str,
        routes: tuple[str, ...] = (),
        space: str | None = None,
    ) -> None:
        """Let stored events on ``routes``, and publications in ``space``, reach a subscription."""
        self.unsubscribe(session, topic_filter)
        if space is not None:
            self.spaces.subscribe(session, topic_filter, space)
        session.routes[topic_filter] = routes
        for route in routes:
            self._tree.add(route, (session, topic_filter), (session, topic_filter))
            self._count(route, 1)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """Stop what ``subscribe`` started."""
        self.spaces.unsubscribe(session, topic_filter)
        for route in session.routes.pop(topic_filter, ()):
            self._tree.remove(route, (session, topic_filter))
            self._count(route, -1)

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
            _discard(self._kept_by_device, session)

    def _forget(self, session: Session) -> None:
        self._end_routes(session)
        self._take_back(session)
        key = session.state.key
        if key is not None and self._by_key.get(key) is session:
            del self._by_key[key]

    def _end_routes(self, session: Session) -> None:
        for topic_filter in tuple(session.routes):
            self.unsubscribe(session, topic_filter)

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
