"""The way of one connection from its acceptance to its session, or to a refusal in due time."""

import asyncio
import logging
import time
from typing import Final, Protocol

from leafhub.dialects.base import Peer, Principal, Refusal
from leafhub.dialects.log_text import quoted_login
from leafhub.errors import StoreUnavailableError
from leafhub.exchange.exchange import Exchange
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt_server.admission import TURNING_AWAY_TIME_S, Admission, Place

_NOT_THE_CLIENTS_FAULT: Final = {ReasonCode.SERVER_UNAVAILABLE, ReasonCode.SERVER_BUSY}

LOGIN_TIME_S: Final = 60.0
"""How long a login may take to be judged; then its client is told to come again. All the slow
proofs that may wait are checked by then, even if each takes more than a second."""
_NOT_JUDGED: Final = frozenset({ReasonCode.SERVER_UNAVAILABLE, ReasonCode.SERVER_BUSY})
"""Refusals that say nothing about who was refused."""

log = logging.getLogger(__name__)


class Applicant(Protocol):
    """The connection that wants to come in."""

    def accept(self, principal: Principal, connect: Connect) -> None:
        """Let it in."""
        ...

    def refuse(self, refusal: Refusal) -> None:
        """Refuse its CONNECT, and close."""
        ...

    def give_up(self, reason: str) -> None:
        """Close without a word."""
        ...

    def break_down(self, exc: BaseException) -> None:
        """End the connection after a mistake of the hub."""
        ...


class Entrance:
    """Takes a place for a connection, judges its CONNECT, and lets refusals wait for their time.

    Args:
        applicant: The connection.
        exchange: Who judges a CONNECT.
        admission: Who has the places.
        refusal_time_s: No refusal leaves sooner after CONNECT.
    """

    __slots__ = (
        "_admission",
        "_applicant",
        "_exchange",
        "_login",
        "_place",
        "_refusal_time_s",
        "_timer",
        "_unseen",
    )

    def __init__(
        self,
        applicant: Applicant,
        exchange: Exchange,
        admission: Admission,
        *,
        refusal_time_s: float,
    ) -> None:
        self._applicant = applicant
        self._exchange = exchange
        self._admission = admission
        self._refusal_time_s = refusal_time_s
        self._place: Place | None = None
        self._login: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unseen = False

    @property
    def is_refused_unseen(self) -> bool:
        """Whether its end is one of thousands, and nothing to tell of by itself."""
        return self._unseen

    def come(self, address: str, *, is_final: bool) -> bool:
        """Take a place; ``False``: there is none, and nobody is told.

        Args:
            address: Where the connection comes from, as far as its transport knows.
            is_final: Whether that is the client's own address; else ``locate`` brings that.
        """
        self._place = self._admission.enter(self, address)
        if is_final:
            self.locate(address)
        elif self._place is not None:
            self._hurry(self._place)
        return self._place is not None

    def locate(self, address: str) -> bool:
        """Count the connection for the client's own address; ``False``: cut it."""
        place = self._place
        if place is not None:
            self._place = self._admission.locate(place, address, time.monotonic())
        if self._place is not None:
            self._hurry(self._place)
        else:
            self._unseen = True
        return self._place is not None

    def log_in(self, connect: Connect, peer: Peer) -> None:
        """Judge CONNECT; the applicant is told when that is done."""
        place = self._place
        if place is None:
            return
        now_s = time.monotonic()
        was_turned_away = place.refusal is not None
        reason = self._admission.judge(place, _name_of(connect), connect.client_id, now_s)
        if reason is None:
            self._unseen = False
            self._stop_timer()
            self._login = asyncio.get_running_loop().create_task(
                self._check(connect, peer, place, now_s),
                name=f"login {connect.client_id}@{peer.address}",
            )
            self._login.add_done_callback(self._after_check)
            return
        self._unseen = True
        refusal = Refusal(reason_code=reason, log="refused unseen")
        if was_turned_away:
            self._applicant.refuse(refusal)  # at once: others want to be told too
        else:
            self._refuse_at(now_s + self._refusal_time_s, refusal, place)

    def turn_out(self, reason_code: ReasonCode | None) -> None:
        """See ``Guest``."""
        self._stop()
        self._unseen = True
        if reason_code is None:
            self._applicant.give_up("too many refusals wait for their time")
        else:
            self._applicant.refuse(Refusal(reason_code=reason_code, log="refused unseen"))

    def leave(self) -> None:
        """The connection is gone; its place is free."""
        self._stop()
        if self._place is not None:
            self._admission.leave(self._place)
            self._place = None

    async def _check(self, connect: Connect, peer: Peer, place: Place, came_s: float) -> None:
        try:
            async with asyncio.timeout(LOGIN_TIME_S):
                verdict = await self._exchange.log_in(connect, peer)
        except (StoreUnavailableError, TimeoutError) as exc:
            reason = str(exc) or f"not judged within {LOGIN_TIME_S:.0f} s"
            verdict = Refusal(reason_code=ReasonCode.SERVER_UNAVAILABLE, log=reason)
        self._login = None  # what follows may end the connection, and is not to be cancelled then
        if isinstance(verdict, Principal):
            if _proved_something(connect, peer):
                self._admission.succeeded(place)
            else:
                self._admission.undecided(place)
            self._applicant.accept(verdict, connect)
            return
        log.info("%s: refused as %s: %s", peer.address, quoted_login(connect), verdict.log)
        if verdict.reason_code in _NOT_THE_CLIENTS_FAULT:
            self._admission.undecided(place)
            self._applicant.refuse(verdict)
            return
        now_s = time.monotonic()
        delay_s = self._admission.failed(place, now_s)
        self._refuse_at(max(came_s + self._refusal_time_s, now_s + delay_s), verdict, place)

    def _after_check(self, task: asyncio.Task[None]) -> None:
        exc = None if task.cancelled() else task.exception()
        if exc is not None:
            self._applicant.break_down(exc)

    def _refuse_at(self, when_s: float, refusal: Refusal, place: Place) -> None:
        """Refuse at a monotonic time; until then the connection keeps its place."""
        wait_s = when_s - time.monotonic()
        if wait_s <= 0:
            self._applicant.refuse(refusal)
            return
        self._timer = asyncio.get_running_loop().call_later(
            wait_s, self._applicant.refuse, refusal
        )
        self._admission.wait(place)

    def _hurry(self, place: Place) -> None:
        """One that is turned away holds up the next one to be told so."""
        if place.refusal is not None and self._timer is None:
            self._unseen = True
            self._timer = asyncio.get_running_loop().call_later(
                TURNING_AWAY_TIME_S, self._applicant.give_up, "turned away, and silent"
            )

    def _stop(self) -> None:
        self._stop_timer()
        if self._login is not None:
            self._login.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _name_of(connect: Connect) -> str:
    """What failed logins are counted by.

    A client id is told apart from a like user name; where there is neither, a token stands in for
    both, and a token that is wrong says nothing about others.
    """
    if connect.username:
        return f"user {connect.username}"
    if connect.client_id:
        return f"client {connect.client_id}"
    return f"token {hash(connect.password)}"


def _proved_something(connect: Connect, peer: Peer) -> bool:
    """Whether a good login says that the client may log in under its name again."""
    return bool(connect.password or peer.certificates or peer.psk_identity)
