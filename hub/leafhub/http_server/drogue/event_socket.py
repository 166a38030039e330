"""One client that reads an application's events by WebSocket.

Without a group it gets what comes from now on. In a group it gets its share of what the group has
not had yet, and is through with an event when its pong says that it has come.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import msgspec
from litestar.exceptions import TooManyRequestsException
from websockets.frames import CloseCode

from leafhub.dialects.cloudevents import encode_structured
from leafhub.exchange.exchange import Exchange
from leafhub.exchange.feeds.membership import Membership
from leafhub.http_server.drogue.standing import Standing, standing_of
from leafhub.http_server.login import LoginDesk, Shown
from leafhub.http_server.websocket import WebSocket, text_frame
from leafhub.model.application import Application
from leafhub.model.event import Event
from leafhub.model.operator import Role
from leafhub.model.registry import RegistryView
from leafhub.stores.base import StoredEvent

if TYPE_CHECKING:
    from leafhub.http_server.drogue.event_sockets import EventSockets

EXPIRED: Final = "JWT token expired"
"""What Drogue Cloud says; here a login ends when its token, operator or role is taken away."""
NOT_REFRESHED: Final = "Failed to refresh token"
GONE: Final = "The application was deleted"
WINDOW: Final = 64
"""Events under way to one member of a group: they hide a round trip of a second."""

log = logging.getLogger(__name__)


class Interest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client reads.

    Attributes:
        application: Its application, as it was.
        channel: Only events of exactly this channel; ``None``: all.
        group: With whom it shares them; ``None``: with nobody.
        standing: The login that it showed.
        address: Where it is.
    """

    application: Application
    channel: str | None
    group: str | None
    standing: Standing
    address: str

    def has(self, event: Event) -> bool:
        """Whether an event is one of those."""
        return self.channel is None or event.channel == self.channel

    def is_permitted(self, registry: RegistryView) -> bool:
        """Whether whoever showed that login may read it now."""
        return self.standing.may(Role.READER, self.application.name, registry)

    def shown(self, standing: Standing) -> "Interest":
        """The same, with another login."""
        return msgspec.structs.replace(self, standing=standing)


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one thing that a client may say."""

    token: str = msgspec.field(name="RefreshAccessToken")


class EventSocket:
    """A client that gets what comes from now on; a ``Listener``.

    Args:
        socket: Its connection.
        interest: What it reads.
        all_of_them: Who has it, as long as it is there.
        exchange: Has the events.
        desk: Judges the tokens that it shows.
    """

    def __init__(
        self,
        socket: WebSocket,
        interest: Interest,
        all_of_them: "EventSockets",
        exchange: Exchange,
        desk: LoginDesk,
    ) -> None:
        self.interest = interest
        self._socket = socket
        self._all = all_of_them
        self._exchange = exchange
        self._desk = desk
        self._token: str | None = None  # shown, and not judged yet; a later one takes its place
        self._judging: asyncio.Task[None] | None = None

    def send(self, frame: bytes) -> None:
        """Show it an event."""
        self._socket.send(frame)

    def review(self) -> None:
        """The registry has changed: end it if it would not be let in now."""
        before, registry = self.interest.application, self._exchange.registry
        now = registry.application(before.name)
        if now is None or now.uid != before.uid:
            self._socket.close(CloseCode.INTERNAL_ERROR, GONE)
        elif not self.interest.is_permitted(registry):
            self._socket.close(CloseCode.POLICY_VIOLATION, EXPIRED)

    # What the connection says

    def on_open(self) -> None:
        """It reads from now on."""
        log.info("%s: reads events of %r", self._socket.name, self.interest.application.name)
        self._all.enter(self)

    def on_message(self, data: bytes) -> None:
        """It shows another token, or says what nobody understands."""
        try:
            self._token = _decoder.decode(data).token
        except (msgspec.DecodeError, ValueError) as exc:
            self._socket.close(CloseCode.PROTOCOL_ERROR, str(exc))
            return
        if self._judging is None:
            name = f"token of {self._socket.name}"
            self._judging = asyncio.create_task(self._judge(), name=name)

    def on_pong(self, payload: bytes) -> None:
        """It is alive."""

    def on_room(self) -> None:
        """It reads again; what it missed it missed."""

    def on_end(self) -> None:
        """It is gone."""
        log.info("%s: reads no more", self._socket.name)
        if self._judging is not None:
            self._judging.cancel()
        self._all.leave(self)

    # Behind

    async def _judge(self) -> None:
        """Judge the tokens it shows, one after the other."""
        try:
            while self._token is not None:
                token, self._token = self._token, None
                await self._take_token(token)
        except Exception:  # whatever it is, the client learns that it is not its fault
            log.exception("%s: its token could not be judged", self._socket.name)
            self._socket.close(CloseCode.INTERNAL_ERROR, NOT_REFRESHED)
        finally:
            self._judging = None

    async def _take_token(self, token: str) -> None:
        try:
            operator = await self._desk.admit(Shown(None, token), self.interest.address)
        except TooManyRequestsException:
            operator = None
        if operator is not None:
            interest = self.interest.shown(standing_of(operator, token))
            if interest.is_permitted(self._exchange.registry):
                self.interest = interest
                return
        self._socket.close(CloseCode.POLICY_VIOLATION, NOT_REFRESHED)


class GroupSocket(EventSocket):
    """A client that shares an application's events with others; a ``Member`` too.

    A ping goes behind what it is given, one at a time. Its pong says that all before it has come.
    """

    _membership: Membership
    _under_way = 0
    _newest = 0  # position of the last that it was given
    _asked: int | None = None  # position that the ping under way stands behind
    _behind_ping = 0  # how many were given since

    def on_open(self) -> None:
        """It reads from now on."""
        super().on_open()
        name, group = self.interest.application.name, self.interest.group or ""
        self._membership = self._exchange.join(name, group, self)

    def offer(self, stored: StoredEvent) -> bool:
        """See ``Member``."""
        if not self._socket.has_room or self._under_way >= WINDOW:
            return False
        if not self.interest.has(stored.event) and not self._under_way:
            self._membership.done(stored.position)
            return True
        if self.interest.has(stored.event):
            self.send(text_frame(encode_structured(stored.event, self._exchange.registry)))
        self._newest = stored.position
        self._under_way += 1
        self._behind_ping += 1
        self._ask()
        return True

    def on_pong(self, payload: bytes) -> None:
        """What was sent before a ping has come."""
        if self._asked is None or payload != _ping_of(self._asked):
            return
        done, self._asked = self._asked, None
        self._under_way = self._behind_ping
        self._membership.done(done)
        self._ask()
        self._membership.resume()

    def on_room(self) -> None:
        """It reads again."""
        self._membership.resume()

    def on_end(self) -> None:
        """What it had and was not through with is for others."""
        self._membership.leave()
        super().on_end()

    def _ask(self) -> None:
        """Ask whether what it was given has come, unless a ping is under way already."""
        if self._asked is None and self._under_way:
            self._asked = self._newest
            self._behind_ping = 0
            self._socket.ping(_ping_of(self._newest))


def _ping_of(position: int) -> bytes:
    return str(position).encode()


_decoder = msgspec.json.Decoder(_Message)
