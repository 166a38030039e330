"""One client's connection: login, session, acknowledgements; from the protocol to the exchange."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator
from typing import assert_never

from leafhub.dialects.base import Outcome, Peer, Principal, Refusal, SubscribeOutcome
from leafhub.dialects.log_text import device_name, one_line
from leafhub.errors import StoreUnavailableError
from leafhub.exchange.exchange import Exchange
from leafhub.exchange.session import Session
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe
from leafhub.mqtt.phase import READING
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Closed, Delivered, Dropped, Request
from leafhub.mqtt.session import Connection, OutgoingMessage, Phase, SendResult
from leafhub.mqtt_server.byte_path import BytePath
from leafhub.mqtt_server.delivery import Delivery
from leafhub.mqtt_server.entrance import Entrance
from leafhub.mqtt_server.listener import Listener
from leafhub.mqtt_server.publish_rate import PublishRate
from leafhub.mqtt_server.throttle import Throttle

UNFINISHED_MESSAGES = 1_000
"""Messages of one client that may wait for the store; then its packets wait too."""

log = logging.getLogger(__name__)


class MqttConnection:
    """The shell round one ``Connection``; the exchange knows it as a ``Link``.

    Attributes:
        path: Where its bytes come and go.
    """

    def __init__(self, exchange: Exchange, listener: Listener) -> None:
        self._exchange = exchange
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        settings = listener.settings
        pipes = listener.new_pipes(self._maximum_packet_bytes)
        self.path = BytePath(
            self,
            pipes,
            listener.peer,
            address_is_hidden=listener.addresses_are_hidden,
            write_buffer_bytes=settings.write_buffer_bytes,
            write_time_s=settings.write_time_s,
        )
        handshake_time_s = settings.handshake_time_s if pipes else 0.0
        self._connection = Connection(
            Policy(maximum_packet_bytes=settings.maximum_connect_bytes),
            limits=listener.limits,
            connect_deadline_s=time.monotonic() + settings.connect_time_s + handshake_time_s,
        )
        self._delivery = Delivery(self._connection, self.path, settings.write_buffer_bytes)
        self._entrance = Entrance(
            self, exchange, listener.admission, refusal_time_s=settings.refusal_time_s
        )
        self._session: Session | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self._unfinished = 0
        self._held_up = False
        self._throttle: Throttle | None = None  # who never publishes needs none
        self._takes_no_more = False
        self._address = ""
        self._heard_us = 0

    # ---- on top of the byte path

    @property
    def closing(self) -> bool:
        """See ``Speaker``."""
        return self._connection.closing

    @property
    def wants_input(self) -> bool:
        """See ``Speaker``."""
        return self._connection.phase is not Phase.PAUSED and not self._connection.input_full

    @property
    def idle(self) -> bool:
        """See ``Speaker``."""
        return not self._unfinished and self._connection.phase in READING

    def opened(self, peer: Peer, *, is_final: bool) -> bool:
        """See ``Speaker``."""
        self._address = peer.address
        if not self._entrance.come(peer.address, is_final=is_final):
            self._ended = True
            return False
        self._listener.opened(self)
        self._set_timer()
        return True

    def located(self, peer: Peer) -> bool:
        """See ``Speaker``."""
        self._address = peer.address
        if not self._entrance.locate(peer.address):
            self.failed("turned away")
        return not self.closing

    def receive(self, data: bytes) -> None:
        """See ``Speaker``."""
        self._heard_us = time.time_ns() // 1000
        self._take(self._connection.receive(data, time.monotonic()))

    def take_output(self) -> bytes:
        """See ``Speaker``."""
        return self._delivery.take_output()

    def congested(self) -> None:
        """See ``Speaker``."""
        self._connection.pause()

    def relieved(self) -> None:
        """See ``Speaker``."""
        dropped = self._delivery.dropped
        if dropped and not self.path.is_congested:
            log.info("%s: reads again, %d messages to it were dropped", self._who, dropped)
            self._delivery.dropped = 0
        self._take(self._go_on())
        self.path.flush()

    def failed(self, reason: str) -> None:
        """See ``Speaker``."""
        self._connection.end(None, reason)

    def lost(self, reason: str) -> None:
        """See ``Speaker``."""
        if not self._ended:
            self._end(self._connection.lost(reason))

    def parted(self) -> None:
        """See ``Speaker``."""
        self._listener.parted(self)
        self._throttle = None
        del self._entrance  # these would be rings as the byte path's is

    # ---- the exchange's Link

    @property
    def address(self) -> str:
        """IP address of the peer."""
        return self._address

    @property
    def heard_us(self) -> int:
        """When the last bytes came, microseconds since the epoch."""
        return self._heard_us

    @property
    def is_congested(self) -> bool:
        """Whether the client does not read."""
        return self.path.is_congested

    def send(self, message: OutgoingMessage) -> SendResult:
        """Give the client a message; a QoS 0 message is lost on a client that does not read."""
        result = self._delivery.send(message)
        if result is SendResult.DROPPED and self._delivery.dropped == 1:
            log.warning("%s: takes messages too slowly, some are dropped", self._who)
        return result

    def add_backlog(self, topic_filter: str, messages: Iterator[OutgoingMessage | None]) -> None:
        """Give the client many messages, as fast as it takes them."""
        self._delivery.add_backlog(topic_filter, messages)

    def answer_overdue(self) -> None:
        """Tell the client what became of messages that an earlier connection had brought."""
        self._take(self._connection.answer_overdue(time.monotonic()))
        self.path.flush_soon()

    def end(self, reason_code: ReasonCode | None, reason: str) -> None:
        """Close it; the session is detached when this returns."""
        self._connection.end(reason_code, reason)
        self.path.flush()

    # ---- the end of the hub

    def take_no_more(self) -> bool:
        """Let what was not taken yet wait for ever; ``True``: all that was is answered."""
        self._takes_no_more = True
        self._connection.pause()
        self.path.flush()
        return not self._unfinished

    # ---- the entrance's Applicant

    def accept(self, principal: Principal, connect: Connect) -> None:
        """See ``Applicant``."""
        if self._connection.closing:
            return
        session, present = self._exchange.attach(self, principal, connect)
        self._session = session
        self._connection.accept(
            principal.policy,
            session.state,
            session_present=present,
            now_s=time.monotonic(),
            assigned_client_id=None if connect.client_id else principal.client_id or None,
        )
        if not self._connection.closing:  # else it asked for what its dialect does not have
            log.info(
                "%s: connected from %s (%s, MQTT %s%s)",
                *(_name(principal), self._address, principal.dialect),
                {3: "3.1", 4: "3.1.1", 5: "5.0"}[connect.protocol_level],
                ", TLS" if principal.peer.tls else "",
            )
            self._exchange.greet(session)
        self._take(self._go_on())
        self._set_timer()
        self.path.flush()

    def refuse(self, refusal: Refusal) -> None:
        """See ``Applicant``."""
        if refusal.protocol_level is not None:
            self._connection.protocol_level = refusal.protocol_level
        self._connection.refuse(refusal.reason_code)
        self.path.flush()

    def give_up(self, reason: str) -> None:
        """See ``Applicant``."""
        self.end(None, reason)

    def break_down(self, exc: BaseException) -> None:
        """See ``Applicant``."""
        log.error("%s: a mistake of the hub", self._address, exc_info=exc)
        deciding = self._connection.phase is Phase.DECIDING
        self.end(
            ReasonCode.SERVER_UNAVAILABLE if deciding else ReasonCode.UNSPECIFIED_ERROR,
            "a mistake of the hub",
        )

    # ---- requests of the protocol

    def _take(self, requests: list[Request]) -> None:
        """Handle requests in order, and those that had to wait for them."""
        try:
            self._handle_all(deque(requests))
        except Exception as exc:  # noqa: BLE001 - whatever it is, it ends this connection alone
            self.break_down(exc)

    def _handle_all(self, waiting: deque[Request]) -> None:
        while waiting:
            request = waiting.popleft()
            said_before_the_end = bool(waiting) and isinstance(waiting[-1], Closed)
            if not self._connection.closing or said_before_the_end or isinstance(request, Closed):
                self._handle(request)  # else a refused message ended the connection meanwhile
            if not waiting:
                waiting.extend(self._go_on())

    def _handle(self, request: Request) -> None:
        if isinstance(request, Closed):
            self._end(request)
        elif isinstance(request, Connect):
            self._entrance.log_in(request, self.path.peer)  # meanwhile the client's packets wait
            self._set_timer()
        elif self._session is not None:
            self._handle_in_session(request, self._session)

    def _handle_in_session(
        self,
        request: Publish | Subscribe | Unsubscribe | Delivered | Dropped,
        session: Session,
    ) -> None:
        match request:
            case Publish():
                self._unfinished += 1
                if self._exchange.publish(
                    session, request, lambda outcome, error: self._finish(request, outcome, error)
                ):
                    self._held_up = True
                self._pace()
            case Subscribe():
                self._exchange.subscribe(
                    session, request, lambda verdict: self._grant(request, verdict)
                )
            case Unsubscribe():
                self._connection.unsubscribed(
                    request, self._exchange.unsubscribe(session, request)
                )
            case Delivered():
                self._exchange.delivered(request)
            case Dropped():
                self._exchange.dropped(request)
            case _:
                assert_never(request)
        if session.principal.policy is not self._connection.policy:
            self._connection.set_policy(session.principal.policy)
            self._set_timer()

    def _pace(self) -> None:
        """Count a PUBLISH, and let the next packets wait if that was too many."""
        settings = self._listener.settings
        if self._throttle is None and settings.publish_rate:
            rate = PublishRate(settings.publish_rate, settings.publish_burst)
            self._throttle = Throttle(rate, self.relieved, self._tell_of_throttle)
        if self._throttle is not None:
            self._throttle.count()
        if self._holds_back:
            self._connection.pause()

    @property
    def _holds_back(self) -> bool:
        """Whether too much is unfinished, or came too fast, or the end is near."""
        is_shut = self._throttle is not None and self._throttle.is_shut
        too_much = self._held_up or self._unfinished >= UNFINISHED_MESSAGES
        return is_shut or self._takes_no_more or too_much

    def _tell_of_throttle(self, what: str) -> None:
        log.info("%s: %s", self._who, what)

    def _go_on(self) -> list[Request]:
        """Let the packets come that had to wait, unless there is reason to wait on."""
        connection = self._connection
        if connection.phase is not Phase.PAUSED or self._holds_back or self.path.is_congested:
            return []
        requests = connection.resume(time.monotonic())
        if self._timer is None:
            self._set_timer()
        return requests

    def _finish(
        self, publish: Publish, outcome: Outcome, error: StoreUnavailableError | None
    ) -> None:
        """Acknowledge a PUBLISH, now that it is on disk; or say what can be said if it is not."""
        self._unfinished -= 1
        connection = self._connection
        if error is not None and connection.protocol_level >= 5:
            connection.acknowledge(publish, ReasonCode.QUOTA_EXCEEDED, str(error))
        elif error is not None and publish.qos > 0:
            connection.end(None, f"not stored: {error}")  # it sends again when it is back
            connection.acknowledge(publish, ReasonCode.QUOTA_EXCEEDED)  # frees its packet id
        elif not outcome.silent:
            connection.acknowledge(publish, outcome.reason_code, outcome.reason_string)
        if self._ended and self._session is not None and self._session.link is not None:
            self._session.link.answer_overdue()  # the client may be back, and have sent it again
        if self._may_go_on():
            self._loop.call_soon(self.relieved)
        self.path.flush_soon()
        if self._takes_no_more and not self._unfinished:
            self._listener.settled(self)

    def _may_go_on(self) -> bool:
        """Whether this was what the next packets waited for, but for others' reasons."""
        if self._held_up and self._session is not None:
            self._held_up = bool(self._unfinished) and self._exchange.holds_up(self._session)
            return not self._held_up
        if self._unfinished != UNFINISHED_MESSAGES // 2:
            return False
        return self._connection.phase is Phase.PAUSED

    def _grant(self, subscribe: Subscribe, verdict: SubscribeOutcome) -> None:
        codes = [ReasonCode(grant.reason_code) for grant in verdict.grants]
        notes = [grant.note for grant in verdict.grants]
        self._connection.grant(subscribe, codes, notes=notes)

    @property
    def _who(self) -> str:
        """How the log calls the client."""
        return self._address if self._session is None else _name(self._session.principal)

    def _maximum_packet_bytes(self) -> int:
        ceiling_bytes = self._listener.settings.maximum_packet_bytes
        return min(ceiling_bytes, self._connection.policy.maximum_packet_bytes)

    # ---- deadlines and the end

    def _set_timer(self) -> None:
        """Look again when the next deadline can be over; packets only move it away.

        Where there is none, nothing wakes up: ten thousand connections at rest cost nothing. While
        a login is judged it is not the client that is late, and the entrance sees to the end.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ended or self._connection.phase is Phase.DECIDING:
            return
        deadline_s = self._connection.next_deadline_s()
        if deadline_s is not None:
            delay_s = max(0.05, deadline_s - time.monotonic())
            self._timer = self._loop.call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._take(self._connection.on_deadline(time.monotonic()))
        self.path.flush()
        self._set_timer()

    def _end(self, closed: Closed | None) -> None:
        """The one end of every connection: write what is left, close, and tell the exchange."""
        if self._ended:
            return
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._throttle is not None:
            self._throttle.close()
        self._entrance.leave()
        self.path.leave()
        self._listener.gone(self)
        if closed is None:
            return
        session = self._session
        level = logging.DEBUG if self._entrance.is_refused_unseen else logging.INFO
        dropped = self._delivery.dropped
        lost = f"; {dropped} messages to it were dropped" if dropped else ""
        log.log(level, "%s: gone: %s%s", self._who, closed.reason, lost)
        if session is not None:
            self._exchange.detach(session, self, closed.will)


def _name(principal: Principal) -> str:
    if principal.application is not None and principal.device is not None:
        return device_name(principal.application, principal.device)
    who = principal.login or principal.client_id
    return one_line(who) if who else f"anonymous@{principal.peer.address}"
