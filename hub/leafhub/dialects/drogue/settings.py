"""What Drogue Cloud keeps of an application and of a device, and the names it goes by.

``spec`` and ``status`` are free JSON; ``spec.py`` reads the sections of it that mean something
here. The rest is what the vendor's registry has in ``metadata`` and every record of the hub has
not.
"""

from typing import Any, Final, cast

import msgspec

from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.device import Device

NAME: Final = "drogue"
LONGEST_NAME: Final = 255
"""Bytes of a device's name, as Drogue Cloud keeps it."""
LONGEST_ALIAS: Final = 256
"""Characters of an alias, as Drogue Cloud keeps it."""


class Settings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    weakref=True,
):
    """What applications and devices have in common.

    Attributes:
        spec: What is wanted, by section.
        status: What others found out, by section.
        labels: To select by.
        annotations: For whoever wrote them.
        finalizers: What has to happen before the record goes; while there are some, a deleted one
            stays.
        generation: How often ``spec`` changed.
        resource_version: A UUID, another one after every change; empty: the record's uid.
        deleted_us: When it was deleted, microseconds since the epoch; ``None``: it is not.
    """

    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()
    generation: int = 0
    resource_version: str = ""
    deleted_us: int | None = None


class ApplicationSettings(Settings, frozen=True, kw_only=True):
    """Of an application."""


class DeviceSettings(Settings, frozen=True, kw_only=True):
    """Of a device."""


def settings_of(record: Application | Device) -> Settings:
    """The settings of a record of this dialect."""
    return cast("Settings", record.settings)


def key(application: str, name: str) -> str:
    """Under which the registry finds a device by name or alias."""
    return f"{NAME}:{application}/{name}"  # an application's name has no slash


def normal_key(application: str, normal: str) -> str:
    """Under which the registry finds a device by a name in a certificate, in its normal form."""
    return f"{NAME}:{application}={normal}"  # nor has it an equals sign


def application_key(alias: str) -> str:
    """Under which the registry finds an application by an alias."""
    return f"{NAME}:{alias}"


def check_name(name: str, path: str) -> None:
    """Refuse what Drogue Cloud would not keep as a device's name, and what no URL can name.

    Raises:
        RequestError: Too short, too long, or a step in a path (RFC 3986 §5.2.4): who would delete
            the device ``..`` by HTTP would delete its application.
    """
    length = len(name.encode())
    if not 1 <= length <= LONGEST_NAME:
        raise RequestError(f"has {length} bytes; 1 to {LONGEST_NAME} fit", path=path)
    if name in {".", ".."}:
        raise RequestError(
            f"{name!r} is a step in a path for every HTTP client; use another name", path=path
        )


def check_alias(alias: str, path: str) -> None:
    """Refuse what Drogue Cloud would not keep as an alias.

    Raises:
        RequestError: Too short or too long.
    """
    if not 1 <= len(alias) <= LONGEST_ALIAS:
        raise RequestError(f"has {len(alias)} characters; 1 to {LONGEST_ALIAS} fit", path=path)
