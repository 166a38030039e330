"""What clients say: PUBLISH, Wills, and that a device came or went, each device's in their order.

A dialect judges each; what it means is carried out. Where that depends on an endpoint's answer, it
waits in the lane of its device, and all that the device does afterwards waits behind it.
"""

import logging
from collections.abc import Callable, Hashable, Mapping

from leafhub.dialects.base import Arrival, Outcome, Principal
from leafhub.dialects.inquiry import Inquiry
from leafhub.dialects.interface import Dialect, Face
from leafhub.errors import BusyError, StoreUnavailableError
from leafhub.exchange.carrier import Carrier
from leafhub.exchange.endpoints.lanes import Lanes
from leafhub.exchange.session import Session
from leafhub.model.event import Event
from leafhub.model.registry import Registry
from leafhub.mqtt.decoding import LEVEL_5
from leafhub.mqtt.packets import Publish, Will
from leafhub.mqtt.reason_codes import ReasonCode

Finish = Callable[[Outcome, StoreUnavailableError | None], None]
"""Told what a PUBLISH meant, and that it is on disk or why not; sends the acknowledgement."""

_GONE = Outcome(
    reason_code=ReasonCode.NOT_AUTHORIZED,
    reason_string="Not authorized",
    log="the device was deleted while its message waited for an endpoint",
)
_BROKEN = Outcome(reason_code=ReasonCode.UNSPECIFIED_ERROR)

log = logging.getLogger(__name__)


def _log_mistake(exc: Exception) -> None:
    log.error("A mistake of the hub with the news of a device", exc_info=exc)


