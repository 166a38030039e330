"""Messages to the client on one connection: the window, resending, what ends a delivery."""

from collections import deque
from typing import Final

from leafhub.errors import ProtocolError
from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Connect, Puback, Pubcomp, Publish, Pubrec, Pubrel
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Delivered, Dropped, DropReason, Request
from leafhub.mqtt.session_state import (
    InFlight,
    OutgoingMessage,
    OutgoingStage,
    SendResult,
    SessionState,
)

BACKLOG_BYTES: Final = 65_536
"""A backlog is drawn on until so much is put out between two writes: what a TCP window takes, so
that neither the write buffer fills nor a client waits."""


class Outgoing:
    """Sends what the window lets through.

    Args:
        state: The session; what it has in flight is sent again, oldest first.
        connect: What the client can take.
        policy: The rules.
        output: Where encoded packets go.
        reports: Where ``Delivered`` and ``Dropped`` go.

    Attributes:
        unwritten_bytes: PUBLISH packets put out since ``written``.
    """

    __slots__ = (
        "_connect",
        "_output",
        "_policy",
        "_reports",
        "_state",
        "_unsent",
        "_window",
        "unwritten_bytes",
    )

    def __init__(
        self,
        state: SessionState,
        connect: Connect,
        policy: Policy,
        *,
        output: list[bytes],
        reports: list[Request],
    ) -> None:
        self._state = state
        self._connect = connect
        self._output = output
        self._reports = reports
        self.unwritten_bytes = 0
        self._unsent = deque(state.in_flight)  # ids of a resumed session, behind the window
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """Follow other rules from now on."""
        self._policy = policy
        receive_maximum = self._connect.properties.receive_maximum
        self._window = min(policy.outgoing_window, receive_maximum or policy.outgoing_window)

    def send(self, message: OutgoingMessage, now_s: float) -> SendResult:
        """Send ``message``, or put it behind what waits for the window."""
        state = self._state
        sent = False
        if not message.is_expired(now_s):
            if self._policy.effective_qos(message.qos):
                if self._unsent or state.queue or len(state.in_flight) >= self._window:
                    return state.append(message)
                sent = state.has_room_for(message) and self._transmit(message, now_s)
            else:
                sent = self._transmit(message, now_s)
        if sent:
            return SendResult.SENT
        state.dropped += 1
        return SendResult.DROPPED

    @property
    def has_room(self) -> bool:
        """Whether the window lets another message through."""
        return len(self._state.in_flight) - len(self._unsent) < self._window

    def fill_window(self, now_s: float) -> None:
        """Send what waits: what a resumed session had under way (§4.4), the queue, the backlog."""
        while self.has_room:
            if self._unsent:
                self._send_again(self._unsent.popleft(), now_s)
                continue
            message = self._state.take_next()
            if message is None and self.unwritten_bytes < BACKLOG_BYTES:
                message = self._state.next_of_backlog()
            if message is None:
                return
            if message.is_expired(now_s):
                self._drop(message, DropReason.EXPIRED)
            elif not self._transmit(message, now_s):
                self._drop(message, DropReason.TOO_LARGE)

    def on_puback(self, packet: Puback) -> None:
        """End a QoS 1 delivery."""
        self._finish(packet, OutgoingStage.AWAITING_PUBACK)

    def on_pubrec(self, packet: Pubrec) -> Pubrel | None:
        """Carry on a QoS 2 delivery; returns the PUBREL, or None if a refusal ends it."""
        sent = self._state.in_flight.get(packet.packet_id)
        if sent is None:
            return Pubrel(packet.packet_id, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND)
        if sent.stage is OutgoingStage.AWAITING_PUBACK:
            raise ProtocolError("PUBREC for a QoS 1 message", section="4.3.2")
        if packet.reason_code.is_failure:
            self._finish(packet, OutgoingStage.AWAITING_PUBREC)
            return None
        self._state.in_flight[packet.packet_id] = InFlight(
            sent.message, OutgoingStage.AWAITING_PUBCOMP
        )
        return Pubrel(packet.packet_id)

    def on_pubcomp(self, packet: Pubcomp) -> None:
        """End a QoS 2 delivery."""
        self._finish(packet, OutgoingStage.AWAITING_PUBCOMP)

    def _finish(self, packet: Puback | Pubrec | Pubcomp, stage: OutgoingStage) -> None:
        """End a delivery; an id that is not under way belongs to an earlier life: no matter."""
        sent = self._state.in_flight.get(packet.packet_id)
        if sent is None:
            return
        if sent.stage is not stage:
            raise ProtocolError(f"{type(packet).__name__} while {sent.stage.value}", section="4.3")
        self._state.end_flight(packet.packet_id)
        if packet.packet_id in self._unsent:
            self._unsent.remove(packet.packet_id)
        if sent.message.token is not None:
            self._reports.append(Delivered(sent.message.token, packet.reason_code))

    def _transmit(self, message: OutgoingMessage, now_s: float) -> bool:
        """Write ``message``; False if it is larger than the client takes."""
        qos = self._policy.effective_qos(message.qos)
        packet_id = self._state.next_packet_id() if qos else None
        if not self._write_publish(message, qos, packet_id, now_s, dup=False):
            return False
        if packet_id is not None:
            stage = OutgoingStage.AWAITING_PUBACK if qos == 1 else OutgoingStage.AWAITING_PUBREC
            self._state.put_in_flight(packet_id, InFlight(message, stage))
        return True

    def _send_again(self, packet_id: int, now_s: float) -> None:
        sent = self._state.in_flight[packet_id]
        if sent.stage is OutgoingStage.AWAITING_PUBCOMP:
            self._output.append(encode_packet(Pubrel(packet_id), self._connect.protocol_level))
            return
        qos = 1 if sent.stage is OutgoingStage.AWAITING_PUBACK else 2
        if not self._write_publish(sent.message, qos, packet_id, now_s, dup=True):
            self._state.end_flight(packet_id)
            self._drop(sent.message, DropReason.TOO_LARGE)

    def _write_publish(
        self, message: OutgoingMessage, qos: int, packet_id: int | None, now_s: float, *, dup: bool
    ) -> bool:
        packet = Publish(
            message.topic_name,
            message.payload,
            qos,
            message.retain,
            dup,
            packet_id,
            message.remaining_properties(now_s),
        )
        data = encode_packet(packet, self._connect.protocol_level)
        limit = self._connect.properties.maximum_packet_size
        if limit is not None and len(data) > limit:
            return False
        self._output.append(data)
        self.unwritten_bytes += len(data)
        return True

    def _drop(self, message: OutgoingMessage, reason: DropReason) -> None:
        self._state.dropped += 1
        if message.token is not None:
            self._reports.append(Dropped(message.token, reason))
