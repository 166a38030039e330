"""Applications and devices as Drogue Cloud's registry writes them in JSON."""

import datetime as dt
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from leafhub.dialects.cloudevents import DEEPEST_JSON, is_json
from leafhub.dialects.drogue.credentials import LEGACY_SECTION, SECTION
from leafhub.dialects.drogue.records import resource_version, shown_spec
from leafhub.dialects.drogue.settings import LONGEST_NAME, settings_of
from leafhub.http_server.drogue.errors import BadRequestError
from leafhub.model.application import Application
from leafhub.model.device import Device

LONGEST_APPLICATION_NAME: Final = 64
"""Characters, as Drogue Cloud keeps it."""

SECRET_SECTIONS: Final = frozenset(
    {SECTION, LEGACY_SECTION, "commands", "command", "publish", "downstream"}
)
"""Sections of ``spec`` with passwords in them, of devices or for endpoints elsewhere."""

_HOST_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1123 §2.1
_END = r"$(?!\n)"  # in Python ``$`` alone would let a line end pass

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LATEST = dt.datetime.max.replace(tzinfo=dt.UTC)

Moment = Annotated[dt.datetime, Meta(tz=True)]
ApplicationName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_APPLICATION_NAME,
        pattern=rf"^{_HOST_LABEL}(\.{_HOST_LABEL})*{_END}",
        description="A host name in lower case.",
    ),
]
DeviceName = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_NAME, description="1 to 255 bytes of UTF-8.")
]
Sections = Annotated[dict[str, Any], Meta(description="Free JSON, by section.")]


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True): ...


class Metadata(_Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the registry knows of any record; in a request only some of it counts.

    Attributes:
        uid: Another one when the record is made again. In a request: what it is to be; empty: any.
        creation_timestamp: When it was made; not for requests.
        generation: How often ``spec`` changed; not for requests.
        resource_version: Another one after every change. In a request: what it is to be; empty:
            any.
        deletion_timestamp: When it was deleted, of a record that waits for its finalizers; not for
            requests.
        finalizers: What has to happen before it goes.
        labels: To select by.
        annotations: For whoever wrote them.
    """

    name: str
    uid: str = ""
    creation_timestamp: Moment | UnsetType = UNSET
    generation: int | UnsetType = UNSET
    resource_version: str = ""
    deletion_timestamp: Moment | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ApplicationMetadata(Metadata, frozen=True, kw_only=True):
    """Of an application.

    Attributes:
        name: Unique in the hub.
    """

    name: ApplicationName


class DeviceMetadata(Metadata, frozen=True, kw_only=True):
    """Of a device.

    Attributes:
        application: Name of the application it belongs to.
        name: Unique there.
    """

    application: Annotated[str, Meta(min_length=1)]
    name: DeviceName


class ApplicationRecord(_Shape, frozen=True, kw_only=True):
    """An application.

    Attributes:
        metadata: Who it is.
        spec: What is wanted.
        status: What others found out.
    """

    metadata: ApplicationMetadata
    spec: Sections = {}
    status: Sections = {}


class DeviceRecord(_Shape, frozen=True, kw_only=True):
    """A device.

    Attributes:
        metadata: Who it is.
        spec: What is wanted.
        status: What others found out.
    """

    metadata: DeviceMetadata
    spec: Sections = {}
    status: Sections = {}


class Preconditions(_Shape, frozen=True, kw_only=True):
    """What a record is to be for a call to go through; empty: anything.

    Attributes:
        uid: Its uid.
        resource_version: Its version.
    """

    uid: str = ""
    resource_version: str = ""


class DeleteOptions(_Shape, frozen=True, kw_only=True):
    """The body of a DELETE.

    Attributes:
        preconditions: What the record is to be.
    """

    preconditions: Preconditions | None = None


_T = TypeVar("_T")


def read(body: bytes, shape: type[_T]) -> _T:
    """Read a body to the letter: no text stands for a number there.

    Raises:
        BadRequestError: It is not that shape, or nested too deeply.
    """
    try:
        found = msgspec.json.decode(body, type=shape)
    except (ValueError, RecursionError) as exc:  # msgspec's errors and bad UTF-8 are ValueErrors
        raise BadRequestError(f"The body is not as documented: {exc}") from exc
    if not is_json(body):
        raise BadRequestError(f"The body is nested deeper than {DEEPEST_JSON} levels.")
    return found


def application_record(application: Application, *, secrets: bool) -> ApplicationRecord:
    """An application as the registry shows it, with the secrets in it or without."""
    return ApplicationRecord(
        metadata=ApplicationMetadata(name=application.name, **_common(application)),
        spec=_spec(application, secrets=secrets),
        status=settings_of(application).status,
    )


def device_record(device: Device, *, secrets: bool) -> DeviceRecord:
    """A device as the registry shows it, with the secrets in it or without."""
    return DeviceRecord(
        metadata=DeviceMetadata(application=device.application, name=device.id, **_common(device)),
        spec=_spec(device, secrets=secrets),
        status=settings_of(device).status,
    )


def _spec(record: Application | Device, *, secrets: bool) -> dict[str, Any]:
    spec = shown_spec(record)
    return spec if secrets else {k: v for k, v in spec.items() if k not in SECRET_SECTIONS}


def _common(record: Application | Device) -> dict[str, Any]:
    settings = settings_of(record)
    return {
        "uid": record.uid,
        "creation_timestamp": _moment(record.created_us),
        "generation": settings.generation,
        "resource_version": resource_version(record),
        "deletion_timestamp": (
            None if settings.deleted_us is None else _moment(settings.deleted_us)
        ),
        "finalizers": settings.finalizers,
        "labels": settings.labels,
        "annotations": settings.annotations,
    }


def _moment(time_us: int) -> dt.datetime:
    try:
        return _EPOCH + dt.timedelta(microseconds=time_us)
    except OverflowError:  # a document may say anything
        return _LATEST
