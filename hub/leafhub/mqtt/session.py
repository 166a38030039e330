"""The server's side of one network connection (MQTT 5.0 §4, 3.1.1 §4): the protocol, no vendors.

A ``Connection`` takes bytes and times, and hands up what the layer above must decide; that layer
answers through ``accept``, ``refuse``, ``acknowledge``, ``grant`` and ``unsubscribed``. What is to
be written comes out of ``take_output``. One rule covers every end: once ``closing`` is true, write
the output, close the transport, call ``lost``. ``Closed`` is told exactly once, by ``receive`` and
its like or by ``lost``.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final

import msgspec

from leafhub.errors import MalformedPacketError, ProtocolError, UnsupportedProtocolError
from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.decoding import LEVEL_3_1, LEVEL_3_1_1, LEVEL_5
from leafhub.mqtt.incoming import Incoming, lacking_capability
from leafhub.mqtt.input_buffer import InputBuffer
from leafhub.mqtt.limits import NO_LIMITS, Limits
from leafhub.mqtt.outgoing import Outgoing
from leafhub.mqtt.packets import (
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from leafhub.mqtt.phase import ACCEPTED, ENDED, READING, TRANSITIONS, Phase
from leafhub.mqtt.policy import STANDARD, AuthPacket, Policy, QoS2Publish, SecondConnect
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import REASON_CODES_OF, ReasonCode
from leafhub.mqtt.requests import Closed, Delivered, Dropped, DropReason, Request
from leafhub.mqtt.session_state import (
    NEVER_EXPIRES,
    OutgoingMessage,
    SendResult,
    SessionState,
    Subscription,
)
from leafhub.mqtt.topics import is_topic_filter

__all__ = [
    "NEVER_EXPIRES",
    "Closed",
    "Connection",
    "Delivered",
    "DropReason",
    "Dropped",
    "OutgoingMessage",
    "Phase",
    "Request",
    "SendResult",
    "SessionState",
    "Subscription",
]

_UNREAD_SLACK_BYTES: Final = 524_288
"""Unread bytes allowed above one largest packet while packets wait: two of asyncio's reads."""
REQUESTS_AT_ONCE: Final = 256
"""Requests of one read; then the connection pauses, so that one read cannot flood the layer above:
256 KiB hold 40,000 of the shortest messages."""
_LEAVE_TAKING: Final = frozenset({ReasonCode.SUCCESS, ReasonCode.DISCONNECT_WITH_WILL})


