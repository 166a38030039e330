"""What the layer above says to a connection: who may come in, what is taken, what is sent."""

from collections.abc import Sequence

import msgspec

from leafhub.mqtt.admission import (
    announcement,
    ground_for_refusal,
    keep_alive_s,
    session_expiry_interval_s,
)
from leafhub.mqtt.decoding import LEVEL_3_1, LEVEL_5
from leafhub.mqtt.incoming import Incoming
from leafhub.mqtt.lifetime import Lifetime, reason_property
from leafhub.mqtt.limits import Limits
from leafhub.mqtt.outgoing import Outgoing
from leafhub.mqtt.outgoing_message import OutgoingMessage, SendResult
from leafhub.mqtt.packets import (
    Connack,
    Connect,
    Puback,
    Publish,
    Pubrec,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from leafhub.mqtt.phase import ACCEPTED, ENDED, Phase
from leafhub.mqtt.policy import Policy, QoS2Publish
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import REASON_CODES_OF, ReasonCode
from leafhub.mqtt.session_state import Backlog, SessionState
from leafhub.mqtt.subscribing import put_subscriptions, take_subscriptions


class Decisions(Lifetime):
    """The answers to the requests of a connection, and messages to its client."""

    __slots__ = ("_incoming", "_outgoing")

    def __init__(self, policy: Policy, connect_deadline_s: float | None, limits: Limits) -> None:
        super().__init__(policy, connect_deadline_s, limits)
        self._incoming: Incoming | None = None  # this and the next come with ``state``
        self._outgoing: Outgoing | None = None

    # ---- CONNECT

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
        meanwhile. A CONNECT that asks for what ``policy`` says is not there (the Will's QoS or
        retain, an authentication method), or whose Will can never be published, is refused.

        Args:
            policy: The rules from now on.
            state: The session, which ``end`` has taken from any earlier connection; its expiry
                interval is set here.
            session_present: Whether ``state`` was there before.
            now_s: Monotonic time.
            assigned_client_id: What a client without a client id is called.
        """
        connect = self._connect
        if self._phase is not Phase.DECIDING or connect is None:
            return
        self._now_s = now_s
        self._adopt(policy)
        rules = self._rules
        ground = ground_for_refusal(connect, rules)
        if ground is not None:
            self._refuse(ground.reason_code, self._told(ground.reason), ground.reason)
            return
        announced = announcement(rules)
        self._take_over(state, connect, announced)
        if rules.assign_client_id and assigned_client_id is not None:
            announced = msgspec.structs.replace(
                announced, assigned_client_identifier=assigned_client_id
            )
        is_told = session_present and self.protocol_level != LEVEL_3_1  # 3.1 has no such flag
        self._move(Phase.PAUSED)
        self._write_answer(Connack(is_told, ReasonCode.SUCCESS, announced))
        if not self.closing:
            self._will = connect.will
            self.fill(now_s)

    def _take_over(self, state: SessionState, connect: Connect, announced: Properties) -> None:
        """Make ``state`` the session of this connection."""
        self.state = state
        state.connection = self
        state.disconnected_at_s = None
        state.policy = self._rules
        state.expiry_interval_s = session_expiry_interval_s(connect, announced)
        self._keep_alive_s = keep_alive_s(connect, announced)
        self._last_packet_s = self._now_s
        self._connect = None
        self._incoming = Incoming(state, self._rules, self.protocol_level)
        self._outgoing = Outgoing(
            state,
            connect.properties,
            self._rules,
            output=self._output,
            reports=self._requests,
        )

    def set_policy(self, policy: Policy) -> None:
        """Change the rules of a live connection: its dialect became known, or is another now."""
        self._adopt(policy)
        if self._incoming is not None and self._outgoing is not None:
            self._incoming.adopt(self._rules)
            self._outgoing.adopt(self._rules)
        if self.state is not None and self.state.connection is self:
            self.state.policy = self._rules

    # ---- PUBLISH, SUBSCRIBE, UNSUBSCRIBE

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
        if qos == 2 and self._rules.qos2_publish is QoS2Publish.UNANSWERED:
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
        if self._output.protocol_level != LEVEL_5:
            reason_code, reason_string = ReasonCode.SUCCESS, None
        if qos == 1 and reason_code == 0 and reason_string is None:
            self._output.packets.append(b"\x40\x02" + packet_id.to_bytes(2, "big"))
            return
        if reason_code not in REASON_CODES_OF[4]:
            reason_code = ReasonCode.UNSPECIFIED_ERROR
        kind = Puback if qos == 1 else Pubrec
        self._write_answer(kind(packet_id, reason_code, reason_property(reason_string)))

    def grant(
        self,
        subscribe: Subscribe,
        reason_codes: Sequence[ReasonCode],
        reason_string: str | None = None,
        notes: Sequence[str] | None = None,
    ) -> None:
        """Answer SUBSCRIBE with a code for each request; what was granted stays in the session.

        What goes beyond ``maximum_subscriptions`` of the policy is refused all the same, with
        0x97. ``notes``, one for each request, go into the subscriptions. Whether a subscription is
        new (§3.8.3.1, Retain Handling 1) can be seen in ``state.subscriptions`` before the call.
        """
        if self._phase not in ACCEPTED or self.state is None:
            return
        codes = put_subscriptions(
            self.state, subscribe, reason_codes, notes or ("",) * len(reason_codes)
        )
        if reason_string is None and ReasonCode.QUOTA_EXCEEDED in codes:
            most = self._rules.maximum_subscriptions
            reason_string = self._told(f"no more than {most} subscriptions in a session")
        self._write_answer(Suback(subscribe.packet_id, codes, reason_property(reason_string)))

    def unsubscribed(
        self,
        unsubscribe: Unsubscribe,
        reason_codes: Sequence[ReasonCode],
        reason_string: str | None = None,
    ) -> None:
        """Answer UNSUBSCRIBE with a code for each filter; those with SUCCESS leave the session."""
        if self._phase not in ACCEPTED or self.state is None:
            return
        take_subscriptions(self.state, unsubscribe.topic_filters, reason_codes)
        self._write_answer(
            Unsuback(unsubscribe.packet_id, tuple(reason_codes), reason_property(reason_string))
        )

    # ---- messages to the client

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
            return self.state.enqueue(message, now_s)
        return self._outgoing.send(message, now_s)

    def add_backlog(self, topic_filter: str, messages: Backlog, now_s: float) -> None:
        """Send many messages little by little, the first of them now; see ``SessionState``."""
        if self.state is not None:
            self.state.add_backlog(topic_filter, messages)
            self.fill(now_s)

    @property
    def can_fill(self) -> bool:
        """Whether ``fill`` would bring more: there is a backlog, and the client has room."""
        if self._phase not in ACCEPTED or self._outgoing is None:
            return False
        return self._outgoing.can_fill

    def fill(self, now_s: float) -> None:
        """Put out what waits, ``BACKLOG_BYTES`` of backlogs at most.

        Call it when output was written and the transport takes more, as long as ``can_fill``; and
        when it takes more again. Acknowledgements of the client bring the next ones by themselves.
        """
        self._now_s = now_s
        if self._phase in ACCEPTED and self._outgoing is not None:
            self._outgoing.fill(now_s)
