"""Applications, devices and operators in memory, read at every message."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from leafhub.errors import ConflictError, NotFoundError
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.operator import Operator


class PutApplication(msgspec.Struct, frozen=True):
    """Make or replace an application."""

    application: Application


class DeleteApplication(msgspec.Struct, frozen=True):
    """Remove an application and its devices."""

    name: str


class PutDevice(msgspec.Struct, frozen=True):
    """Make or replace a device."""

    device: Device


class DeleteDevice(msgspec.Struct, frozen=True):
    """Remove a device."""

    application: str
    id: str


class PutOperator(msgspec.Struct, frozen=True):
    """Make or replace an operator."""

    operator: Operator


class DeleteOperator(msgspec.Struct, frozen=True):
    """Remove an operator."""

    name: str


Change = (
    PutApplication | DeleteApplication | PutDevice | DeleteDevice | PutOperator | DeleteOperator
)

KeysOf = Callable[[Application, Device], Iterable[str]]
"""The strings by which a dialect finds a device; unique in the hub, each starts with its name."""

ApplicationKeysOf = Callable[[Application], Iterable[str]]
"""The same for an application: further names of it. They are no keys of devices."""


def no_keys(_: Application) -> Iterable[str]:
    """Applications are found by their names only."""
    return ()


class RegistryView(Protocol):
    """What dialects may ask."""

    def application(self, name: str) -> Application | None:
        """The application of that name."""
        ...

    def applications(self, dialect: str | None = None) -> Iterator[Application]:
        """All applications, or those of one dialect."""
        ...

    def device(self, application: str, device_id: str) -> Device | None:
        """The device with that id."""
        ...

    def devices(self, application: str) -> Iterator[Device]:
        """All devices of an application."""
        ...

    def lookup(self, key: str) -> Device | None:
        """The device whose dialect gave it this key."""
        ...

    def lookup_application(self, key: str) -> Application | None:
        """The application whose dialect gave it this key."""
        ...

    def operator(self, name: str) -> Operator | None:
        """The operator of that name."""
        ...

    def operators(self) -> Sequence[Operator]:
        """All operators."""
        ...


class Registry:
    """The one copy in memory.

    Args:
        keys_of: Gives the keys under which ``lookup`` finds a device.
        application_keys_of: Gives those under which ``lookup_application`` finds an application.
    """

    def __init__(self, keys_of: KeysOf, application_keys_of: ApplicationKeysOf = no_keys) -> None:
        self._keys_of = keys_of
        self._application_keys_of = application_keys_of
        self._applications: dict[str, Application] = {}
        self._of_dialect: dict[str, dict[str, Application]] = {}
        self._devices: dict[str, dict[str, Device]] = {}
        self._operators: dict[str, Operator] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        self._keys_of_place: dict[tuple[str, str], tuple[str, ...]] = {}
        self._application_keys: dict[str, str] = {}
        self._keys_of_application: dict[str, tuple[str, ...]] = {}
        self.generation = 0
        """Moves on with every change; a cached verdict is good while it stands still."""

    def application(self, name: str) -> Application | None:
        """See ``RegistryView``."""
        return self._applications.get(name)

    def applications(self, dialect: str | None = None) -> Iterator[Application]:
        """See ``RegistryView``."""
        if dialect is None:
            return iter(self._applications.values())
        return iter(self._of_dialect.get(dialect, {}).values())

    def device(self, application: str, device_id: str) -> Device | None:
        """See ``RegistryView``."""
        devices = self._devices.get(application)
        return None if devices is None else devices.get(device_id)

    def devices(self, application: str) -> Iterator[Device]:
        """See ``RegistryView``."""
        return iter(self._devices.get(application, {}).values())

    def lookup(self, key: str) -> Device | None:
        """See ``RegistryView``."""
        place = self._keys.get(key)
        return None if place is None else self.device(*place)

    def lookup_application(self, key: str) -> Application | None:
        """See ``RegistryView``."""
        name = self._application_keys.get(key)
        return None if name is None else self.application(name)

    def operator(self, name: str) -> Operator | None:
        """See ``RegistryView``."""
        return self._operators.get(name)

    def operators(self) -> tuple[Operator, ...]:
        """All operators."""
        return tuple(self._operators.values())

    def apply(self, change: Change) -> tuple[Change, ...]:
        """Take one change in, and give the changes that would undo it, in order.

        Raises:
            ConflictError: A key of the device or application belongs to another one; nothing
                changed.
            NotFoundError: The application or device is not there; nothing changed.
        """
        match change:
            case PutApplication(application):
                undo = self._put_application(application)
            case PutDevice(device):
                undo = self._put_device(device)
            case DeleteDevice(application, device_id):
                undo = self._delete_device(application, device_id)
            case DeleteApplication(name):
                undo = self._delete_application(name)
            case PutOperator(operator):
                before = self._operators.get(operator.name)
                self._operators[operator.name] = operator
                undo = (DeleteOperator(operator.name) if before is None else PutOperator(before),)
            case DeleteOperator(name):
                if name not in self._operators:
                    raise NotFoundError(f"there is no operator {name!r}")
                undo = (PutOperator(self._operators.pop(name)),)
        self.generation += 1
        return undo

    def _put_application(self, application: Application) -> tuple[Change, ...]:
        before = self._applications.get(application.name)
        devices = tuple(self._devices.get(application.name, {}).values())
        if before is not None and before.dialect != application.dialect and devices:
            raise ConflictError(
                f"application {application.name!r} has devices of dialect {before.dialect!r}; "
                "remove them first"
            )
        keys = tuple(dict.fromkeys(self._application_keys_of(application)))
        self._refuse_taken_application_keys(application.name, keys)
        self._refuse_taken_keys(application, devices)  # they may follow from its settings
        for device in devices:
            self._forget_keys(device)
        self._forget_application_keys(application.name)
        self._keys_of_application[application.name] = keys
        self._application_keys.update(dict.fromkeys(keys, application.name))
        if before is not None and before.dialect != application.dialect:
            del self._of_dialect[before.dialect][application.name]
        self._of_dialect.setdefault(application.dialect, {})[application.name] = application
        self._applications[application.name] = application
        self._devices.setdefault(application.name, {})
        for device in devices:
            self._learn_keys(device)
        return (DeleteApplication(application.name) if before is None else PutApplication(before),)

    def _put_device(self, device: Device) -> tuple[Change, ...]:
        application = self._applications.get(device.application)
        if application is None:
            raise NotFoundError(f"there is no application {device.application!r}")
        devices = self._devices[device.application]
        before = devices.get(device.id)
        self._refuse_taken_keys(application, (device,))
        if before is not None:
            self._forget_keys(before)
        devices[device.id] = device
        self._learn_keys(device)
        return (
            DeleteDevice(device.application, device.id) if before is None else PutDevice(before),
        )

    def _delete_device(self, application: str, device_id: str) -> tuple[Change, ...]:
        before = self.device(application, device_id)
        if before is None:
            raise NotFoundError(f"application {application!r} has no device {device_id!r}")
        self._forget_keys(before)
        del self._devices[application][device_id]
        return (PutDevice(before),)

    def _delete_application(self, name: str) -> tuple[Change, ...]:
        before = self._applications.get(name)
        if before is None:
            raise NotFoundError(f"there is no application {name!r}")
        devices = tuple(self._devices[name].values())
        for device in devices:
            self._forget_keys(device)
        self._forget_application_keys(name)
        del self._of_dialect[before.dialect][name]
        del self._devices[name], self._applications[name]
        return (PutApplication(before), *(PutDevice(device) for device in devices))

    def _refuse_taken_application_keys(self, name: str, keys: Iterable[str]) -> None:
        for key in keys:
            holder = self._application_keys.get(key, name)
            if holder != name:
                raise ConflictError(
                    f"{key!r} belongs to application {holder!r}; application {name!r} needs one of"
                    " its own"
                )

    def _forget_application_keys(self, name: str) -> None:
        for key in self._keys_of_application.pop(name, ()):
            del self._application_keys[key]

    def _refuse_taken_keys(self, application: Application, devices: Sequence[Device]) -> None:
        """Refuse ``devices`` if one would have a key of another, be it one of them or not."""
        moving = {(device.application, device.id) for device in devices}
        claimed: dict[str, tuple[str, str]] = {}
        for device in devices:
            place = (device.application, device.id)
            for key in self._keys_of(application, device):
                holder = claimed.setdefault(key, place)
                if holder == place and self._keys.get(key, place) not in moving:
                    holder = self._keys[key]
                if holder != place:
                    raise ConflictError(
                        f"{key!r} belongs to device {holder[1]!r} of application {holder[0]!r}; "
                        f"device {device.id!r} of application {device.application!r} needs one "
                        "of its own"
                    )

    def _learn_keys(self, device: Device) -> None:
        place = (device.application, device.id)
        keys = tuple(self._keys_of(self._applications[device.application], device))
        self._keys_of_place[place] = keys
        self._keys.update(dict.fromkeys(keys, place))

    def _forget_keys(self, device: Device) -> None:
        for key in self._keys_of_place.pop((device.application, device.id), ()):
            self._keys.pop(key, None)
