"""The server's side of one network connection (MQTT 5.0 §4, 3.1.1 §4): the protocol, no vendors.

A ``Connection`` takes bytes and times, and hands up what the layer above must decide; that layer
answers through the methods of ``Decisions``. What is to be written comes out of ``take_output``.
``Lifetime`` tells how it ends.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from leafhub.errors import ProtocolError
from leafhub.mqtt.decisions import Decisions
from leafhub.mqtt.decoding import LEVEL_5
from leafhub.mqtt.incoming import Incoming
from leafhub.mqtt.limits import DEFAULTS, Limits
from leafhub.mqtt.outgoing import Outgoing
from leafhub.mqtt.outgoing_message import OutgoingMessage, SendResult
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
from leafhub.mqtt.phase import ACCEPTED, ENDED, READING, Phase
from leafhub.mqtt.policy import STANDARD, AuthPacket, Policy, SecondConnect
from leafhub.mqtt.reason_codes import CLIENT_DISCONNECT_CODES, ReasonCode
from leafhub.mqtt.requests import Closed, Delivered, Dropped, DropReason, Request
from leafhub.mqtt.session_state import NEVER_EXPIRES, SessionState, Subscription
from leafhub.mqtt.subscribing import judge_filters, judge_subscribe

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


class Connection(Decisions):
    """One client on one network connection; here stands what the client sends.

    Args:
        policy: Rules until ``accept`` or ``set_policy`` brings others; only its packet size
            matters before CONNECT.
        connect_deadline_s: Monotonic time by which the client must be accepted; None is no limit.
        limits: What cuts down this policy and those that follow.
    """

    __slots__ = ()

    def __init__(
        self,
        policy: Policy = STANDARD,
        *,
        connect_deadline_s: float | None = None,
        limits: Limits = DEFAULTS,
    ) -> None:
        super().__init__(policy, connect_deadline_s, limits)

    # ---- bytes

    @property
    def input_full(self) -> bool:
        """Whether the transport should not be read on: one largest packet or more is unread."""
        return self._input.unread_bytes >= self._rules.maximum_packet_bytes

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

    def answer_overdue(self, now_s: float) -> list[Request]:
        """Answer QoS 2 messages sent again that had to wait for an earlier connection's commit.

        Call it after that one's ``acknowledge``; returns as ``receive`` does.
        """
        self._now_s = now_s
        if self._incoming is not None and self._phase in ACCEPTED:
            self._write_overdue(self._incoming)
        return self._hand_out()

    def _read(self) -> list[Request]:
        """Take out packets while the phase lets them pass."""
        try:
            for packet in self._input.packets(
                protocol_level=self._output.protocol_level,
                maximum_packet_bytes=self._rules.maximum_packet_bytes,
            ):
                self._last_packet_s = self._now_s
                self._HANDLERS[type(packet)](self, packet)
                if self._phase not in READING:
                    break
        except ProtocolError as exc:
            self._break_off(exc)
        if self._outgoing is not None and self._phase in ACCEPTED:
            self._outgoing.fill(self._now_s)
        return self._hand_out()

    # ---- packets

    def _accepted(self) -> tuple[SessionState, Incoming, Outgoing]:
        if self.state is None or self._incoming is None or self._outgoing is None:
            raise ProtocolError("first packet is not CONNECT", section="3.1")
        return self.state, self._incoming, self._outgoing

    def _on_connect(self, packet: Connect) -> None:
        if self._phase is not Phase.AWAITING_CONNECT:
            if self._rules.second_connect is SecondConnect.IGNORE:
                return
            raise ProtocolError("second CONNECT", section="3.1")
        self._connect = packet
        self._output.suit(packet)
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
            if pubrec.reason_code.is_failure and self.protocol_level != LEVEL_5:
                self._close("a message sent again was not taken")  # 3.1.1 has no word for it
                return
            self._write(pubrec)

    def _on_subscribe(self, packet: Subscribe) -> None:
        self._accepted()
        judge_subscribe(packet, self._rules)
        self._hand_up(packet)

    def _on_unsubscribe(self, packet: Unsubscribe) -> None:
        self._accepted()
        judge_filters(packet.topic_filters, self._rules)
        self._hand_up(packet)

    def _hand_up(self, packet: Publish | Subscribe | Unsubscribe) -> None:
        self._requests.append(packet)
        if self._rules.one_request_at_a_time or len(self._requests) >= REQUESTS_AT_ONCE:
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
        if self._rules.receiver_packets_close:
            raise ProtocolError("PUBREC, PUBREL and PUBCOMP are not taken here", section="4.3.3")

    def _on_pingreq(self, _packet: Pingreq) -> None:
        self._accepted()
        self._write(Pingresp())

    def _on_disconnect(self, packet: Disconnect) -> None:
        state = self._accepted()[0]
        code = packet.reason_code
        if code not in CLIENT_DISCONNECT_CODES:
            raise ProtocolError(f"DISCONNECT with {code.name} from a client", section="3.14.2.1")
        interval_s = packet.properties.session_expiry_interval_s
        if interval_s is not None:
            if interval_s and state.expiry_interval_s == 0:
                raise ProtocolError("session revived by DISCONNECT", section="3.14.2.2.2")
            state.expiry_interval_s = interval_s
        self._close(
            "client disconnected" + (f": {code.name}" if code else ""),
            with_will=code is not ReasonCode.SUCCESS,
            clean=code in _LEAVE_TAKING,
        )

    def _on_auth(self, _packet: Auth) -> None:
        self._accepted()
        if self._rules.auth_packet is AuthPacket.DISCONNECT:
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
