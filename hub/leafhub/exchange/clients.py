"""Clients come and go: their sessions, their Wills, and the news of devices."""

import logging
from collections.abc import Callable

from leafhub.dialects.base import Arrival, Principal
from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.devices import DeviceMemory
from leafhub.exchange.messages import Messages
from leafhub.exchange.news import connection_event
from leafhub.exchange.session import Link, Session
from leafhub.exchange.sessions import Sessions
from leafhub.exchange.wills import Wills
from leafhub.model.registry import Registry
from leafhub.mqtt.packets import Connect, Will
from leafhub.mqtt.reason_codes import ReasonCode

log = logging.getLogger(__name__)


class Clients:
    """Brings clients in, and sees them off.

    Args:
        registry: Which devices there are.
        sessions: Takes those who come in.
        wills: Keeps what is said when they are gone.
        devices: Remembers when they were there.
        messages: Has Wills and the news judged, stored and told.
        clock: The time.
        arrival: Gives now, and identifiers.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        sessions: Sessions,
        wills: Wills,
        devices: DeviceMemory,
        messages: Messages,
        clock: Clock,
        arrival: Callable[[], Arrival],
    ) -> None:
        self._registry = registry
        self._sessions = sessions
        self._wills = wills
        self._devices = devices
        self._messages = messages
        self._clock = clock
        self._arrival = arrival

    def attach(self, link: Link, principal: Principal, connect: Connect) -> tuple[Session, bool]:
        """See ``Exchange.attach``."""
        for displaced in tuple(self._sessions.displaced_by(principal)):
            if displaced.link is not None:
                displaced.link.end(ReasonCode.SESSION_TAKEN_OVER, "the same client connected anew")
        first = not self._live_sessions_of(principal)
        session, present = self._sessions.attach(
            link, principal, clean_start=connect.clean_start, now_s=self._clock.now_s()
        )
        session.protocol_level = connect.protocol_level
        self._wills.cancel(session)
        if first:
            self._note_connection(principal, connected=True)
        return session, present

    def detach(self, session: Session, link: Link, will: Will | None) -> None:
        """See ``Exchange.detach``."""
        principal = session.principal
        if session.link is not link:
            return  # the session has moved on to another connection
        kept = self._sessions.detach(session, self._clock.now_s())
        if will is not None:
            self._wills.take(session, will, kept=kept)
        if not self._live_sessions_of(principal):
            self._note_connection(principal, connected=False)

    def become(self, session: Session, principal: Principal) -> None:
        """A client is somebody else from now on."""
        before = session.principal
        first = not self._live_sessions_of(principal)
        self._sessions.become(session, principal)
        if not self._live_sessions_of(before):
            self._note_connection(before, connected=False)
        if first:
            self._note_connection(principal, connected=True)

    def publish_will(self, session: Session, will: Will) -> None:
        """Say what a client wanted said when it is gone.

        A mistake with that is nobody's who happens to end the session, like by coming anew.
        """
        try:
            self._messages.will(session, will)
        except Exception:
            log.exception("A mistake of the hub while it sent a Will")

    def end_all(self) -> None:
        """The hub stops: every connection ends, and every session."""
        for session in self._sessions.live():
            if session.link is not None:
                session.link.end(ReasonCode.SERVER_SHUTTING_DOWN, "the hub is stopping")
        self._wills.send_all()

    def _live_sessions_of(self, principal: Principal) -> tuple[Session, ...]:
        if principal.application is None or principal.device is None:
            return ()
        return self._sessions.of_device(principal.application, principal.device)

    def _note_connection(self, principal: Principal, *, connected: bool) -> None:
        if principal.application is None or principal.device is None:
            return
        if self._registry.device(principal.application, principal.device) is None:
            return  # it was deleted; one made again under its name starts with an empty history
        event = connection_event(
            principal.application, principal.device, self._arrival(), connected=connected
        )
        self._devices.see(event.application, event.device, event.time_us)
        self._messages.connection(principal, event)
