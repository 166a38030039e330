"""Which device a pre-shared key is of (TLS-PSK; Drogue's RFC 0021), and which of its keys counts.

In a handshake the server has to name one key, so of several that are valid one is chosen, and a
client that holds another of them fails.
"""

import sys
from typing import Final, NamedTuple

from leafhub.dialects.drogue.credentials import read_validities
from leafhub.dialects.drogue.settings import key, settings_of
from leafhub.dialects.drogue.trust_anchors import find_application
from leafhub.model.device import Device, SecretKind
from leafhub.model.registry import RegistryView

_ALWAYS: Final = sys.maxsize


class _Key(NamedTuple):
    """One key of a device, and its first and last microsecond since the epoch."""

    secret: bytes
    since_us: int
    until_us: int


def device_of(identity: str, registry: RegistryView) -> Device | None:
    """The device with that identity, ``<device>@<application>``; nothing in it is escaped."""
    name, _, alias = identity.partition("@")
    application = find_application(alias, registry)
    return None if application is None else registry.lookup(key(application.name, name))


def key_of(device: Device, time_us: int, *, newest_first: bool) -> bytes | None:
    """The key with which a device may come in now; ``None``: it has none that is valid.

    Args:
        device: Whose.
        time_us: Now, microseconds since the epoch.
        newest_first: Take the key that is valid since latest, as the RFC has it; otherwise the
            one since earliest, as the vendor's code has it, a key without validity before all.

    Raises:
        SectionError: Its credentials cannot be read.
    """
    valid = [one for one in _keys_of(device) if one.since_us <= time_us <= one.until_us]
    direction = -1 if newest_first else 1
    valid.sort(key=lambda one: (direction * one.since_us, -one.until_us))
    return valid[0].secret if valid else None


def _keys_of(device: Device) -> list[_Key]:
    since_us = read_validities(settings_of(device).spec)
    return [
        _Key(
            bytes.fromhex(one.secret),
            since_us.get((one.secret, one.expires_us), -_ALWAYS),
            _ALWAYS if one.expires_us is None else one.expires_us - 1,
        )
        for one in device.credentials
        if one.kind is SecretKind.PSK
    ]
