"""Scripts against ``Connection`` in this process: nothing raises, hangs or grows."""

import time
from collections.abc import Sequence
from random import Random
from typing import Final

from fuzz.scenario import Script, script
from leafhub.dialects.broker import login as broker
from leafhub.dialects.cloudplugs import login as cloudplugs
from leafhub.dialects.drogue import policy as drogue
from leafhub.dialects.murano import provisioning
from leafhub.errors import ProtocolError
from leafhub.mqtt.codec import decode_packet
from leafhub.mqtt.packets import Connect, Disconnect, Publish, Subscribe, Unsubscribe
from leafhub.mqtt.policy import STANDARD, Policy
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import Closed, Connection, OutgoingMessage, Request, SessionState

LONGEST_CALL_S: Final = 2.0
"""One read of a connection; a thousand times what it takes on a busy machine."""
POLICY: Final = Policy(
    maximum_packet_bytes=4_096,
    topic_alias_maximum=2,
    outgoing_window=4,
    outgoing_queue=20,
    maximum_topic_levels=64,
)
POLICIES: Final = (
    *(POLICY, POLICY, broker.POLICY, drogue.POLICY),
    *(cloudplugs.DEVICE_POLICY, provisioning.POLICY, STANDARD),
)
"""Tight bounds most of the time, and what dialects bend of MQTT."""
_LONGEST_READ_BYTES: Final = 1 << 20
_VERDICTS: Final = (
    *(ReasonCode.SUCCESS,) * 6,
    ReasonCode.NOT_AUTHORIZED,
    ReasonCode.QUOTA_EXCEEDED,
)


class FuzzError(AssertionError):
    """A script did what none may do."""


def run_case(seed: str) -> int:
    """Run the script of a seed; gives the number of packets that a connection got of it.

    Raises:
        FuzzError: It was not ended exactly once, wrote what is no MQTT, took too long, or held
            more than it may. Whatever else is raised is a bug too.
    """
    chance = Random(seed)  # noqa: S311 - reproducible, not secret
    drawn = script(chance)
    return drawn.packets_in(_Case(chance, drawn).run())


class _Case:
    """One connection and the layer above it, which decides by chance."""

    def __init__(self, chance: Random, drawn: Script) -> None:
        self._chance = chance
        self._script = drawn
        self._policy = chance.choice(POLICIES)
        self._connection = Connection(POLICY, connect_deadline_s=50.0)
        self._state = SessionState("key", self._policy)
        self._waiting: list[Publish] = []
        self._ends = 0
        self._now_s = 0.0
        self._output = b""

    def run(self) -> int:
        """Gives the number of bytes that went in before the end."""
        fed_bytes = 0
        for piece in self._script.pieces(self._chance):
            self._now_s += self._chance.choice((0.0, 0.0, 0.1, 20.0))
            started_s = time.perf_counter()
            fed_bytes += len(piece)
            self._work(self._connection.receive(piece, self._now_s))
            self._happen()
            took_s = time.perf_counter() - started_s
            if took_s > LONGEST_CALL_S:
                raise FuzzError(f"{took_s:.1f} s for {len(piece)} bytes")
            self._check_bounds()
            self._output += self._connection.take_output()
            if self._connection.closing:
                break
        self._settle_all()
        self._ends += self._connection.lost("end of the script", self._now_s) is not None
        self._output += self._connection.take_output()
        if not self._connection.closing or self._ends != 1:
            raise FuzzError(f"it ended {self._ends} times")
        self._check_output()
        return fed_bytes

    def _work(self, requests: Sequence[Request]) -> None:
        while requests:
            for request in requests:
                self._decide(request)
            if self._chance.random() < 0.9:
                self._settle_all()
            requests = self._connection.resume(self._now_s)

    def _decide(self, request: Request) -> None:
        match request:
            case Closed():
                self._ends += 1
            case Connect():
                self._log_in()
            case Publish():
                self._waiting.append(request)
            case Subscribe():
                codes = [
                    ReasonCode(one.qos)
                    if self._chance.random() < 0.8
                    else ReasonCode.NOT_AUTHORIZED
                    for one in request.requests
                ]
                self._connection.grant(request, codes, self._reason())
            case Unsubscribe():
                codes = [
                    self._chance.choice((ReasonCode.SUCCESS, ReasonCode.NO_SUBSCRIPTION_EXISTED))
                    for _ in request.topic_filters
                ]
                self._connection.unsubscribed(request, codes, self._reason())
            case _:  # Delivered, Dropped: nobody waits for them
                return

    def _log_in(self) -> None:
        if self._chance.random() < 0.05:
            self._connection.refuse(ReasonCode.NOT_AUTHORIZED, self._reason())
            return
        present = self._chance.random() < 0.3
        self._connection.accept(
            self._policy,
            self._state,
            session_present=present,
            now_s=self._now_s,
            assigned_client_id="given",
        )

    def _settle_all(self) -> None:
        for publish in self._waiting:
            self._connection.acknowledge(publish, self._chance.choice(_VERDICTS), self._reason())
        self._waiting.clear()

    def _happen(self) -> None:
        """What does not come from the client."""
        kind = self._chance.randrange(12)
        if kind < 4:
            message = OutgoingMessage(
                topic_name=self._chance.choice(("a", "a/b")),
                payload=b"x" * self._chance.choice((0, 10, 300)),
                qos=self._chance.randrange(3),
                expires_at_s=self._chance.choice((None, self._now_s, self._now_s + 10)),
                token=self._chance.choice((None, 1)),
            )
            self._connection.send(message, self._now_s)
        elif kind == 4:
            self._connection.pause()
        elif kind == 5:
            self._work(self._connection.on_deadline(self._now_s))
        elif kind == 6:
            self._work(self._connection.resume(self._now_s))

    def _reason(self) -> str | None:
        return self._chance.choice((None, None, "because"))

    def _check_bounds(self) -> None:
        state = self._state
        held = len(state.in_flight), len(state.queue or ())
        if held[0] > self._policy.outgoing_window or held[1] > self._policy.outgoing_queue:
            raise FuzzError(f"{held} messages are held")
        if len(self._output) > _LONGEST_READ_BYTES:
            raise FuzzError(f"{len(self._output)} bytes were written")

    def _check_output(self) -> None:
        """Whatever the server said is MQTT of the client's version, and DISCONNECT its last."""
        data = memoryview(self._output)
        level = self._connection.protocol_level
        place = 0
        try:
            while place < len(data):
                found = decode_packet(
                    data, place, protocol_level=level, maximum_packet_bytes=1 << 24
                )
                if found is None:
                    raise FuzzError(f"an unfinished packet: {data[place:].hex(' ')}")
                packet, place = found
                if isinstance(packet, Disconnect) and place != len(data):
                    raise FuzzError("something was said after DISCONNECT")
        except ProtocolError as exc:
            raise FuzzError(f"it wrote what is no MQTT: {exc}") from exc
