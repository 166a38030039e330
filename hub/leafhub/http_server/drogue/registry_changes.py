"""What a call to Drogue Cloud's registry changes, judged on what stands there at that moment.

Everything here is quick and waits for nothing: between the look at the registry and the changes
that follow from it nobody else gets a turn. Names taken by applications of other dialects are
taken; otherwise those are not there.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from leafhub.dialects.base import Arrival
from leafhub.dialects.drogue.credentials import section_name
from leafhub.dialects.drogue.records import (
    complete_application,
    complete_device,
    resource_version,
)
from leafhub.dialects.drogue.settings import (
    NAME,
    ApplicationSettings,
    DeviceSettings,
    check_name,
    settings_of,
)
from leafhub.errors import RequestError
from leafhub.exchange import operators
from leafhub.http_server.drogue.errors import (
    AbsentError,
    BadRequestError,
    ClashError,
    NotAuthorizedError,
    ReferenceNotFoundError,
    StatusAloneError,
)
from leafhub.http_server.drogue.registry_records import (
    ApplicationRecord,
    DeviceRecord,
    Preconditions,
)
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteDevice,
    PutApplication,
    PutDevice,
    Registry,
)

HAS_DEVICES: Final = "has-devices"
"""The finalizer of a deleted application whose devices have some of their own."""

Changes = Sequence[Change]

_R = TypeVar("_R", Application, Device)


class RegistryDesk:
    """Judges one call.

    Args:
        registry: As it is now.
        caller: Who calls, as it is now.
        arrival: Gives time and identifiers for what is new.
    """

    def __init__(self, registry: Registry, caller: Operator, arrival: Arrival) -> None:
        self._registry = registry
        self._caller = caller
        self._arrival = arrival

    # What is there

    def application(self, name: str) -> Application:
        """An application.

        Raises:
            StatusAloneError: It is not there, as far as the caller may know.
        """
        application = self._find(name)
        if application is None:
            raise StatusAloneError(404)
        return application

    def applications(self) -> list[Application]:
        """Those that the caller may see, by name."""
        found = self._registry.applications(NAME)
        readable = (one for one in found if self._caller.may(Role.READER, one.name))
        return sorted(readable, key=lambda one: one.name)

    def device(self, application: str, name: str) -> Device:
        """A device.

        Raises:
            AbsentError: Its application is not there, as far as the caller may know.
            StatusAloneError: The device is not there.
        """
        self._known(application, Role.READER)
        device = self._registry.device(application, name)
        if device is None:
            raise StatusAloneError(404)
        return device

    def devices(self, application: str) -> list[Device]:
        """Those of an application, by name.

        Raises:
            AbsentError: It is not there, as far as the caller may know.
        """
        self._known(application, Role.READER)
        return sorted(self._registry.devices(application), key=lambda one: one.id)

    def may_change(self, application: str) -> bool:
        """Whether the caller may change an application, and so know the secrets in it."""
        return self._caller.may(Role.WRITER, application)

    # What changes with applications

    def create_application(self, wanted: ApplicationRecord) -> Changes:
        """Make an application; who makes it is its admin.

        Raises:
            NotAuthorizedError: It takes somebody who may change things in the hub as a whole.
            ClashError: There is one of that name, of whatever dialect.
        """
        name = wanted.metadata.name
        if not self._caller.may(Role.WRITER):
            raise NotAuthorizedError
        if self._registry.application(name) is not None:
            raise ClashError
        application = Application(
            name=name,
            uid=self._arrival.ids.uuid(),
            dialect=NAME,
            settings=ApplicationSettings(**_settings(wanted)),
            created_us=self._arrival.time_us,
        )
        return (
            PutApplication(complete_application(application, None, self._arrival)),
            *operators.own(self._caller, self._registry, name),
        )

    def update_application(self, name: str, wanted: ApplicationRecord) -> Changes:
        """Replace what is known of an application.

        Raises:
            StatusAloneError: The path names another one.
            AbsentError: It is not there, as far as the caller may know.
            NotAuthorizedError: The caller may not change it.
            ClashError: It is not as the caller knows it.
        """
        if wanted.metadata.name != name:
            raise StatusAloneError(400)
        before = self._permitted(self._present(name), Role.WRITER)
        _check(before, wanted.metadata.uid, wanted.metadata.resource_version)
        settings = ApplicationSettings(
            **_settings(wanted), deleted_us=settings_of(before).deleted_us
        )
        return self._settle(
            replace(
                before,
                settings=settings,
                enabled=before.enabled if "core" in wanted.spec else True,
            ),
            before,
        )

    def delete_application(self, name: str, preconditions: Preconditions) -> Changes:
        """Delete an application and its devices, but for those that have finalizers.

        It stays too, and waits, where one of those does or it has finalizers of its own.

        Raises:
            AbsentError: It is not there, as far as the caller may know, or deleted already.
            NotAuthorizedError: The caller is no admin of it.
            ClashError: It is not as the caller knows it.
        """
        before = self._permitted(_not_deleted(self._present(name)), Role.ADMIN)
        _check(before, preconditions.uid, preconditions.resource_version)
        devices = tuple(self._registry.devices(name))
        going = tuple(DeleteDevice(name, d.id) for d in devices if not settings_of(d).finalizers)
        finalizers = settings_of(before).finalizers
        if len(going) < len(devices) and HAS_DEVICES not in finalizers:
            finalizers = (*finalizers, HAS_DEVICES)
        if not finalizers:
            return (DeleteApplication(name),)
        after = _with(before, finalizers=finalizers, deleted_us=self._arrival.time_us)
        return (*going, PutApplication(complete_application(after, before, self._arrival)))

    def _settle(self, after: Application, before: Application) -> Changes:
        """What it takes for an application to be like that, which may be that it goes."""
        settings = settings_of(after)
        if settings.deleted_us is not None and not settings.finalizers:
            if next(self._registry.devices(after.name), None) is None:
                return (DeleteApplication(after.name),)
            after = _with(after, finalizers=(HAS_DEVICES,))
        after = complete_application(after, before, self._arrival)
        return () if _is_same(after, before) else (PutApplication(after),)

    # What changes with devices

    def create_device(self, wanted: DeviceRecord) -> Changes:
        """Make a device in the application that its record names.

        Raises:
            BadRequestError: Its name is too long, or a step in a path.
            ReferenceNotFoundError: That application is not there, as far as the caller may know
                and change it, or is deleted.
            ClashError: There is one of that name.
        """
        place, name = wanted.metadata.application, wanted.metadata.name
        try:
            check_name(name, "metadata.name")
        except RequestError as exc:
            raise BadRequestError(str(exc)) from exc
        try:
            application = _not_deleted(self._known(place, Role.WRITER))
        except AbsentError as exc:
            raise ReferenceNotFoundError from exc
        if self._registry.device(application.name, name) is not None:
            raise ClashError
        device = Device(
            application=application.name,
            id=name,
            uid=self._arrival.ids.uuid(),
            name=name,
            settings=DeviceSettings(**_settings(wanted)),
            created_us=self._arrival.time_us,
        )
        return (PutDevice(complete_device(device, None, self._arrival)),)

    def update_device(self, application: str, name: str, wanted: DeviceRecord) -> Changes:
        """Replace what is known of a device.

        Raises:
            StatusAloneError: The path names another one.
            AbsentError: It is not there, as far as the caller may know and change it.
            ClashError: It is not as the caller knows it.
        """
        if (wanted.metadata.application, wanted.metadata.name) != (application, name):
            raise StatusAloneError(400)
        owner = self._known(application, Role.WRITER)
        before = self._present_device(application, name)
        _check(before, wanted.metadata.uid, wanted.metadata.resource_version)
        settings = DeviceSettings(**_settings(wanted), deleted_us=settings_of(before).deleted_us)
        if settings.deleted_us is not None and not settings.finalizers:
            return self._remove_device(owner, before)
        after = replace(
            before,
            settings=settings,
            enabled=before.enabled if "core" in wanted.spec else True,
            credentials=() if section_name(wanted.spec) is None else before.credentials,
        )
        after = complete_device(after, before, self._arrival)
        return () if _is_same(after, before) else (PutDevice(after),)

    def delete_device(self, application: str, name: str, preconditions: Preconditions) -> Changes:
        """Delete a device; one that has finalizers stays, and waits for its last one to go.

        Raises:
            AbsentError: It is not there, as far as the caller may know and change it, or is
                deleted already.
            ClashError: It is not as the caller knows it.
        """
        owner = self._known(application, Role.WRITER)
        before = _not_deleted(self._present_device(application, name))
        _check(before, preconditions.uid, preconditions.resource_version)
        if not settings_of(before).finalizers:
            return self._remove_device(owner, before)
        after = _with(before, deleted_us=self._arrival.time_us)
        return (PutDevice(complete_device(after, before, self._arrival)),)

    def _remove_device(self, owner: Application, device: Device) -> Changes:
        """Without that device, and without its application if that only waited for it."""
        gone = DeleteDevice(device.application, device.id)
        settings = settings_of(owner)
        others = (d for d in self._registry.devices(owner.name) if d.id != device.id)
        if settings.deleted_us is None or next(others, None) is not None:
            return (gone,)
        finalizers = tuple(one for one in settings.finalizers if one != HAS_DEVICES)
        if not finalizers:
            return (gone, DeleteApplication(owner.name))
        return (gone, *self._settle(_with(owner, finalizers=finalizers), owner))

    # Who may know of what

    def _find(self, name: str) -> Application | None:
        """An application that the caller may know of."""
        application = self._registry.application(name)
        if application is None or application.dialect != NAME:
            return None
        return application if self._caller.may(Role.READER, name) else None

    def _present(self, name: str) -> Application:
        application = self._find(name)
        if application is None:
            raise AbsentError
        return application

    def _present_device(self, application: str, name: str) -> Device:
        device = self._registry.device(application, name)
        if device is None:
            raise AbsentError
        return device

    def _permitted(self, application: Application, needed: Role) -> Application:
        if not self._caller.may(needed, application.name):
            raise NotAuthorizedError
        return application

    def _known(self, name: str, needed: Role) -> Application:
        """An application for a call about its devices, which betrays nothing of others."""
        application = self._present(name)
        if not self._caller.may(needed, name):
            raise AbsentError
        return application


def _settings(wanted: ApplicationRecord | DeviceRecord) -> dict[str, Any]:
    metadata = wanted.metadata
    return {
        "spec": wanted.spec,
        "status": wanted.status,
        "labels": metadata.labels,
        "annotations": metadata.annotations,
        "finalizers": metadata.finalizers,
    }


def _with(record: _R, **settings: Any) -> _R:
    return replace(record, settings=replace(settings_of(record), **settings))


def _not_deleted(record: _R) -> _R:
    if settings_of(record).deleted_us is not None:
        raise AbsentError
    return record


def _is_same(after: Application | Device, before: Application | Device) -> bool:
    return resource_version(after) == resource_version(before)


def _check(record: Application | Device, uid: str, version: str) -> None:
    """Refuse a call that is meant for another state of a record; empty: it is for any."""
    for wanted, actual in ((uid, record.uid), (version, resource_version(record))):
        if wanted and not _names(wanted, actual):
            raise ClashError


def _names(wanted: str, actual: str) -> bool:
    """Whether a text is that UUID, in whatever spelling."""
    try:
        return wanted == actual or uuid.UUID(wanted) == uuid.UUID(actual)
    except ValueError:
        return False
