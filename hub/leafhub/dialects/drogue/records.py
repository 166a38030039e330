"""What follows from the ``spec`` of a record, and what of it the hub keeps in its own place.

Every record of the hub has ``enabled``, every device ``credentials``. What ``spec.core`` and
``spec.authentication`` say goes there, and out of ``spec`` where nothing is lost by that;
``shown_spec`` puts it back for the vendor's registry. So both ways of declaring a device, the
hub's and the vendor's, mean the same thing, and a document lists a credential once.
"""

from typing import Any, TypeVar

import msgspec

from leafhub.dialects.base import Arrival
from leafhub.dialects.drogue import trust_anchors
from leafhub.dialects.drogue.credentials import (
    LEGACY_SECTION,
    SECTION,
    read_credentials,
    section_name,
    write_section,
)
from leafhub.dialects.drogue.settings import settings_of
from leafhub.dialects.drogue.spec import Core, SectionError, convert_section
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind

_R = TypeVar("_R", Application, Device)
_DISABLED = {"disabled": True}
_MADE_HERE = frozenset({SecretKind.ARGON2ID, SecretKind.SHA256})


def as_json(record: _R) -> _R:
    """A record whose ``spec`` and ``status`` are what JSON makes of them: no dates, no tuples."""
    settings = settings_of(record)
    spec, status = msgspec.json.decode(msgspec.json.encode((settings.spec, settings.status)))
    settings = msgspec.structs.replace(settings, spec=spec, status=status)
    return msgspec.structs.replace(record, settings=settings)


def complete_application(
    application: Application, before: Application | None, arrival: Arrival
) -> Application:
    """An application with all that follows from its ``spec``."""
    return _versioned(_with_anchors(_with_core(application, before)), before, arrival)


def complete_device(device: Device, before: Device | None, arrival: Arrival) -> Device:
    """A device with all that follows from its ``spec``.

    Raises:
        RequestError: Credentials stand in two places and differ.
    """
    return _versioned(_with_credentials(_with_core(device, before), before), before, arrival)


def declared_device(device: Device) -> Device:
    """A device as a document may declare it, with its credentials in one place.

    What the hub made of passwords can stand in either. All else stands in ``spec``, to the letter,
    for the hub would make a hash of a plain password, and refuse what it makes no sense of.
    """
    spec = settings_of(device).spec
    name = section_name(spec)
    if name is None:
        if all(one.kind in _MADE_HERE for one in device.credentials):
            return device
        spec = {**spec, SECTION: write_section(device.credentials)}
    try:
        follow = read_credentials(spec) == device.credentials
    except SectionError:
        return device  # they are none
    if follow:
        return _with_spec(msgspec.structs.replace(device, credentials=()), spec)
    return _with_spec(
        device, {k: v for k, v in spec.items() if k not in {SECTION, LEGACY_SECTION}}
    )


def shown_spec(record: Application | Device) -> dict[str, Any]:
    """``spec`` as the vendor's registry shows it: with what the hub keeps in its own place."""
    spec = settings_of(record).spec
    if not record.enabled and "core" not in spec:
        spec = {"core": _DISABLED, **spec}
    if isinstance(record, Device) and record.credentials and section_name(spec) is None:
        spec = {**spec, SECTION: write_section(record.credentials)}
    return spec


def resource_version(record: Application | Device) -> str:
    """The UUID of this state of a record."""
    return settings_of(record).resource_version or record.uid


def _with_anchors(application: Application) -> Application:
    """Note what was made of its trust anchors."""
    settings = settings_of(application)
    status = {k: v for k, v in settings.status.items() if k != trust_anchors.SECTION}
    shown = trust_anchors.status_of(settings)
    if shown is not None:
        status[trust_anchors.SECTION] = shown
    settings = msgspec.structs.replace(settings, status=status)
    return msgspec.structs.replace(application, settings=settings)


def _with_core(record: _R, before: _R | None) -> _R:
    """Settle ``enabled`` and ``spec.core``: who was changed last rules."""
    spec = settings_of(record).spec
    if "core" not in spec:
        return record
    unchanged = before is not None and settings_of(before).spec.get("core") == spec["core"]
    if unchanged and before is not None and record.enabled != before.enabled:
        return _with_spec(record, {k: v for k, v in spec.items() if k != "core"})
    try:
        enabled = not convert_section(spec["core"], Core, "core").disabled
    except SectionError:
        enabled = False
    return _without_double(msgspec.structs.replace(record, enabled=enabled), "core")


def _with_credentials(device: Device, before: Device | None) -> Device:
    """Settle ``credentials`` and ``spec.authentication``: who was changed last rules."""
    spec = settings_of(device).spec
    name = section_name(spec)
    if name is None:
        return device
    unchanged = before is not None and settings_of(before).spec.get(name) == spec[name]
    if unchanged and before is not None and device.credentials != before.credentials:
        rest = {k: v for k, v in spec.items() if k not in {SECTION, LEGACY_SECTION}}
        return _with_spec(device, rest)
    try:
        credentials = read_credentials(spec)
    except SectionError:
        return msgspec.structs.replace(device, credentials=())
    if before is None and device.credentials and device.credentials != credentials:
        raise RequestError(
            f"stand in settings.spec.{name} too, and differ; keep one of the two",
            path="credentials",
        )
    kept = () if before is None else before.credentials
    device = msgspec.structs.replace(device, credentials=_with_ends(credentials, kept))
    return _without_double(device, name)


def _with_ends(
    credentials: tuple[Credential, ...], kept: tuple[Credential, ...]
) -> tuple[Credential, ...]:
    """``credentials``, each ending when it did: the vendor's form cannot say so."""
    ends = {(one.kind, one.secret, one.username): one.expires_us for one in kept}
    return tuple(
        one
        if one.expires_us is not None
        else msgspec.structs.replace(
            one, expires_us=ends.get((one.kind, one.secret, one.username))
        )
        for one in credentials
    )


def _without_double(record: _R, name: str) -> _R:
    """``record`` without a section that ``shown_spec`` writes anew, to the letter."""
    spec = settings_of(record).spec
    bare = _with_spec(record, {k: v for k, v in spec.items() if k != name})
    return bare if _is_same_json(shown_spec(bare), shown_spec(record)) else record


def _is_same_json(one: object, other: object) -> bool:
    """Whether both are the same JSON: for Python alone, 1 and 1.0 and true are equal."""
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")


def _with_spec(record: _R, spec: dict[str, Any]) -> _R:
    settings = msgspec.structs.replace(settings_of(record), spec=spec)
    return msgspec.structs.replace(record, settings=settings)


def _versioned(record: _R, before: _R | None, arrival: Arrival) -> _R:
    """Count ``generation`` and change ``resource_version`` where there is a reason."""
    settings = settings_of(record)
    if before is None:
        generation, version = 0, ""
    else:
        earlier = settings_of(before)
        generation, version = earlier.generation, earlier.resource_version
    settings = msgspec.structs.replace(settings, generation=generation, resource_version=version)
    record = msgspec.structs.replace(record, settings=settings)
    if before is None or _is_same(record, before):
        return record
    settings = msgspec.structs.replace(
        settings,
        generation=generation + (not _is_same_json(shown_spec(record), shown_spec(before))),
        resource_version=arrival.ids.uuid(),
    )
    return msgspec.structs.replace(record, settings=settings)


def _is_same(record: Application | Device, before: Application | Device) -> bool:
    free, free_before = (
        (settings.spec, settings.status) for settings in map(settings_of, (record, before))
    )
    return record == before and _is_same_json(free, free_before)
