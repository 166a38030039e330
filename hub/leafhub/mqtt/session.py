"""The server's side of one network connection (MQTT 5.0 §4, 3.1.1 §4): the protocol, and nothing of vendors.

A ``Connection`` takes bytes and times, and hands up what the layer above must decide; that layer answers through
``accept``, ``refuse``, ``acknowledge``, ``grant`` and ``unsubscribed``. What is to be written comes out of
``take_output``. The one rule for every end: **once** ``closing`` **is true, write the output, close the transport, call**
``lost``; ``Closed`` is told exactly once, by ``receive`` and its like or by ``lost``.
"""

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

import msgspec

from leafhub.errors import MalformedPacketError, ProtocolError, UnsupportedProtocolError
from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.decoding import LEVEL_3_1, LEVEL_3_1_1, LEVEL_5
from leafhub.mqtt.input_buffer import InputBuffer
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
from leafhub.mqtt.policy import (
    STANDARD,
    AuthPacket,
    Policy,
    QoS2Publish,
    RefusedPublish,
    SecondConnect,
)
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Closed, Delivered, Dropped, DropReason, Request
from leafhub.mqtt.session_state import (
    NEVER_EXPIRES,
    IncomingStage,
    InFlight,
    OutgoingMessage,
    OutgoingStage,
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
"""Unread bytes allowed above one largest packet while packets wait: two of asyncio's largest reads."""
_CAPABILITY_CODES: Final = frozenset({ReasonCode.SUCCESS, ReasonCode.DISCONNECT_WITH_WILL})


class Phase(Enum):
    """Where a connection stands."""

    AWAITING_CONNECT = "awaiting CONNECT"
    DECIDING = "CONNECT handed up"
    OPEN = "open"
    PAUSED = "open, packets wait"
    CLOSING = "closing, Closed not told"
    CLOSED = "Closed told"


_TRANSITIONS: Final = {
    Phase.AWAITING_CONNECT: {Phase.DECIDING, Phase.CLOSING},
    Phase.DECIDING: {Phase.PAUSED, Phase.CLOSING},
    Phase.PAUSED: {Phase.OPEN, Phase.CLOSING},
    Phase.OPEN: {Phase.PAUSED, Phase.CLOSING},
    Phase.CLOSING: {Phase.CLOSED},
    Phase.CLOSED: set[Phase](),
}
_READING: Final = frozenset({Phase.AWAITING_CONNECT, Phase.OPEN})
_ACCEPTED: Final = frozenset({Phase.OPEN, Phase.PAUSED})
_ENDED: Final = frozenset({Phase.CLOSING, Phase.CLOSED})


class Connection:
    """One client on one network connection.

    Args:
        policy: Rules until ``accept`` or ``set_policy`` brings others; only its packet size matters before CONNECT.
        connect_deadline_s: Monotonic time by which the client must be accepted; None is no limit.

    Attributes:
        connect: The client's CONNECT; None before it came.
        policy: The rules in force.
        protocol_level: 3, 4 or 5; 4 before CONNECT.
        state: The session; None before ``accept``.
        maximum_outgoing_packet_bytes: The client's Maximum Packet Size; None is no limit.
    """

    __slots__ = (
        "_closed",
        "_connect_deadline_s",
        "_highest_qos",
        "_input",
        "_keep_alive_s",
        "_last_packet_s",
        "_now_s",
        "_output",
        "_owed_pubrecs",
        "_phase",
        "_receive_maximum",
        "_requests",
        "_topic_aliases",
        "_unacknowledged",
        "_unsent",
        "_window",
        "connect",
        "maximum_outgoing_packet_bytes",
        "policy",
        "protocol_level",
        "state",
    )

    def __init__(
        self, policy: Policy = STANDARD, *, connect_deadline_s: float | None = None
    ) -> None:
        self.policy = policy
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
        self._topic_aliases: dict[int, str] = {}
        self._unsent: deque[int] = (
            deque()
        )  # packet ids of a resumed session that wait for the window
        self._owed_pubrecs: set[int] = set()
        self._unacknowledged = 0  # QoS 1 messages handed up
        self._adopt(policy)

    # ---- what goes in and out

    @property
    def phase(self) -> Phase:
        """Where the connection stands."""
        return self._phase

    @property
    def closing(self) -> bool:
        """Whether output is to be written, the transport closed and ``lost`` called."""
        return self._phase in _ENDED

    @property
    def input_full(self) -> bool:
        """Whether the transport should not be read on: packets wait, and there is one largest packet of them."""
        return self._input.unread_bytes >= self.policy.maximum_packet_bytes

    def take_output(self) -> bytes:
        """Take the bytes that are to be written now."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def receive(self, data: bytes, now_s: float) -> list[Request]:
        """Feed what the transport read.

        Args:
            data: Any number of bytes, cut anywhere.
            now_s: Monotonic time.

        Returns:
            What the layer above must decide, in order; while ``closing`` got true meanwhile, because of a refused
            message, the rest of the list is void, except ``Closed``. After CONNECT nothing comes until
            ``accept`` and ``resume``.
        """
        self._now_s = now_s
        if self._phase in _ENDED:
            return []
        self._input.feed(data)
        if self._phase not in _READING:
            if self._input.unread_bytes > self.policy.maximum_packet_bytes + _UNREAD_SLACK_BYTES:
                self.end(ReasonCode.QUOTA_EXCEEDED, "too much sent while packets had to wait")
            return self._hand_out()
        return self._read()

    def pause(self) -> None:
        """Let the packets that follow wait for ``resume``; those handed out already are not called back."""
        if self._phase is Phase.OPEN:
            self._move(Phase.PAUSED)

    def resume(self, now_s: float) -> list[Request]:
        """Go on after ``accept`` or ``pause``; returns as ``receive`` does. Otherwise nothing happens."""
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
        """End the connection if its deadline is over; call it whenever ``next_deadline_s`` has passed."""
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

        The connection stays paused: call ``resume``. Nothing happens if the client has gone meanwhile. A 5.0 CONNECT
        that asks for what ``policy`` says is not there (the Will's QoS or retain, an authentication method) is refused.

        Args:
            policy: The rules from now on.
            state: The session, which ``end`` has taken from any earlier connection; its expiry interval is set here.
            session_present: Whether ``state`` was there before.
            now_s: Monotonic time.
            assigned_client_id: What a client without a client id is called.
        """
        connect = self.connect
        if self._phase is not Phase.DECIDING or connect is None:
            return
        self._now_s = now_s
        self._adopt(policy)
        lacking = self._lacking_capability(connect)
        if lacking is not None:
            self.refuse(lacking)
            return
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
        self._unsent.extend(state.in_flight)
        self._fill_window()

    def refuse(self, reason_code: ReasonCode | None, reason_string: str | None = None) -> None:
        """Answer CONNECT with a refusal in the client's version, then close; None closes without a word."""
        if self._phase is not Phase.DECIDING:
            return
        if reason_code is not None:
            self._write(Connack(False, reason_code, _reason(reason_string)))  # noqa: FBT003
        self._close(
            f"CONNECT refused: {reason_code.name if reason_code is not None else 'silent'}"
        )

    def set_policy(self, policy: Policy) -> None:
        """Change the rules of a live connection: its dialect became known, or is another now."""
        self._adopt(policy)
        if self.state is not None and self.state.connection is self:
            self.state.policy = policy

    def acknowledge(
        self,
        publish: Publish,
        reason_code: ReasonCode = ReasonCode.SUCCESS,
        reason_string: str | None = None,
    ) -> None:
        """Answer a PUBLISH once it is committed, or refused; once for each that was handed up, in their order.

        What the client sees of a refusal depends on its version, the QoS and the policy; it may be the end of the
        connection. After the end only the session is brought up to date.
        """
        refused = reason_code >= 0x80
        is_v5 = self.protocol_level == LEVEL_5
        qos = publish.qos
        if qos == 2 and self.policy.qos2_publish is QoS2Publish.UNANSWERED:
            qos = 0
        closes = refused and not is_v5 and self._refusal_closes(qos)
        packet_id = publish.packet_id
        if qos == 1:
            self._unacknowledged -= 1
        elif (
            qos == 2
            and packet_id is not None
            and not self._settle(packet_id, gone=refused and (is_v5 or closes))
        ):
            return
        if self._phase in _ENDED:
            return
        if closes:
            self._close(f"PUBLISH to {publish.topic_name!r} refused: {reason_code.name}")
            return
        if qos == 0 or packet_id is None:
            return
        if not is_v5:
            reason_code = ReasonCode.SUCCESS
        if qos == 1 and reason_code is ReasonCode.SUCCESS and reason_string is None:
            self._output.append(b"\x40\x02" + packet_id.to_bytes(2, "big"))
            return
        kind = Puback if qos == 1 else Pubrec
        self._write_reason(kind(packet_id, reason_code, _reason(reason_string)))

    def grant(
        self,
        subscribe: Subscribe,
        reason_codes: Sequence[ReasonCode],
        reason_string: str | None = None,
    ) -> None:
        """Answer SUBSCRIBE with a code for each request, and keep what was granted in the session."""
        if self._phase not in _ACCEPTED or self.state is None:
            return
        identifiers = subscribe.properties.subscription_identifiers
        for request, reason_code in zip(subscribe.requests, reason_codes, strict=True):
            if reason_code.is_failure:
                continue
            self.state.subscriptions[request.topic_filter] = Subscription(
                request.topic_filter,
                int(reason_code),
                request.no_local,
                request.retain_as_published,
                identifiers[0] if identifiers else None,
            )
        self._write_reason(
            Suback(subscribe.packet_id, tuple(reason_codes), _reason(reason_string))
        )

    def unsubscribed(
        self,
        unsubscribe: Unsubscribe,
        reason_codes: Sequence[ReasonCode],
        reason_string: str | None = None,
    ) -> None:
        """Answer UNSUBSCRIBE with a code for each filter; those with SUCCESS leave the session."""
        if self._phase not in _ACCEPTED or self.state is None:
            return
        for topic_filter, reason_code in zip(unsubscribe.topic_filters, reason_codes, strict=True):
            if reason_code is ReasonCode.SUCCESS:
                self.state.subscriptions.pop(topic_filter, None)
        self._write_reason(
            Unsuback(unsubscribe.packet_id, tuple(reason_codes), _reason(reason_string))
        )

    def send(self, message: OutgoingMessage, now_s: float) -> SendResult:
        """Send ``message``, or let it wait for the window.

        Returns:
            SENT, QUEUED, or DROPPED: expired, larger than the client's Maximum Packet Size, or the queue is full.
            On a connection that has ended the message waits with the session, if that keeps any.
        """
        self._now_s = now_s
        state = self.state
        if state is None:
            return SendResult.DROPPED
        if self._phase in _ENDED:
            return state.enqueue(message)
        if message.is_expired(now_s):
            return SendResult.DROPPED
        qos = min(message.qos, self.policy.maximum_outgoing_qos)
        if qos and (self._unsent or state.queue or len(state.in_flight) >= self._window):
            return state.append(message)
        return SendResult.SENT if self._transmit(state, message) else SendResult.DROPPED

    def end(self, reason_code: ReasonCode | None, reason: str) -> None:
        """End the connection from our side; a Will is due.

        Args:
            reason_code: For the 5.0 DISCONNECT, or the CONNACK of a client that waits for one; None says nothing.
            reason: For the log.
        """
        if self._phase in _ENDED:
            return
        if self._phase is Phase.DECIDING:
            self.refuse(reason_code)
            return
        if self._phase in _ACCEPTED and self.protocol_level == LEVEL_5 and reason_code is not None:
            self._write(Disconnect(reason_code))
        self._close(reason)

    # ---- packets of the client

    def _read(self) -> list[Request]:
        """Take out packets while the phase lets them pass."""
        self._pay_pubrecs()
        try:
            for packet in self._input.packets(
                protocol_level=self.protocol_level,
                maximum_packet_bytes=self.policy.maximum_packet_bytes,
            ):
                self._last_packet_s = self._now_s
                _HANDLERS[type(packet)](self, packet)
                if self._phase not in _READING:
                    break
        except ProtocolError as exc:
            self._break_off(exc)
        self._fill_window()
        return self._hand_out()

    def _hand_out(self) -> list[Request]:
        requests, self._requests = self._requests, []
        if self._phase is Phase.CLOSING:
            requests.append(self._closed)
            self._move(Phase.CLOSED)
        return requests

    def _break_off(self, error: ProtocolError) -> None:
        """End a connection whose peer broke the protocol (§4.13.1)."""
        if isinstance(error, UnsupportedProtocolError) and self.connect is None:
            if self.policy.answer_unsupported_protocol and error.protocol_name == "MQTT":
                self.protocol_level = LEVEL_5 if error.protocol_level > LEVEL_5 else LEVEL_3_1_1
                self._write(Connack(False, ReasonCode(error.reason_code)))  # noqa: FBT003
            self._close(str(error))
            return
        self.end(ReasonCode(error.reason_code), str(error))

    def _require_connect(self) -> SessionState:
        if self.state is None:
            raise ProtocolError("first packet is not CONNECT", section="3.1")
        return self.state

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
        state = self._require_connect()
        if packet.properties is not EMPTY:
            packet = self._with_topic_name(packet)
        topic_name = packet.topic_name
        if not topic_name:
            raise ProtocolError("empty topic name", section="3.3.2.1")
        if not self.policy.wildcards_in_topic_names and ("+" in topic_name or "#" in topic_name):
            raise ProtocolError(
                "wildcard in a topic name",
                section="3.3.2.1",
                reason_code=ReasonCode.TOPIC_NAME_INVALID,
            )
        if self.protocol_level == LEVEL_5:
            self._check_capabilities(packet)
        if packet.qos == 1:
            self._unacknowledged += 1
            self._check_receive_maximum(state)
        elif packet.qos == 2 and self.policy.qos2_publish is QoS2Publish.HANDSHAKE:
            if not self._begin_qos2(state, packet):
                return
            self._check_receive_maximum(state)
        self._hand_up(packet)

    def _begin_qos2(self, state: SessionState, packet: Publish) -> bool:
        """Note a QoS 2 message (§4.3.3); False if it was handed up before."""
        packet_id = packet.packet_id
        assert packet_id is not None  # noqa: S101  # the decoder gives every QoS 2 PUBLISH one
        stage = state.incoming.get(packet_id)
        if stage is None:
            state.incoming[packet_id] = IncomingStage.UNDECIDED
            return True
        if stage is IncomingStage.RECEIVED:
            self._write(Pubrec(packet_id))
        else:
            self._owed_pubrecs.add(packet_id)
        return False

    def _pay_pubrecs(self) -> None:
        """Answer messages sent again here while an earlier connection's commit was still under way."""
        if not self._owed_pubrecs or self.state is None:
            return
        for packet_id in sorted(self._owed_pubrecs):
            stage = self.state.incoming.get(packet_id)
            if stage is not IncomingStage.UNDECIDED:
                self._owed_pubrecs.discard(packet_id)
            if stage is IncomingStage.RECEIVED:
                self._write(Pubrec(packet_id))

    def _with_topic_name(self, packet: Publish) -> Publish:
        """Judge the properties of a PUBLISH and put the topic name in an alias's place (§3.3.2.3.4)."""
        properties = packet.properties
        if properties.subscription_identifiers:
            raise ProtocolError("Subscription Identifier from a client", section="3.3.4")
        if properties.response_topic is not None and not _is_plain(properties.response_topic):
            raise ProtocolError("bad Response Topic", section="3.3.2.3.5")
        alias = properties.topic_alias
        if alias is None:
            return packet
        if alias > self.policy.topic_alias_maximum:
            raise ProtocolError(
                "Topic Alias above the maximum",
                section="3.3.2.3.4",
                reason_code=ReasonCode.TOPIC_ALIAS_INVALID,
            )
        if packet.topic_name:
            self._topic_aliases[alias] = packet.topic_name
            return packet
        if alias not in self._topic_aliases:
            raise ProtocolError(
                "unknown Topic Alias", section="3.3.4", reason_code=ReasonCode.TOPIC_ALIAS_INVALID
            )
        return msgspec.structs.replace(packet, topic_name=self._topic_aliases[alias])

    def _check_capabilities(self, packet: Publish) -> None:
        """Hold a 5.0 client to what CONNACK announced (§3.2.2.3.4, §3.2.2.3.5)."""
        if packet.qos > self._highest_qos:
            raise ProtocolError(
                "QoS above Maximum QoS",
                section="3.2.2.3.4",
                reason_code=ReasonCode.QOS_NOT_SUPPORTED,
            )
        if packet.retain and self.policy.connack_properties.retain_available is False:
            raise ProtocolError(
                "RETAIN without Retain Available",
                section="3.2.2.3.5",
                reason_code=ReasonCode.RETAIN_NOT_SUPPORTED,
            )

    def _check_receive_maximum(self, state: SessionState) -> None:
        if (
            self.protocol_level == LEVEL_5
            and self._unacknowledged + len(state.incoming) > self._receive_maximum
        ):
            raise ProtocolError(
                "more messages at once than Receive Maximum",
                section="3.3.4",
                reason_code=ReasonCode.RECEIVE_MAXIMUM_EXCEEDED,
            )

    def _on_subscribe(self, packet: Subscribe) -> None:
        self._require_connect()
        self._judge_filters([request.topic_filter for request in packet.requests])
        self._hand_up(packet)

    def _on_unsubscribe(self, packet: Unsubscribe) -> None:
        self._require_connect()
        self._judge_filters(packet.topic_filters)
        self._hand_up(packet)

    def _judge_filters(self, topic_filters: Sequence[str]) -> None:
        if self.policy.verbatim_filters:
            return
        for topic_filter in topic_filters:
            if not is_topic_filter(topic_filter):
                raise MalformedPacketError("bad topic filter", section="4.7.1")

    def _hand_up(self, packet: Publish | Subscribe | Unsubscribe) -> None:
        self._requests.append(packet)
        if self.policy.one_request_at_a_time:
            self._move(Phase.PAUSED)

    def _on_puback(self, packet: Puback) -> None:
        state = self._require_connect()
        self._finish(state, packet, OutgoingStage.AWAITING_PUBACK)

    def _on_pubrec(self, packet: Pubrec) -> None:
        state = self._require_connect()
        self._judge_receiver_packet()
        sent = state.in_flight.get(packet.packet_id)
        if sent is None:
            self._write(Pubrel(packet.packet_id, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND))
        elif packet.reason_code.is_failure:
            self._finish(state, packet, OutgoingStage.AWAITING_PUBREC)
        elif sent.stage is OutgoingStage.AWAITING_PUBACK:
            raise ProtocolError("PUBREC for a QoS 1 message", section="4.3.2")
        else:
            stage = OutgoingStage.AWAITING_PUBCOMP
            state.in_flight[packet.packet_id] = InFlight(sent.message, stage)
            self._write(Pubrel(packet.packet_id))

    def _on_pubrel(self, packet: Pubrel) -> None:
        state = self._require_connect()
        self._judge_receiver_packet()
        stage = state.incoming.pop(packet.packet_id, None)
        if stage is IncomingStage.UNDECIDED:
            raise ProtocolError("PUBREL before PUBREC", section="4.3.3")
        unknown = stage is None and self.policy.qos2_publish is QoS2Publish.HANDSHAKE
        code = ReasonCode.PACKET_IDENTIFIER_NOT_FOUND if unknown else ReasonCode.SUCCESS
        self._write(Pubcomp(packet.packet_id, code))

    def _on_pubcomp(self, packet: Pubcomp) -> None:
        state = self._require_connect()
        self._judge_receiver_packet()
        self._finish(state, packet, OutgoingStage.AWAITING_PUBCOMP)

    def _judge_receiver_packet(self) -> None:
        if self.policy.receiver_packets_close:
            raise ProtocolError("PUBREC, PUBREL and PUBCOMP are not taken here", section="4.3.3")

    def _finish(
        self, state: SessionState, packet: Puback | Pubrec | Pubcomp, stage: OutgoingStage
    ) -> None:
        """End a delivery; an id that is not under way is an answer to an earlier life, and no matter."""
        sent = state.in_flight.get(packet.packet_id)
        if sent is None:
            return
        if sent.stage is not stage:
            raise ProtocolError(f"{type(packet).__name__} while {sent.stage.value}", section="4.3")
        del state.in_flight[packet.packet_id]
        if packet.packet_id in self._unsent:
            self._unsent.remove(packet.packet_id)
        if sent.message.token is not None:
            self._requests.append(Delivered(sent.message.token, packet.reason_code))

    def _on_pingreq(self, _packet: Pingreq) -> None:
        self._require_connect()
        self._write(Pingresp())

    def _on_disconnect(self, packet: Disconnect) -> None:
        state = self._require_connect()
        interval_s = packet.properties.session_expiry_interval_s
        if interval_s is not None:
            if interval_s and state.expiry_interval_s == 0:
                raise ProtocolError("session revived by DISCONNECT", section="3.14.2.2.2")
            state.expiry_interval_s = interval_s
        code = packet.reason_code
        self._close(
            f"client disconnected: {code.name}",
            with_will=code is not ReasonCode.SUCCESS,
            clean=code in {ReasonCode.SUCCESS, ReasonCode.DISCONNECT_WITH_WILL},
        )

    def _on_auth(self, _packet: Auth) -> None:
        self._require_connect()
        if self.policy.auth_packet is AuthPacket.DISCONNECT:
            raise ProtocolError("AUTH without an authentication method", section="4.12")
        self._write(Auth())

    def _on_server_packet(self, packet: Packet) -> None:
        raise ProtocolError(f"{type(packet).__name__} from a client", section="2.1.2")

    # ---- messages to the client

    def _transmit(self, state: SessionState, message: OutgoingMessage) -> bool:
        """Write ``message``; False if it is larger than the client takes."""
        qos = min(message.qos, self.policy.maximum_outgoing_qos)
        packet_id = state.next_packet_id() if qos else None
        properties = message.remaining_properties(self._now_s)
        data = encode_packet(
            Publish(
                message.topic_name,
                message.payload,
                qos,
                message.retain,
                packet_id=packet_id,
                properties=properties,
            ),
            self.protocol_level,
        )
        if not self._fits(data):
            return False
        if packet_id is not None:
            stage = OutgoingStage.AWAITING_PUBACK if qos == 1 else OutgoingStage.AWAITING_PUBREC
            state.in_flight[packet_id] = InFlight(message, stage)
        self._output.append(data)
        return True

    def _fill_window(self) -> None:
        """Send what waits, first what a resumed session had under way (§4.4), as far as the window goes."""
        state = self.state
        if state is None or self._phase not in _ACCEPTED or state.connection is not self:
            return
        while len(state.in_flight) - len(self._unsent) < self._window:
            if self._unsent:
                self._send_again(state, self._unsent.popleft())
            elif state.queue:
                message = state.queue.popleft()
                if message.is_expired(self._now_s):
                    self._drop(message, DropReason.EXPIRED)
                elif not self._transmit(state, message):
                    self._drop(message, DropReason.TOO_LARGE)
            else:
                return

    def _send_again(self, state: SessionState, packet_id: int) -> None:
        sent = state.in_flight[packet_id]
        if sent.stage is OutgoingStage.AWAITING_PUBCOMP:
            self._write(Pubrel(packet_id))
            return
        message = sent.message
        data = encode_packet(
            Publish(
                message.topic_name,
                message.payload,
                1 if sent.stage is OutgoingStage.AWAITING_PUBACK else 2,
                message.retain,
                dup=True,
                packet_id=packet_id,
                properties=message.remaining_properties(self._now_s),
            ),
            self.protocol_level,
        )
        if self._fits(data):
            self._output.append(data)
        else:
            del state.in_flight[packet_id]
            self._drop(message, DropReason.TOO_LARGE)

    def _drop(self, message: OutgoingMessage, reason: DropReason) -> None:
        if message.token is not None:
            self._requests.append(Dropped(message.token, reason))

    # ---- the rest

    def _adopt(self, policy: Policy) -> None:
        self.policy = policy
        announced = policy.connack_properties
        self._highest_qos = _first(announced.maximum_qos, 2)
        self._receive_maximum = _first(announced.receive_maximum, 0xFFFF)
        self._window = policy.outgoing_window
        if self.connect is not None and self.connect.properties.receive_maximum is not None:
            self._window = min(self._window, self.connect.properties.receive_maximum)

    def _lacking_capability(self, connect: Connect) -> ReasonCode | None:
        if self.protocol_level != LEVEL_5:
            return None
        will, policy = connect.will, self.policy
        if will is not None and will.qos > self._highest_qos:
            return ReasonCode.QOS_NOT_SUPPORTED
        retain_available = policy.connack_properties.retain_available
        if will is not None and will.retain and retain_available is False:
            return ReasonCode.RETAIN_NOT_SUPPORTED
        if (
            policy.auth_packet is AuthPacket.DISCONNECT
            and connect.properties.authentication_method is not None
        ):
            return ReasonCode.BAD_AUTHENTICATION_METHOD
        return None

    def _refusal_closes(self, qos: int) -> bool:
        if qos == 0:
            return self.policy.refused_qos0_v3_closes
        return self.policy.refused_publish_v3 is RefusedPublish.CLOSE

    def _settle(self, packet_id: int, *, gone: bool) -> bool:
        """Bring a QoS 2 id up to date after the decision; False if it was not waiting for one."""
        self._owed_pubrecs.discard(packet_id)
        if self.state is None or self.state.incoming.get(packet_id) is not IncomingStage.UNDECIDED:
            return False
        if gone:
            del self.state.incoming[packet_id]
        else:
            self.state.incoming[packet_id] = IncomingStage.RECEIVED
        return True

    def _write(self, packet: Packet) -> None:
        self._output.append(encode_packet(packet, self.protocol_level))

    def _write_reason(self, packet: Puback | Pubrec | Suback | Unsuback) -> None:
        """Write ``packet`` without its reason string if the client wants none or takes no packet that long."""
        if packet.properties is not EMPTY:
            connect = self.connect
            unwanted = connect and connect.properties.request_problem_information is False
            if unwanted or not self._fits(encode_packet(packet, self.protocol_level)):
                packet = msgspec.structs.replace(packet, properties=EMPTY)
        self._write(packet)

    def _fits(self, data: bytes) -> bool:
        limit = self.maximum_outgoing_packet_bytes
        return limit is None or len(data) <= limit

    def _move(self, phase: Phase) -> None:
        assert phase in _TRANSITIONS[self._phase], f"{self._phase} -> {phase}"  # noqa: S101  # ours alone
        self._phase = phase

    def _close(self, reason: str, *, with_will: bool = True, clean: bool = False) -> None:
        """Turn to CLOSING and let go of the session; a Will is due only if there was one (§3.1.2.5)."""
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


_HANDLERS: Final[dict[type[Packet], Callable[[Connection, Any], None]]] = {
    Connect: Connection._on_connect,
    Publish: Connection._on_publish,
    Puback: Connection._on_puback,
    Pubrec: Connection._on_pubrec,
    Pubrel: Connection._on_pubrel,
    Pubcomp: Connection._on_pubcomp,
    Subscribe: Connection._on_subscribe,
    Unsubscribe: Connection._on_unsubscribe,
    Pingreq: Connection._on_pingreq,
    Disconnect: Connection._on_disconnect,
    Auth: Connection._on_auth,
    Connack: Connection._on_server_packet,
    Suback: Connection._on_server_packet,
    Unsuback: Connection._on_server_packet,
    Pingresp: Connection._on_server_packet,
}


def _session_expiry_interval_s(connect: Connect) -> int:
    """What the client asks for; in 3.1.1 a session without Clean Session stays (§3.1.2.11.2)."""
    if connect.protocol_level == LEVEL_5:
        return _first(connect.properties.session_expiry_interval_s, 0)
    return 0 if connect.clean_start else NEVER_EXPIRES


def _first(value: int | None, default: int) -> int:
    return default if value is None else value


def _reason(reason_string: str | None) -> Properties:
    return EMPTY if reason_string is None else Properties(reason_string=reason_string)


def _is_plain(topic: str) -> bool:
    return bool(topic) and "+" not in topic and "#" not in topic
