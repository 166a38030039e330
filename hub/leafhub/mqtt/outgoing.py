"""Messages to the client on one connection: the window, resending, what ends a delivery."""

from collections import deque
from typing import Final

import msgspec

from leafhub.errors import ProtocolError
from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.outgoing_message import OutgoingMessage, SendResult
from leafhub.mqtt.output import Output
from leafhub.mqtt.packets import Puback, Pubcomp, Publish, Pubrec, Pubrel
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Delivered, Dropped, DropReason, Request
from leafhub.mqtt.session_state import InFlight, OutgoingStage, SessionState
from leafhub.mqtt.topic_aliases import TopicAliases

BACKLOG_BYTES: Final = 65_536
"""A backlog is drawn on until so much is put out between two writes: what a TCP window takes, so
that neither the write buffer fills nor a client waits."""
BACKLOG_MESSAGES: Final = 500
"""And so many messages at once: small ones are work too, and those that are dropped no bytes."""


class Outgoing:
    """Sends what the window lets through.

    Args:
        state: The session; what it has in flight is sent again, oldest first.
        wishes: What the client said in CONNECT: Receive Maximum and Topic Alias Maximum.
        policy: The rules.
        output: Where packets go.
        reports: Where ``Delivered`` and ``Dropped`` go.
    """

    __slots__ = (
        "_aliases",
        "_output",
        "_policy",
        "_reports",
        "_state",
        "_unsent",
        "_window",
        "_wishes",
    )

    def __init__(
        self,
        state: SessionState,
        wishes: Properties,
        policy: Policy,
        *,
        output: Output,
        reports: list[Request],
    ) -> None:
        self._state = state
        self._wishes = wishes
        self._output = output
        self._reports = reports
        # Ids of a resumed session that did not fit the window yet.
        self._unsent = deque(state.in_flight) if state.in_flight else None
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """Follow other rules from now on."""
        self._policy = policy
        self._window = min(
            policy.outgoing_window, self._wishes.receive_maximum or policy.outgoing_window
        )
        aliases = min(policy.outgoing_topic_aliases, self._wishes.topic_alias_maximum or 0)
        self._aliases = TopicAliases(aliases) if aliases else None

    def send(self, message: OutgoingMessage, now_s: float) -> SendResult:
        """Send ``message``, or put it behind what waits for the window."""
        state = self._state
        taken = not message.is_expired(now_s)
        if taken and self._policy.effective_qos(message.qos):
            if self._unsent or state.queue or len(state.in_flight) >= self._window:
                return state.append(message, now_s)
            taken = state.has_room_for(message.held_bytes)
        if taken and self._transmit(message, now_s):
            return SendResult.SENT
        state.note_dropped()
        return SendResult.DROPPED

    @property
    def can_fill(self) -> bool:
        """Whether there is a backlog, and room for a message of it."""
        return self._state.has_backlog and self._has_room() and self._may_draw()

    def fill(self, now_s: float) -> None:
        """Send what waits: what a resumed session had under way (§4.4), queue, backlogs."""
        state = self._state
        drawn = 0
        while self._has_room():
            if self._unsent:
                self._send_again(self._unsent.popleft(), now_s)
                continue
            message = state.take_next()
            if message is None and drawn < BACKLOG_MESSAGES and self._may_draw():
                message = state.next_of_backlog()
                drawn += 1
            if message is None:
                return
            if message.is_expired(now_s):
                self._drop(message, DropReason.EXPIRED)
            elif not self._transmit(message, now_s):
                self._drop(message, DropReason.TOO_LARGE)

    def _may_draw(self) -> bool:
        """Whether a backlog may be drawn on: not far beyond the bytes that may be under way.

        One message always may, for only its acknowledgement brings the next.
        """
        if self._output.unwritten_bytes >= BACKLOG_BYTES:
            return False
        return not self._state.held_bytes or self._state.has_room_for(1)

    def _has_room(self) -> bool:
        unsent = len(self._unsent) if self._unsent else 0
        return len(self._state.in_flight) - unsent < self._window

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
            sent.message, OutgoingStage.AWAITING_PUBCOMP, sent.held_bytes
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
        if self._unsent and packet.packet_id in self._unsent:
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
            self._state.put_in_flight(packet_id, InFlight(message, stage, message.held_bytes))
        return True

    def _send_again(self, packet_id: int, now_s: float) -> None:
        sent = self._state.in_flight[packet_id]
        if sent.stage is OutgoingStage.AWAITING_PUBCOMP:
            self._output.write(Pubrel(packet_id))
            return
        qos = 1 if sent.stage is OutgoingStage.AWAITING_PUBACK else 2
        if not self._write_publish(sent.message, qos, packet_id, now_s, dup=True):
            self._state.end_flight(packet_id)
            self._drop(sent.message, DropReason.TOO_LARGE)

    def _write_publish(
        self, message: OutgoingMessage, qos: int, packet_id: int | None, now_s: float, *, dup: bool
    ) -> bool:
        shared = message.encoded
        if shared is not None and qos == 0 and self._aliases is None:
            return self._write_shared(message, shared, now_s)
        packet = _publish(message, qos, packet_id, now_s, dup=dup)
        if self._aliases is not None and self._write_with_alias(packet, self._aliases):
            return True
        return self._output.write(packet)

    def _write_shared(
        self, message: OutgoingMessage, shared: dict[int, bytes], now_s: float
    ) -> bool:
        """Write what is the same for all clients of this protocol level."""
        level = self._output.protocol_level
        data = shared.get(level)
        if data is None:
            packet = _publish(message, 0, None, now_s, dup=False)
            data = shared[level] = encode_packet(packet, level)
        return self._output.write_encoded(data)

    def _write_with_alias(self, packet: Publish, aliases: TopicAliases) -> bool:
        """Write ``packet`` with an alias; False if it should go without one."""
        topic_name = packet.topic_name
        known = aliases.find(topic_name)
        alias = aliases.choose(topic_name) if known is None else known
        if alias is None:
            return False
        properties = msgspec.structs.replace(packet.properties, topic_alias=alias)
        short = "" if known is not None else topic_name
        packet = msgspec.structs.replace(packet, topic_name=short, properties=properties)
        if not self._output.write(packet):
            return False
        aliases.use(topic_name, alias)
        return True

    def _drop(self, message: OutgoingMessage, reason: DropReason) -> None:
        self._state.note_dropped()
        if message.token is not None:
            self._reports.append(Dropped(message.token, reason))


def _publish(
    message: OutgoingMessage, qos: int, packet_id: int | None, now_s: float, *, dup: bool
) -> Publish:
    return Publish(
        message.topic_name,
        message.payload,
        qos,
        message.retain,
        dup,
        packet_id,
        message.remaining_properties(now_s),
    )
