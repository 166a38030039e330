"""The life of one network connection: where it stands, until when it may stay, and how it ends."""

from typing import Final

from leafhub.errors import ProtocolError, UnsupportedProtocolError
from leafhub.mqtt.decoding import LEVEL_3_1_1, LEVEL_5, PROTOCOL_NAMES
from leafhub.mqtt.input_buffer import InputBuffer
from leafhub.mqtt.limits import Limits
from leafhub.mqtt.output import Answer, Output
from leafhub.mqtt.packets import Connack, Connect, Disconnect, Packet, Will
from leafhub.mqtt.phase import ACCEPTED, ENDED, TRANSITIONS, Phase
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import REASON_CODES_OF, ReasonCode
from leafhub.mqtt.requests import Closed, Request
from leafhub.mqtt.session_state import SessionState

_KEEP_ALIVES_OF_SILENCE: Final = 1.5  # MQTT-3.1.2-22
_BRIDGE: Final = 0x80
"""What mosquitto's bridges add to level 3 or 4 first; without it they come again once they read
return code 0x01."""
_NOT_YET: Final = Closed("", None, clean=False)


class Lifetime:
    """Phases, deadlines and ends of a connection; ``Decisions`` and ``Connection`` build on it.

    One rule covers every end: once ``closing`` is true, write the output, close the transport,
    call ``lost``. ``Closed`` is told exactly once: among requests, or by ``lost``.

    Attributes:
        policy: The rules in force, as they were given: before the limits cut them down.
        state: The session; None before ``accept``.
    """

    __slots__ = (
        "_closed",
        "_connect",
        "_deadline_s",
        "_input",
        "_keep_alive_s",
        "_last_packet_s",
        "_limits",
        "_now_s",
        "_output",
        "_phase",
        "_requests",
        "_rules",
        "_will",
        "policy",
        "state",
    )

    def __init__(self, policy: Policy, connect_deadline_s: float | None, limits: Limits) -> None:
        self.policy = policy
        self.state: SessionState | None = None
        self._limits = limits
        self._rules = policy.within(limits)
        self._phase = Phase.AWAITING_CONNECT
        self._connect: Connect | None = None  # until it is accepted: there is a password in it
        self._will: Will | None = None
        self._input = InputBuffer()
        self._output = Output()
        self._requests: list[Request] = []
        self._closed = _NOT_YET
        self._now_s = 0.0
        self._last_packet_s = 0.0
        self._keep_alive_s = 0
        self._deadline_s = connect_deadline_s  # of the login

    @property
    def phase(self) -> Phase:
        """Where the connection stands."""
        return self._phase

    @property
    def closing(self) -> bool:
        """Whether output is to be written, the transport closed and ``lost`` called."""
        return self._phase in ENDED

    @property
    def protocol_level(self) -> int:
        """3, 4 or 5; 4 before CONNECT."""
        return self._output.protocol_level

    @protocol_level.setter
    def protocol_level(self, level: int) -> None:
        self._output.protocol_level = level

    def take_output(self) -> bytes:
        """Take the bytes that are to be written now."""
        return self._output.take()

    @property
    def unwritten_bytes(self) -> int:
        """What ``take_output`` would give, short acknowledgements left out: write in time."""
        return self._output.unwritten_bytes

    # ---- deadlines

    def next_deadline_s(self) -> float | None:
        """Monotonic time at which ``on_deadline`` is to be called; None while there is none."""
        if self._phase in {Phase.AWAITING_CONNECT, Phase.DECIDING}:
            return self._deadline_s
        if self._phase is not Phase.OPEN:
            return None
        if self._keep_alive_s:
            return self._last_packet_s + _KEEP_ALIVES_OF_SILENCE * self._keep_alive_s
        if self._rules.keep_alive_zero_idle_s is None:
            return None
        return self._last_packet_s + self._rules.keep_alive_zero_idle_s

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

    # ---- ends

    def refuse(self, reason_code: ReasonCode | None, reason_string: str | None = None) -> None:
        """Refuse CONNECT in the client's version, then close; None closes without a word."""
        self._refuse(reason_code, reason_string, "CONNECT refused")

    def end(self, reason_code: ReasonCode | None, reason: str) -> None:
        """End the connection from our side; a Will is due.

        Args:
            reason_code: For the 5.0 DISCONNECT, or the CONNACK of a client that waits for one;
                None says nothing.
            reason: For the log; and for the client, if its policy says so: nothing secret.
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
            self._output.write_answer(Disconnect(reason_code, reason_property(self._told(reason))))
        self._close(reason)

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

    def _refuse(
        self, reason_code: ReasonCode | None, reason_string: str | None, reason: str
    ) -> None:
        if self._phase is not Phase.DECIDING:
            return
        if reason_code is not None:
            properties = reason_property(reason_string)
            self._output.write_answer(
                Connack(session_present=False, reason_code=reason_code, properties=properties)
            )
            reason = f"{reason}: {reason_code.name}"
        self._close(reason)

    def _break_off(self, error: ProtocolError) -> None:
        """End a connection whose peer broke the protocol (§4.13.1)."""
        first = self._phase is Phase.AWAITING_CONNECT
        if first and isinstance(error, UnsupportedProtocolError):
            if self._rules.answer_unsupported_protocol and error.protocol_name in PROTOCOL_NAMES:
                is_later = LEVEL_5 < error.protocol_level < _BRIDGE
                self.protocol_level = LEVEL_5 if is_later else LEVEL_3_1_1
                refusal = ReasonCode(error.reason_code)
                self._output.write(Connack(session_present=False, reason_code=refusal))
            self._close(str(error))
            return
        self.end(ReasonCode(error.reason_code), str(error))

    def _close(self, reason: str, *, with_will: bool = True, clean: bool = False) -> None:
        """Turn to CLOSING and let go of the session; without one no Will is due (§3.1.2.5)."""
        if self.state is not None:
            self._leave(self.state)
        self._closed = Closed(reason, self._will if with_will else None, clean)
        self._connect = self._will = None
        self._input = InputBuffer()
        self._move(Phase.CLOSING)

    def _leave(self, state: SessionState) -> None:
        if state.connection is self:
            state.connection = None
            state.disconnected_at_s = self._now_s

    # ---- for what builds on it

    def _move(self, phase: Phase) -> None:
        if phase not in TRANSITIONS[self._phase]:
            raise RuntimeError(f"no way from {self._phase} to {phase}")
        self._phase = phase

    def _adopt(self, policy: Policy) -> None:
        self.policy = policy
        self._rules = policy.within(self._limits)

    def _write(self, packet: Packet) -> None:
        if not self._output.write(packet):
            self._close("the client takes no packet as long as the answer")

    def _write_answer(self, packet: Answer) -> None:
        if not self._output.write_answer(packet):
            self._close("the client takes no packet as long as the answer")

    def _told(self, reason: str) -> str | None:
        """Give what the client is told of ``reason``."""
        return reason if self._rules.tell_reasons else None

    def _hand_out(self) -> list[Request]:
        requests = self._requests.copy()
        self._requests.clear()
        if self._phase is Phase.CLOSING:
            requests.append(self._closed)
            self._move(Phase.CLOSED)
        return requests


def reason_property(reason_string: str | None) -> Properties:
    """Make the properties of an answer that may have a reason."""
    return EMPTY if reason_string is None else Properties(reason_string=reason_string)
