"""The registry as a document that ``leafhub apply`` takes back; see ``document`` for its form."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import tomlkit
from tomlkit.items import AoT, Table

from leafhub.dialects.interface import Dialect
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.registry import RegistryView

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

Registered = Sequence[tuple[Application, Sequence[Device]]]
"""Applications, each with its devices."""


def registered(registry: RegistryView) -> Registered:
    """What the registry holds now, for ``export`` to take its time over."""
    return [
        (application, tuple(registry.devices(application.name)))
        for application in registry.applications()
    ]


def export(registered: Registered, dialect: Callable[[str], Dialect]) -> str:
    """Write applications as a document that ``parse`` takes and ``plan`` finds unchanged.

    Hashes stay hashes; a secret stands in it only where the registry holds the secret itself.

    Args:
        registered: The applications with their devices.
        dialect: Gives the dialect of a name.
    """
    document = tomlkit.document()
    applications = tomlkit.aot()
    for application, owned in sorted(registered, key=lambda pair: pair[0].name):
        table = tomlkit.table()
        table.add("name", application.name)
        table.add("dialect", application.dialect)
        table.add("enabled", application.enabled)
        _add_settings(table, application.settings)
        devices = _devices(owned, dialect(application.dialect))
        if len(devices):
            table.add("device", devices)
        applications.append(table)
    if len(applications):
        document.add("application", applications)
    return tomlkit.dumps(document)


def plain_settings(settings: msgspec.Struct) -> dict[str, Any]:
    """Settings as TOML and JSON know values, times as times."""
    builtins: dict[str, Any] = msgspec.to_builtins(
        settings, builtin_types=(dt.datetime, dt.date, dt.time), order="deterministic"
    )
    return builtins


def _devices(devices: Iterable[Device], dialect: Dialect) -> AoT:
    tables = tomlkit.aot()
    for known in sorted(devices, key=lambda d: d.id):
        device = dialect.declared(known)
        table = tomlkit.table()
        table.add("id", device.id)
        table.add("name", device.name)
        table.add("enabled", device.enabled)
        if device.credentials or not known.credentials:
            credentials = tomlkit.array()
            for credential in device.credentials:
                credentials.append(_credential(credential))
            table.add("credentials", credentials.multiline(multiline=len(credentials) > 0))
        _add_settings(table, device.settings)
        tables.append(table)
    return tables


def _credential(credential: Credential) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if credential.username is not None:
        entry["username"] = credential.username
    if credential.kind is SecretKind.PLAIN:
        entry["password"] = credential.secret
    else:
        entry["kind"] = credential.kind.value
        entry["secret"] = credential.secret
    if credential.unique:
        entry["unique"] = True
    if credential.expires_us is not None:
        latest = dt.datetime.max.replace(tzinfo=dt.UTC)
        offset = min(credential.expires_us, (latest - _EPOCH) // _MICROSECOND)
        entry["expires"] = _EPOCH + offset * _MICROSECOND
    return entry


def _add_settings(table: Table, settings: msgspec.Struct) -> None:
    """Write settings as a table, or as JSON text where they hold a null that matters."""
    builtins = plain_settings(settings)
    bare = _without_none(builtins)
    try:
        same = msgspec.convert(bare, type(settings)) == settings
    except msgspec.ValidationError:
        same = False
    if not same or _holds_none(bare):
        table.add("settings", msgspec.json.encode(builtins).decode())
    elif bare:
        table.add("settings", bare)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(member) for k, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [_without_none(member) for member in value]
    return value


def _holds_none(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_none(member) for member in value.values())
    if isinstance(value, list):
        return any(_holds_none(member) for member in value)
    return value is None
