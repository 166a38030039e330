"""What a person may declare of an application and of a device, and the names devices go by.

The vendor's registry keeps whatever it is given; a document and the hub's own API are checked, so
that a mistake is told to whoever makes it, and not found at the next login.
"""

import contextlib
from collections.abc import Iterable, Iterator

from leafhub.dialects.base import Arrival
from leafhub.dialects.drogue.credentials import read_credentials
from leafhub.dialects.drogue.distinguished_names import normal_form
from leafhub.dialects.drogue.records import as_json, complete_application, complete_device
from leafhub.dialects.drogue.settings import (
    check_alias,
    check_name,
    key,
    normal_key,
    settings_of,
)
from leafhub.dialects.drogue.spec import (
    Core,
    GatewaySelector,
    Mqtt,
    Options,
    SectionError,
    aliases_of,
    read,
)
from leafhub.dialects.drogue.trust_anchors import check_anchors
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.device import Device


def keys_of(application: Application, device: Device) -> Iterable[str]:
    """A device's name, aliases and unique user names, each once.

    A name as in a certificate stands for its normal form too: two devices whose names differ in
    nothing else could not be told apart by a certificate.
    """
    unique = (c.username for c in device.credentials if c.unique and c.username)
    names = dict.fromkeys((device.id, *_aliases(device), *unique))
    normal = dict.fromkeys(map(normal_form, names))
    yield from (key(application.name, name) for name in names)
    yield from (normal_key(application.name, one) for one in normal if one is not None)


def prepare_application(
    application: Application, before: Application | None, arrival: Arrival
) -> Application:
    """Check an application's sections, then complete it; see ``Dialect``."""
    with _within_settings():
        for shape in (Core, Mqtt, Options):
            read(settings_of(application), shape)
        check_anchors(settings_of(application))
    return complete_application(as_json(application), before, arrival)


def prepare_device(device: Device, before: Device | None, arrival: Arrival) -> Device:
    """Check a device's name and sections, then complete it; see ``Dialect.prepare``."""
    check_name(device.id, "id")
    settings = settings_of(device)
    with _within_settings():
        for shape in (Core, Mqtt, Options, GatewaySelector):
            read(settings, shape)
        read_credentials(settings.spec)
        for place, alias in enumerate(aliases_of(settings)):
            check_alias(alias, f"spec.alias[{place}]")
    for place, credential in enumerate(device.credentials):
        if credential.unique:
            check_alias(credential.username or "", f"credentials[{place}].username")
    return complete_device(as_json(device), before, arrival)


def _aliases(device: Device) -> tuple[str, ...]:
    try:
        return aliases_of(settings_of(device))
    except SectionError:
        return ()


@contextlib.contextmanager
def _within_settings() -> Iterator[None]:
    """Let a refusal say where in the record it is meant."""
    try:
        yield
    except RequestError as exc:
        raise RequestError(exc.message, path=f"settings.{exc.path}") from exc
