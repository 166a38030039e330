"""Wills that are due, now or later (MQTT 5.0 §3.1.2.5, §3.1.3.2.2)."""

from collections.abc import Callable, Sequence

from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.session import Session
from leafhub.exchange.timetable import Alarm
from leafhub.mqtt.packets import Will


class Wills:
    """Sends a Will when its delay has passed or its session ends, whichever is first.

    Args:
        clock: The time.
        alarm: Tells when a delay has passed.
        send: Publishes one for the client that left it.
    """

    def __init__(self, clock: Clock, alarm: Alarm, send: Callable[[Session, Will], None]) -> None:
        self._clock = clock
        self._send = send
        self._delays = alarm.timetable(self._delay_passed)
        self._waiting: dict[Session, Will] = {}

    def take(self, session: Session, will: Will, *, kept: bool) -> None:
        """A client is gone and left its Will; ``kept`` says whether its session stays."""
        delay_s = will.properties.will_delay_interval_s or 0
        if not kept or not delay_s:
            self._send(session, will)
            return
        self._waiting[session] = will
        self._delays.set(session, self._clock.now_s() + delay_s)

    def cancel(self, session: Session) -> None:
        """The client came back to its session in time (MQTT-3.1.3-9)."""
        if self._waiting.pop(session, None) is not None:
            self._delays.cancel(session)

    def session_ended(self, session: Session) -> None:
        """Nobody can come back to it any more: its Will is due (MQTT-3.1.2-8)."""
        will = self._waiting.pop(session, None)
        if will is not None:
            self._delays.cancel(session)
            self._send(session, will)

    def send_all(self) -> None:
        """The hub stops, and every session ends."""
        for session in tuple(self._waiting):
            self.session_ended(session)

    def _delay_passed(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            self._send(session, self._waiting.pop(session))
