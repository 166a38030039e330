"""Whom changes of the registry concern, and whose connections end with them."""

from collections.abc import Iterable, Mapping, Sequence

from leafhub.dialects.base import Arrival
from leafhub.dialects.integration_login import NAME as OPERATORS
from leafhub.dialects.interface import Dialect
from leafhub.exchange.session import Session
from leafhub.exchange.sessions import Sessions
from leafhub.model.device import Device
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteDevice,
    DeleteOperator,
    PutApplication,
    PutDevice,
    PutOperator,
    Registry,
)
from leafhub.mqtt.reason_codes import ReasonCode


def deleted_devices(changes: Iterable[Change], registry: Registry) -> list[tuple[str, str]]:
    """Application and id of the devices there are that changes remove."""
    deleted: list[tuple[str, str]] = []
    for change in changes:
        if isinstance(change, DeleteDevice):
            deleted.append((change.application, change.id))
        elif isinstance(change, DeleteApplication):
            deleted.extend((change.name, device.id) for device in registry.devices(change.name))
    return deleted


class Concerned:
    """The devices and operators that changes are about, as they were before.

    Args:
        changes: What is to change.
        registry: As it is before them.
    """

    def __init__(self, changes: Sequence[Change], registry: Registry) -> None:
        self._registry = registry
        self._devices = _devices_of(changes, registry)
        self._operators = _operators_of(changes, registry)

    def end_unwelcome(
        self, sessions: Sessions, dialects: Mapping[str, Dialect], arrival: Arrival
    ) -> None:
        """Close the connections of those who may no longer log in as they did.

        A session that stays loses the subscriptions that it would not be granted now; its
        connection ends then too, for MQTT has no other way to tell the client.
        """
        for device in self._devices:
            live = sessions.of_device(device.application, device.id)
            if not self._may_stay(device):
                for session in live:
                    _end(session, "the device may no longer log in")
            for session in (*live, *sessions.kept_of_device(device.application, device.id)):
                self._review(session, sessions, dialects, arrival)
        narrowed = {one.name for one in self._operators if self._is_narrowed(one)}
        if narrowed:
            for session in sessions.live():
                principal = session.principal
                if principal.dialect == OPERATORS and principal.login in narrowed:
                    _end(session, "the operator may no longer log in, or do less than before")

    def _review(
        self,
        session: Session,
        sessions: Sessions,
        dialects: Mapping[str, Dialect],
        arrival: Arrival,
    ) -> None:
        dialect = dialects.get(session.principal.dialect)
        if dialect is None:
            return
        subscriptions = session.state.subscriptions
        review = dialect.review(session.principal, tuple(subscriptions), self._registry, arrival)
        for topic_filter in review.lost:
            subscriptions.pop(topic_filter, None)
            sessions.unsubscribe(session, topic_filter)
        if review.ends:
            _end(session, review.ends)
        elif review.lost:
            _end(session, "it may not have all of its subscriptions any more")

    def _may_stay(self, before: Device) -> bool:
        """Whether a device is the one it was, and lost no proof with which it may have come in."""
        application = self._registry.application(before.application)
        now = self._registry.device(before.application, before.id)
        return (
            application is not None
            and application.enabled
            and now is not None
            and now.enabled
            and now.uid == before.uid
            and set(before.credentials) <= set(now.credentials)
        )

    def _is_narrowed(self, before: Operator) -> bool:
        """Whether an operator lost a proof, with which it may have logged in, or a right."""
        now = self._registry.operator(before.name)
        return (
            now is None
            or not set(before.proofs) <= set(now.proofs)
            or any(
                before.may(role, place) and not now.may(role, place)
                for place in (None, *before.roles)
                for role in Role
            )
        )


def _devices_of(changes: Iterable[Change], registry: Registry) -> list[Device]:
    found: list[Device | None] = []
    for change in changes:
        match change:
            case PutDevice(device):
                found.append(registry.device(device.application, device.id))
            case DeleteDevice(application, device_id):
                found.append(registry.device(application, device_id))
            case PutApplication(application):
                found.extend(registry.devices(application.name))
            case DeleteApplication(name):
                found.extend(registry.devices(name))
            case PutOperator() | DeleteOperator():
                continue
    return [device for device in found if device is not None]


def _operators_of(changes: Iterable[Change], registry: Registry) -> list[Operator]:
    names = [
        change.operator.name if isinstance(change, PutOperator) else change.name
        for change in changes
        if isinstance(change, PutOperator | DeleteOperator)
    ]
    return [one for one in map(registry.operator, names) if one is not None]


def _end(session: Session, reason: str) -> None:
    if session.link is not None:
        session.link.end(ReasonCode.ADMINISTRATIVE_ACTION, reason)
