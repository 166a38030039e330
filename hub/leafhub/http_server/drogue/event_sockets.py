"""All who read an application's events by WebSocket, and how each of them ends."""

from collections.abc import Sequence

from leafhub.dialects.cloudevents import encode_structured
from leafhub.errors import BusyError
from leafhub.exchange.exchange import Exchange
from leafhub.http_server.drogue.event_socket import EventSocket, GroupSocket, Interest
from leafhub.http_server.login import LoginDesk
from leafhub.http_server.websocket import WebSocket, text_frame
from leafhub.model.event import Event
from leafhub.model.registry import RegistryView


class EventSockets:
    """All of them; they read along in the exchange as long as there are any.

    Args:
        exchange: Has the events.
        desk: Judges the tokens that clients show later.
        maximum: So many at a time.
    """

    def __init__(self, exchange: Exchange, desk: LoginDesk, maximum: int) -> None:
        self._exchange = exchange
        self._desk = desk
        self._maximum = maximum
        self._here: set[EventSocket] = set()
        self._live: dict[str, dict[EventSocket, None]] = {}  # without a group, by application

    def socket(self, interest: Interest, answer: bytes) -> WebSocket:
        """A socket for a client, that reads from the moment it is connected.

        Raises:
            BusyError: There are too many.
        """
        if len(self._here) >= self._maximum:
            raise BusyError(
                f"{self._maximum} clients read events by WebSocket; maximum_sockets in [http] "
                "permits no more"
            )
        name = f"{interest.standing.name or 'anybody'}@{interest.address}"
        socket = WebSocket(answer, self._exchange.queue_budget, name)
        kind = EventSocket if interest.group is None else GroupSocket
        socket.listener = kind(socket, interest, self, self._exchange, self._desk)
        return socket

    def enter(self, one: EventSocket) -> None:
        """One is connected."""
        if not self._here:
            self._exchange.observe(self)
        self._here.add(one)
        if one.interest.group is None:
            self._live.setdefault(one.interest.application.name, {})[one] = None

    def leave(self, one: EventSocket) -> None:
        """One is gone."""
        self._here.discard(one)
        name = one.interest.application.name
        live = self._live.get(name, {})
        live.pop(one, None)
        if not live:
            self._live.pop(name, None)
        if not self._here:
            self._exchange.stop_observing(self)

    @property
    def registry(self) -> RegistryView:
        """Which applications there are."""
        return self._exchange.registry

    # What the exchange says

    def on_events(self, events: Sequence[Event]) -> None:
        """Show events to those who read them now; each is encoded once for all."""
        for event in events:
            frame = b""
            for one in tuple(self._live.get(event.application, ())):
                if one.interest.has(event):
                    frame = frame or text_frame(encode_structured(event, self._exchange.registry))
                    one.send(frame)

    def on_registry_change(self) -> None:
        """See who may not read any more."""
        for one in tuple(self._here):
            one.review()