class Connection:
    """One client on one network connection.

    Args:
        policy: Rules until ``accept`` or ``set_policy`` brings others; only its packet size
            matters before CONNECT.
        connect_deadline_s: Monotonic time by which the client must be accepted; None is no limit.
        limits: What cuts down this policy and those that follow.

    Attributes:
        connect: The client's CONNECT; None before it came.
        policy: The rules in force, as they were given: before ``limits`` cut them down.
        protocol_level: 3, 4 or 5; 4 before CONNECT.
        state: The session; None before ``accept``.
        maximum_outgoing_packet_bytes: The client's Maximum Packet Size; None is no limit.
    """

    __slots__ = (
        "_closed",
        "_connect_deadline_s",
        "_incoming",
        "_input",
        "_keep_alive_s",
        "_last_packet_s",
        "_limits",
        "_now_s",
        "_outgoing",
        "_output",
        "_phase",
        "_requests",
        "_rules",
        "connect",
        "maximum_outgoing_packet_bytes",
        "policy",
        "protocol_level",
        "state",
    )

    def __init__(
        self,
        policy: Policy = STANDARD,
        *,
        connect_deadline_s: float | None = None,
        limits: Limits = NO_LIMITS,
    ) -> None:
        self.policy = policy
        self._limits = limits
        self._rules = policy.within(limits)
        self.connect: Connect | None = None
        self.protocol_level = LEVEL_3_1_1
        self.state: SessionState | None = None
        self.maximum_outgoing_packet_bytes: int | None = None
        self._connect_deadline_s = connect_deadline_s
        self._phase = Phase.AWAITING_CONNECT
        self._input = InputBuffer()
        self._output: list[bytes] = []
        self._requests: list[Request] = []
        self._closed = Closed("", None, clean=False)
        self._now_s = 0.0
        self._last_packet_s = 0.0
        self._keep_alive_s = 0
        self._incoming: Incoming | None = None  # this and the next come with ``state``
        self._outgoing: Outgoing | None = None

    # ---- what goes in and out

    @property
    def phase(self) -> Phase:
        """Where the connection stands."""
        return self._phase

    @property
    def closing(self) -> bool:
        """Whether output is to be written, the transport closed and ``lost`` called."""
        return self._phase in ENDED

    @property
    def input_full(self) -> bool:
        """Whether the transport should not be read on: one largest packet or more is unread."""
        return self._input.unread_bytes >= self._rules.maximum_packet_bytes

    def take_output(self) -> bytes:
        """Take the bytes that are to be written now."""
        output = b"".join(self._output)
        self._output.clear()
        if self._outgoing is not None:
            self._outgoing.unwritten_bytes = 0
        return output

    @property
    def unwritten_bytes(self) -> int:
        """Messages put out since ``take_output``: write before it gets much."""
        return 0 if self._outgoing is None else self._outgoing.unwritten_bytes

    @property
    def can_fill(self) -> bool:
        """Whether ``fill`` would bring more: there is a backlog, and the client has room."""
        if self._phase not in ACCEPTED or self.state is None or self._outgoing is None:
            return False
        return self.state.has_backlog and self._outgoing.has_room

    def fill(self, now_s: float) -> None:
        """Put out what waits, ``BACKLOG_BYTES`` of backlogs at most.

        Call it when output was written and the transport takes more, as long as ``can_fill``; and
        when it takes more again. Acknowledgements of the client bring the next ones by themselves.
        """
        self._now_s = now_s
        if self._phase in ACCEPTED and self._outgoing is not None:
            self._outgoing.fill_window(now_s)

    def receive(self, data: bytes, now_s: float) -> list[Request]:
        """Feed what the transport read.

        Args:
            data: Any number of bytes, cut anywhere.
            now_s: Monotonic time.

        Returns:
            What the layer above must decide, in order; while ``closing`` got true meanwhile,
            because of a refused message, the rest of the list is void, except ``Closed``. After
            CONNECT nothing comes until ``accept`` and ``resume``; after ``REQUESTS_AT_ONCE``
            nothing until ``resume``.
        """
        self._now_s = now_s
        if self._phase in ENDED:
            return []
        self._input.feed(data)
        if self._phase not in READING:
            if self._input.unread_bytes > self._rules.maximum_packet_bytes + _UNREAD_SLACK_BYTES:
                self.end(ReasonCode.QUOTA_EXCEEDED, "too much sent while packets had to wait")
            return self._hand_out()
        return self._read()

    def pause(self) -> None:
        """Let the packets that follow wait for ``resume``; those handed out stay so."""
        if self._phase is Phase.OPEN:
            self._move(Phase.PAUSED)

    def resume(self, now_s: float) -> list[Request]:
        """Go on after ``accept`` or ``pause``; returns as ``receive`` does."""
        self._now_s = now_s
        if self._phase is not Phase.PAUSED:
            return []
        self._move(Phase.OPEN)
        self._last_packet_s = now_s  # the client's pings may be among what waited
        return self._read()

    def next_deadline_s(self) -> float | None:
        """Monotonic time at which ``on_deadline`` is to be called; None while there is none."""
        if self._phase in {Phase.AWAITING_CONNECT, Phase.DECIDING}:
            return self._connect_deadline_s
        if self._phase is not Phase.OPEN:
            return None
        if self._keep_alive_s:
            return self._last_packet_s + 1.5 * self._keep_alive_s  # MQTT-3.1.2-22
        if self.policy.keep_alive_zero_idle_s is None:
            return None
        return self._last_packet_s + self.policy.keep_alive_zero_idle_s

    def on_deadline(self, now_s: float) -> list[Request]:
        """End the connection if its deadline is over; call it when ``next_deadline_s`` is past."""
        self._now_s = now_s
        deadline_s = self.next_deadline_s()
        if deadline_s is None or now_s < deadline_s:
            return []
        if self._phase is Phase.OPEN:
            self.end(ReasonCode.KEEP_ALIVE_TIMEOUT, "nothing heard within the keep alive")
        else:
            self._close("not connected in time")
        return self._hand_out()

    def lost(self, reason: str, now_s: float | None = None) -> Closed | None:
        """Tell that the transport is gone, or was closed because ``closing`` was true.

        Returns:
            How the connection ended; None if that was told before.
        """
        if now_s is not None:
            self._now_s = now_s
        if self._phase is Phase.CLOSED:
            return None
        if self._phase is not Phase.CLOSING:
            self._close(reason)
        self._move(Phase.CLOSED)
        return self._closed

    # ---- what the layer above decides

    def accept(
        self,
        policy: Policy,
        state: SessionState,
        *,
        session_present: bool,
        now_s: float,
        assigned_client_id: str | None = None,
    ) -> None:
        """Answer CONNECT with success, and send again what a resumed session has under way.

        The connection stays paused: call ``resume``. Nothing happens if the client has gone
        meanwhile. A 5.0 CONNECT that asks for what ``policy`` says is not there (the Will's QoS or
        retain, an authentication method) is refused.

        Args:
            policy: The rules from now on.
            state: The session, which ``end`` has taken from any earlier connection; its expiry
                interval is set here.
            session_present: Whether ``state`` was there before.
            now_s: Monotonic time.
            assigned_client_id: What a client without a client id is called.
        """
        connect = self.connect
        if self._phase is not Phase.DECIDING or connect is None:
            return
        self._now_s = now_s
        lacking = lacking_capability(connect, policy)
        if lacking is not None:
            self.refuse(lacking)
            return
        self._adopt(policy)
        policy = self._rules
        self.state = state
        state.connection = self
        state.disconnected_at_s = None
        state.policy = policy
        announced = policy.connack_properties
        state.expiry_interval_s = _first(
            announced.session_expiry_interval_s, _session_expiry_interval_s(connect)
        )
        self._keep_alive_s = connect.keep_alive_s
        if self.protocol_level == LEVEL_5 and announced.server_keep_alive_s is not None:
            self._keep_alive_s = announced.server_keep_alive_s
        if policy.topic_alias_maximum:
            announced = msgspec.structs.replace(
                announced, topic_alias_maximum=policy.topic_alias_maximum
            )
        if policy.assign_client_id and assigned_client_id is not None:
            announced = msgspec.structs.replace(
                announced, assigned_client_identifier=assigned_client_id
            )
        is_told = session_present and self.protocol_level != LEVEL_3_1  # 3.1 has no such flag
        self._write(Connack(is_told, ReasonCode.SUCCESS, announced))
        self._last_packet_s = now_s
        self._move(Phase.PAUSED)
        self._incoming = Incoming(state, policy, self.protocol_level)
        self._outgoing = Outgoing(
            state, connect, policy, output=self._output, reports=self._requests
        )
        self._outgoing.fill_window(now_s)

    def refuse(self, reason_code: ReasonCode | None, reason_string: str | None = None) -> None:
        """Refuse CONNECT in the client's version, then close; None closes without a word."""
        self._refuse(reason_code, reason_string, "CONNECT refused")

    def set_policy(self, policy: Policy) -> None:
        """Change the rules of a live connection: its dialect became known, or is another now."""
        self._adopt(policy)
        if self._incoming is not None and self._outgoing is not None:
            self._incoming.adopt(self._rules)
            self._outgoing.adopt(self._rules)
        if self.state is not None and self.state.connection is self:
            self.state.policy = self._rules

    def _adopt(self, policy: Policy) -> None:
        self.policy = policy
        self._rules = policy.within(self._limits)

    def acknowledge(
        self,
        publish: Publish,
        reason_code: ReasonCode = ReasonCode.SUCCESS,
        reason_string: str | None = None,
    ) -> None:
        """Answer a PUBLISH once it is committed or refused: each that was handed up, in order.

        What the client sees of a refusal depends on its version, the QoS and the policy; it may be
        the end of the connection. After the end only the session is brought up to date.
        """
        incoming, packet_id, qos = self._incoming, publish.packet_id, publish.qos
        if incoming is None:
            return
        if qos == 2 and self.policy.qos2_publish is QoS2Publish.UNANSWERED:
            qos, packet_id = 0, None
        refused = reason_code >= 0x80
        ended = self._phase in ENDED
        answered = packet_id is not None and incoming.settle(publish, refused=refused, ended=ended)
        if ended:
            return
        if refused and incoming.refusal_closes(qos):
            self._close(f"PUBLISH refused: {reason_code.name}")
            return
        if not answered or packet_id is None:
            return
        if self.protocol_level != LEVEL_5:
            reason_code, reason_string = ReasonCode.SUCCESS, None
        if qos == 1 and reason_code == 0 and reason_string is None:
            self._output.append(b"\x40\x02" + packet_id.to_bytes(2, "big"))
            return
        if reason_code not in REASON_CODES_OF[4]:
            reason_code = ReasonCode.UNSPECIFIED_ERROR
        kind = Puback if qos == 1 else Pubrec
        self._write_answer(kind(packet_id, reason_code, _reason(reason_string)))

    def grant(
        self,
        subscribe: Subscribe,
        reason_codes: Sequence[ReasonCode],
        reason_string: str | None = None,
        notes: Sequence[str] | None = None,
    ) -> None:
        """Answer SUBSCRIBE with a code for each request; what was granted stays in the session.

        What goes beyond ``maximum_subscriptions`` of the policy is refused all the same.
        ``notes``, one for each request, go into the subscriptions.
        """
        if self._phase not in ACCEPTED or self.state is None:
            return
        identifiers = subscribe.properties.subscription_identifiers
        if notes is None:
            notes = ("",) * len(reason_codes)
        codes = list(reason_codes)
        for place, (request, reason_code, note) in enumerate(
            zip(subscribe.requests, reason_codes, notes, strict=True)
        ):
            if reason_code.is_failure:
                continue
            subscriptions = self.state.subscriptions
            if (
                request.topic_filter not in subscriptions
                and len(subscriptions) >= self._rules.maximum_subscriptions
            ):
                codes[place] = ReasonCode.QUOTA_EXCEEDED
                continue
            subscriptions[request.topic_filter] = Subscription(
                request.topic_filter,
                int(reason_code),
                request.no_local,
                request.retain_as_published,
                identifiers[0] if identifiers else None,
                note,
            )
        self._write_answer(Suback(subscribe.packet_id, tuple(codes), _reason(reason_string)))

    def unsubscribed(
        self,
        unsubscribe: Unsubscribe,
        reason_codes: Sequence[ReasonCode],
        reason_string: str | None = None,
    ) -> None:
        """Answer UNSUBSCRIBE with a code for each filter; those with SUCCESS leave the session."""
        if self._phase not in ACCEPTED or self.state is None:
            return
        for topic_filter, reason_code in zip(unsubscribe.topic_filters, reason_codes, strict=True):
            if reason_code is ReasonCode.SUCCESS:
                self.state.subscriptions.pop(topic_filter, None)
                self.state.drop_backlog(topic_filter)
        self._write_answer(
            Unsuback(unsubscribe.packet_id, tuple(reason_codes), _reason(reason_string))
        )

    def add_backlog(
        self, topic_filter: str, messages: Iterator[OutgoingMessage], now_s: float
    ) -> None:
        """Send many messages little by little, the first of them now; see ``SessionState``."""
        if self.state is not None:
            self.state.add_backlog(topic_filter, messages)
            self.fill(now_s)

    def send(self, message: OutgoingMessage, now_s: float) -> SendResult:
        """Send ``message``, or let it wait for the window.

        Returns:
            SENT, QUEUED, or DROPPED: expired, larger than the client's Maximum Packet Size, or the
            queue is full. On a connection that has ended the message waits with the session, if
            that keeps any.
        """
        self._now_s = now_s
        if self.state is None or self._outgoing is None:
            return SendResult.DROPPED
        if self._phase in ENDED:
            return self.state.enqueue(message)
        return self._outgoing.send(message, now_s)

    def end(self, reason_code: ReasonCode | None, reason: str) -> None:
        """End the connection from our side; a Will is due.

        Args:
            reason_code: For the 5.0 DISCONNECT, or the CONNACK of a client that waits for one;
                None says nothing.
            reason: For the log.
        """
        if self._phase in ENDED:
            return
        if self._phase is Phase.DECIDING:
            if reason_code is not None and reason_code not in REASON_CODES_OF[2]:
                reason_code = ReasonCode.SERVER_UNAVAILABLE  # like 0x8B: come again
            self._refuse(reason_code, None, reason)
            return
        if self._phase in ACCEPTED and self.protocol_level == LEVEL_5 and reason_code is not None:
            if reason_code not in REASON_CODES_OF[14]:
                reason_code = ReasonCode.PROTOCOL_ERROR  # like 0x84, for a second CONNECT
            self._write(Disconnect(reason_code))
        self._close(reason)

    # ---- packets of the client

    def _read(self) -> list[Request]:
        """Take out packets while the phase lets them pass."""
        if self._incoming is not None:
            self._write_overdue(self._incoming)
        try:
            for packet in self._input.packets(
                protocol_level=self.protocol_level,
                maximum_packet_bytes=self._rules.maximum_packet_bytes,
            ):
                self._last_packet_s = self._now_s
                self._HANDLERS[type(packet)](self, packet)
                if self._phase not in READING:
                    break
        except ProtocolError as exc:
            self._break_off(exc)
        if self._outgoing is not None and self._phase in ACCEPTED:
            self._outgoing.fill_window(self._now_s)
        return self._hand_out()

    def _hand_out(self) -> list[Request]:
        requests = self._requests.copy()
        self._requests.clear()
        if self._phase is Phase.CLOSING:
            requests.append(self._closed)
            self._move(Phase.CLOSED)
        return requests

    def _break_off(self, error: ProtocolError) -> None:
        """End a connection whose peer broke the protocol (§4.13.1)."""
        if isinstance(error, UnsupportedProtocolError) and self.connect is None:
            if self.policy.answer_unsupported_protocol and error.protocol_name == "MQTT":
                self.protocol_level = LEVEL_5 if error.protocol_level > LEVEL_5 else LEVEL_3_1_1
                refusal = ReasonCode(error.reason_code)
                self._write(Connack(session_present=False, reason_code=refusal))
            self._close(str(error))
            return
        self.end(ReasonCode(error.reason_code), str(error))

    def _accepted(self) -> tuple[SessionState, Incoming, Outgoing]:
        if self.state is None or self._incoming is None or self._outgoing is None:
            raise ProtocolError("first packet is not CONNECT", section="3.1")
        return self.state, self._incoming, self._outgoing

    def _on_connect(self, packet: Connect) -> None:
        if self.connect is not None:
            if self.policy.second_connect is SecondConnect.IGNORE:
                return
            raise ProtocolError("second CONNECT", section="3.1")
        self.connect = packet
        self.protocol_level = packet.protocol_level
        if packet.protocol_level == LEVEL_5:
            self.maximum_outgoing_packet_bytes = packet.properties.maximum_packet_size
        self._move(Phase.DECIDING)
        self._requests.append(packet)

    def _on_publish(self, packet: Publish) -> None:
        incoming = self._accepted()[1]
        packet = incoming.judge(packet)
        if incoming.admit(packet):
            self._hand_up(packet)
        else:
            self._write_overdue(incoming)

    def _write_overdue(self, incoming: Incoming) -> None:
        for pubrec in incoming.overdue():
            self._write(pubrec)

    def _on_subscribe(self, packet: Subscribe) -> None:
        self._accepted()
        self._judge_filters([request.topic_filter for request in packet.requests])
        self._hand_up(packet)

    def _on_unsubscribe(self, packet: Unsubscribe) -> None:
        self._accepted()
        self._judge_filters(packet.topic_filters)
        self._hand_up(packet)

    def _judge_filters(self, topic_filters: Sequence[str]) -> None:
        for topic_filter in topic_filters:
            if topic_filter.count("/") >= self._rules.maximum_topic_levels:
                raise ProtocolError(
                    "more topic levels than are taken here",
                    section="4.7.3",
                    reason_code=ReasonCode.TOPIC_FILTER_INVALID,
                )
            if not self.policy.verbatim_filters and not is_topic_filter(topic_filter):
                raise MalformedPacketError("bad topic filter", section="4.7.1")

    def _hand_up(self, packet: Publish | Subscribe | Unsubscribe) -> None:
        self._requests.append(packet)
        if self.policy.one_request_at_a_time or len(self._requests) >= REQUESTS_AT_ONCE:
            self._move(Phase.PAUSED)

    def _on_puback(self, packet: Puback) -> None:
        self._accepted()[2].on_puback(packet)

    def _on_pubrec(self, packet: Pubrec) -> None:
        outgoing = self._accepted()[2]
        self._judge_receiver_packet()
        answer = outgoing.on_pubrec(packet)
        if answer is not None:
            self._write(answer)

    def _on_pubrel(self, packet: Pubrel) -> None:
        incoming = self._accepted()[1]
        self._judge_receiver_packet()
        self._write(incoming.release(packet))

    def _on_pubcomp(self, packet: Pubcomp) -> None:
        outgoing = self._accepted()[2]
        self._judge_receiver_packet()
        outgoing.on_pubcomp(packet)

    def _judge_receiver_packet(self) -> None:
        if self.policy.receiver_packets_close:
            raise ProtocolError("PUBREC, PUBREL and PUBCOMP are not taken here", section="4.3.3")

    def _on_pingreq(self, _packet: Pingreq) -> None:
        self._accepted()
        self._write(Pingresp())

    def _on_disconnect(self, packet: Disconnect) -> None:
        state = self._accepted()[0]
        interval_s = packet.properties.session_expiry_interval_s
        if interval_s is not None:
            if interval_s and state.expiry_interval_s == 0:
                raise ProtocolError("session revived by DISCONNECT", section="3.14.2.2.2")
            state.expiry_interval_s = interval_s
        code = packet.reason_code
        self._close(
            f"client disconnected: {code.name}",
            with_will=code is not ReasonCode.SUCCESS,
            clean=code in _LEAVE_TAKING,
        )

    def _on_auth(self, _packet: Auth) -> None:
        self._accepted()
        if self.policy.auth_packet is AuthPacket.DISCONNECT:
            raise ProtocolError("AUTH without an authentication method", section="4.12")
        self._write(Auth())

    def _on_server_packet(self, packet: Packet) -> None:
        raise ProtocolError(f"{type(packet).__name__} from a client", section="2.1.2")

    _HANDLERS: ClassVar[dict[type[Packet], Callable[[Any, Any], None]]] = {
        Connect: _on_connect,
        Publish: _on_publish,
        Puback: _on_puback,
        Pubrec: _on_pubrec,
        Pubrel: _on_pubrel,
        Pubcomp: _on_pubcomp,
        Subscribe: _on_subscribe,
        Unsubscribe: _on_unsubscribe,
        Pingreq: _on_pingreq,
        Disconnect: _on_disconnect,
        Auth: _on_auth,
        Connack: _on_server_packet,
        Suback: _on_server_packet,
        Unsuback: _on_server_packet,
        Pingresp: _on_server_packet,
    }

    # ---- the rest

    def _refuse(
        self, reason_code: ReasonCode | None, reason_string: str | None, reason: str
    ) -> None:
        if self._phase is not Phase.DECIDING:
            return
        if reason_code is not None:
            properties = _reason(reason_string)
            self._write(
                Connack(session_present=False, reason_code=reason_code, properties=properties)
            )
            reason = f"{reason}: {reason_code.name}"
        self._close(reason)

    def _write(self, packet: Packet) -> None:
        self._output.append(encode_packet(packet, self.protocol_level))

    def _write_answer(self, packet: Puback | Pubrec | Suback | Unsuback) -> None:
        """Write ``packet``; no reason string if the client wants none or it is too long."""
        if packet.properties is not EMPTY:
            connect = self.connect
            unwanted = connect and connect.properties.request_problem_information is False
            limit = self.maximum_outgoing_packet_bytes
            size = len(encode_packet(packet, self.protocol_level))
            if unwanted or (limit is not None and size > limit):
                packet = msgspec.structs.replace(packet, properties=EMPTY)
        self._write(packet)

    def _move(self, phase: Phase) -> None:
        if phase not in TRANSITIONS[self._phase]:
            raise RuntimeError(f"no way from {self._phase} to {phase}")
        self._phase = phase

    def _close(self, reason: str, *, with_will: bool = True, clean: bool = False) -> None:
        """Turn to CLOSING and let go of the session; without one no Will is due (§3.1.2.5)."""
        state = self.state
        will = None
        if state is not None:
            will = self.connect.will if with_will and self.connect is not None else None
            if state.connection is self:
                state.connection = None
                state.disconnected_at_s = self._now_s
        self._closed = Closed(reason, will, clean)
        self._input = InputBuffer()
        self._move(Phase.CLOSING)


def _session_expiry_interval_s(connect: Connect) -> int:
    """What the client asks for; in 3.1.1 a session without Clean Session stays (§3.1.2.11.2)."""
    if connect.protocol_level == LEVEL_5:
        return _first(connect.properties.session_expiry_interval_s, 0)
    return 0 if connect.clean_start else NEVER_EXPIRES


def _first(value: int | None, default: int) -> int:
    return default if value is None else value


def _reason(reason_string: str | None) -> Properties:
    return EMPTY if reason_string is None else Properties(reason_string=reason_string)