class Messages:
    """Has each message judged, and brings it to its end.

    Args:
        registry: For the dialects.
        faces: Who judges PUBLISH and Wills, by name.
        dialects: Who judges the news of devices, by name.
        carrier: Carries out what they mean.
        lanes: Where they wait for endpoints.
        become: Told who is somebody else from now on.
        arrival: Gives now, and identifiers.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        faces: Mapping[str, Face],
        dialects: Mapping[str, Dialect],
        carrier: Carrier,
        lanes: Lanes,
        become: Callable[[Session, Principal], None],
        arrival: Callable[[], Arrival],
    ) -> None:
        self._registry = registry
        self._faces = faces
        self._dialects = dialects
        self._carrier = carrier
        self._lanes = lanes
        self._become = become
        self._arrival = arrival

    def holds_up(self, session: Session) -> bool:
        """Whether so much of a client's waits for endpoints that it should send no more."""
        return self._lanes.holds_up(_lane_of(session, session.principal))

    def publish(self, session: Session, publish: Publish, finish: Finish) -> bool:
        """See ``Exchange.publish``."""
        arrival = self._arrival()
        if self._lanes.some and _lane_of(session, session.principal) in self._lanes:
            return self._publish_later(session, publish, finish, arrival, None)
        verdict = self._judge(session, publish, arrival)
        if isinstance(verdict, Inquiry):
            return self._publish_later(session, publish, finish, arrival, verdict)
        self._carry_out(session, publish, verdict, finish)
        return False

    def will(self, session: Session, will: Will) -> None:
        """Say what a client wanted said when it is gone."""
        principal = session.principal
        arrival = self._arrival()

        def judge() -> Outcome | Inquiry[Outcome]:
            face = self._faces[principal.dialect]
            return face.on_will(will, principal, self._registry, arrival)

        def end(outcome: Outcome) -> None:
            due = Outcome(
                events=outcome.events,
                publications=outcome.publications,
                updates=outcome.updates,
                log=outcome.log,
            )
            self._carrier.carry_out(session, self._carrier.within_bounds(due, may_refuse=False))

        lane = _lane_of(session, principal)
        self._in_turn(lane, principal, judge, end, len(will.payload))

    def connection(self, principal: Principal, event: Event) -> None:
        """Tell that a device came or went."""
        place = event.application, event.device

        def judge() -> Outcome | Inquiry[Outcome]:
            return self._dialects[principal.dialect].on_connection(event, self._registry)

        def end(outcome: Outcome) -> None:
            if outcome.log:
                log.info("%s/%s: %s", *place, outcome.log)
            self._carrier.commit(Outcome(events=outcome.events), _ignore)

        self._in_turn(place, principal, judge, end)

    def _publish_later(
        self,
        session: Session,
        publish: Publish,
        finish: Finish,
        arrival: Arrival,
        first: Inquiry[Outcome] | None,
    ) -> bool:
        """Let a message wait, for its turn or for an endpoint; apart, for most do neither."""

        def judge() -> Outcome | Inquiry[Outcome]:
            return first or self._judge(session, publish, arrival)

        def end(outcome: Outcome) -> None:
            self._carry_out(session, publish, outcome, finish)

        def broken(exc: Exception) -> None:
            log.error("A mistake of the hub with a PUBLISH", exc_info=exc)
            finish(_BROKEN, None)

        principal = session.principal
        lane = _lane_of(session, principal)
        self._wait(lane, principal, judge, end, broken=broken, size_bytes=len(publish.payload))
        return self._lanes.holds_up(lane)

    def _in_turn(
        self,
        lane: Hashable,
        principal: Principal,
        judge: Callable[[], Outcome | Inquiry[Outcome]],
        end: Callable[[Outcome], None],
        size_bytes: int = 0,
    ) -> None:
        """Judge something and bring it to its end, now or when what is before it is at its own."""
        if lane in self._lanes:
            self._wait(lane, principal, judge, end, size_bytes=size_bytes)
            return
        verdict = judge()
        if isinstance(verdict, Inquiry):
            self._wait(lane, principal, lambda: verdict, end, size_bytes=size_bytes)
        else:
            end(verdict)

    def _wait(
        self,
        lane: Hashable,
        principal: Principal,
        judge: Callable[[], Outcome | Inquiry[Outcome]],
        end: Callable[[Outcome], None],
        *,
        broken: Callable[[Exception], None] = _log_mistake,
        size_bytes: int,
    ) -> None:
        uid = self._uid_of(principal)
        try:
            self._lanes.enter(
                lane,
                judge,
                lambda outcome: end(self._still_good(outcome, principal, uid)),
                broken,
                size_bytes,
            )
        except BusyError as exc:
            end(_too_much(exc))

    def _judge(
        self, session: Session, publish: Publish, arrival: Arrival
    ) -> Outcome | Inquiry[Outcome]:
        principal = session.principal
        return self._faces[principal.dialect].on_publish(
            publish, principal, self._registry, arrival
        )

    def _carry_out(
        self, session: Session, publish: Publish, outcome: Outcome, finish: Finish
    ) -> None:
        outcome = self._carrier.within_bounds(
            outcome, may_refuse=publish.qos > 0 and session.protocol_level >= LEVEL_5
        )
        taken = self._carrier.carry_out(session, outcome, lambda error: finish(outcome, error))
        if taken and outcome.become is not None and session.link is not None:
            self._become(session, outcome.become)

    def _uid_of(self, principal: Principal) -> str | None:
        if principal.application is None or principal.device is None:
            return None
        device = self._registry.device(principal.application, principal.device)
        return None if device is None else device.uid

    def _still_good(self, outcome: Outcome, principal: Principal, uid: str | None) -> Outcome:
        """The outcome, unless a device was deleted, or made anew, while this waited."""
        devices = {(event.application, event.device) for event in outcome.events}
        are_there = all(self._registry.device(*place) is not None for place in devices)
        return outcome if are_there and self._uid_of(principal) == uid else _GONE


def _lane_of(session: Session, principal: Principal) -> Hashable:
    """A device's messages keep their order over all its connections, those of others on one."""
    if principal.application is None or principal.device is None:
        return session
    return principal.application, principal.device


def _too_much(exc: BusyError) -> Outcome:
    return Outcome(
        reason_code=ReasonCode.QUOTA_EXCEEDED, reason_string="Quota exceeded", log=str(exc)
    )


def _ignore(_error: StoreUnavailableError | None) -> None:
    """That news are not stored was told already, by the store."""
