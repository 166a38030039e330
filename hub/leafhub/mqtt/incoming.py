"""Messages from the client on one connection: what may come, and QoS 2 handed up once."""

import msgspec

from leafhub.errors import ProtocolError
from leafhub.mqtt.admission import UNLIMITED_RECEIVE_MAXIMUM, announcement
from leafhub.mqtt.decoding import LEVEL_5
from leafhub.mqtt.packets import Pubcomp, Publish, Pubrec, Pubrel
from leafhub.mqtt.policy import Policy, QoS2Publish, RefusedPublish
from leafhub.mqtt.properties import EMPTY
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import IncomingStage, SessionState


class Incoming:
    """The PUBLISH packets of one connection and the ids they hold."""

    __slots__ = (
        "_has_every_capability",
        "_level",
        "_open_ids",
        "_owed",
        "_policy",
        "_receive_maximum",
        "_state",
        "_topic_aliases",
        "_unacknowledged",
    )

    def __init__(self, state: SessionState, policy: Policy, protocol_level: int) -> None:
        self._state = state
        self._level = protocol_level
        self._unacknowledged = 0  # QoS 1 messages handed up
        # The next three are made when there is something to put in.
        self._open_ids: set[int] | None = None  # of QoS 2 messages sent on this connection
        self._topic_aliases: dict[int, str] | None = None  # topic_alias_maximum at most
        self._owed: set[int] | None = None
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """Follow other rules from now on."""
        self._policy = policy
        announced = announcement(policy)
        self._receive_maximum = announced.receive_maximum or UNLIMITED_RECEIVE_MAXIMUM
        self._has_every_capability = (
            announced.maximum_qos is None and announced.retain_available is not False
        )

    def judge(self, packet: Publish) -> Publish:
        """Return ``packet`` with its topic name in place; ProtocolError if it may not come.

        Whether a payload declared UTF-8 is any is left to its readers (§3.3.2.3.2 permits both).
        """
        policy = self._policy
        if packet.properties is not EMPTY:
            packet = self._with_topic_name(packet)
        topic_name = packet.topic_name
        if not topic_name:
            raise ProtocolError("empty topic name", section="3.3.2.1")
        if not policy.wildcards_in_topic_names and not _is_plain(topic_name):
            raise ProtocolError(
                "wildcard in a topic name",
                section="3.3.2.1",
                reason_code=ReasonCode.TOPIC_NAME_INVALID,
            )
        if topic_name.count("/") >= policy.maximum_topic_levels:
            raise ProtocolError(
                "more topic levels than are taken here",
                section="4.7.3",
                reason_code=ReasonCode.TOPIC_NAME_INVALID,
            )
        if self._level == LEVEL_5 and not self._has_every_capability:
            self._check_capabilities(packet)
        return packet

    def admit(self, packet: Publish) -> bool:
        """Note that ``packet`` waits for its acknowledgement (§4.3).

        Returns:
            Whether to hand it up. A QoS 2 message that was handed up before is not; its PUBREC is
            among ``overdue`` at once, or when an earlier connection's commit is through. If the
            commit is this connection's own, ``settle`` answers both.
        """
        packet_id = packet.packet_id
        if packet_id is None:
            return True
        is_new = True
        if packet.qos == 1:
            self._unacknowledged += 1
        elif self._policy.qos2_publish is QoS2Publish.HANDSHAKE:
            if self._open_ids is None:
                self._open_ids = set()
            self._open_ids.add(packet_id)
            is_new = packet_id not in self._state.incoming
            if is_new:
                self._state.incoming[packet_id] = IncomingStage.UNDECIDED
            elif self._owed is None:
                self._owed = {packet_id}
            else:
                self._owed.add(packet_id)
        if self._level == LEVEL_5:
            self._check_receive_maximum()
        return is_new

    def overdue(self) -> list[Pubrec]:
        """Take the PUBRECs owed for messages sent again, as far as they are decided.

        One says 0x80 if an earlier connection's message was not taken after all.
        """
        if not self._owed:
            return []
        due: list[Pubrec] = []
        for packet_id in tuple(self._owed):
            stage = self._state.incoming.get(packet_id)
            if stage is IncomingStage.UNDECIDED:
                continue
            self._owed.discard(packet_id)
            if stage is None:
                self._close_id(packet_id)
                due.append(Pubrec(packet_id, ReasonCode.UNSPECIFIED_ERROR))
            else:
                due.append(Pubrec(packet_id))
        return due

    def refusal_closes(self, qos: int) -> bool:
        """Whether a refused PUBLISH ends the connection; only where there is no other word."""
        if self._level == LEVEL_5:
            return False
        if qos == 0:
            return self._policy.refused_qos0_v3_closes
        return self._policy.refused_publish_v3 is RefusedPublish.CLOSE

    def settle(self, publish: Publish, *, refused: bool, ended: bool) -> bool:
        """Note the decision about ``publish``; False if nothing is to be answered.

        Args:
            publish: What was handed up.
            refused: Whether it was not taken.
            ended: Whether the client cannot be told any more. It will send a QoS 2 message again,
                and what was refused is then decided afresh.
        """
        packet_id = publish.packet_id
        if packet_id is None:
            return False
        if publish.qos == 1:
            self._unacknowledged -= 1
            return True
        if self._owed:
            self._owed.discard(packet_id)
        incoming = self._state.incoming
        if incoming.get(packet_id) is not IncomingStage.UNDECIDED:
            return False
        if refused and (ended or self._level == LEVEL_5 or self.refusal_closes(publish.qos)):
            del incoming[packet_id]
            self._close_id(packet_id)
        else:
            incoming[packet_id] = IncomingStage.RECEIVED
        return True

    def release(self, packet: Pubrel) -> Pubcomp:
        """Free the id of a QoS 2 message; returns the answer."""
        self._close_id(packet.packet_id)
        stage = self._state.incoming.get(packet.packet_id)
        if stage is IncomingStage.UNDECIDED:
            raise ProtocolError("PUBREL before PUBREC", section="4.3.3")
        if stage is not None:
            del self._state.incoming[packet.packet_id]
        elif self._policy.qos2_publish is QoS2Publish.HANDSHAKE:
            return Pubcomp(packet.packet_id, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND)
        return Pubcomp(packet.packet_id)

    def _with_topic_name(self, packet: Publish) -> Publish:
        """Judge the properties of a PUBLISH and put the topic name in an alias's place."""
        properties = packet.properties
        if properties.subscription_identifiers:
            raise ProtocolError("Subscription Identifier from a client", section="3.3.4")
        response_topic = properties.response_topic
        if response_topic is not None and not (response_topic and _is_plain(response_topic)):
            raise ProtocolError("bad Response Topic", section="3.3.2.3.5")
        alias = properties.topic_alias
        if alias is None:
            return packet
        if alias > self._policy.topic_alias_maximum:
            raise ProtocolError(
                "Topic Alias above the maximum",
                section="3.3.2.3.4",
                reason_code=ReasonCode.TOPIC_ALIAS_INVALID,
            )
        if self._topic_aliases is None:
            self._topic_aliases = {}
        if packet.topic_name:
            self._topic_aliases[alias] = packet.topic_name
            return packet
        if alias not in self._topic_aliases:
            raise ProtocolError("unknown Topic Alias", section="3.3.2.3.4")
        return msgspec.structs.replace(packet, topic_name=self._topic_aliases[alias])

    def _check_capabilities(self, packet: Publish) -> None:
        """Hold a 5.0 client to what CONNACK announced (§3.2.2.3.4, §3.2.2.3.5)."""
        announced = self._policy.connack_properties
        if announced.maximum_qos is not None and packet.qos > announced.maximum_qos:
            raise ProtocolError(
                "QoS above Maximum QoS",
                section="3.2.2.3.4",
                reason_code=ReasonCode.QOS_NOT_SUPPORTED,
            )
        if packet.retain and announced.retain_available is False:
            raise ProtocolError(
                "RETAIN without Retain Available",
                section="3.2.2.3.5",
                reason_code=ReasonCode.RETAIN_NOT_SUPPORTED,
            )

    def _check_receive_maximum(self) -> None:
        """Count what was sent on this connection and is not through (§4.9).

        A PUBREL that follows from an earlier connection has no part in it.
        """
        at_once = self._unacknowledged + (len(self._open_ids) if self._open_ids else 0)
        if at_once > self._receive_maximum:
            raise ProtocolError(
                "more messages at once than Receive Maximum",
                section="3.3.4",
                reason_code=ReasonCode.RECEIVE_MAXIMUM_EXCEEDED,
            )

    def _close_id(self, packet_id: int) -> None:
        if self._open_ids:
            self._open_ids.discard(packet_id)


def _is_plain(topic: str) -> bool:
    return "+" not in topic and "#" not in topic
