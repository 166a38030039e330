"""What Drogue Cloud keeps of an application and of a device, and the names it goes by."""

from typing import Final, cast

import msgspec

from leafhub.errors import RequestError
from leafhub.model.device import Device
from leafhub.model.registry import RegistryView

NAME: Final = "drogue"
NAME_LONGEST: Final = 256
"""Characters of a name or an alias, as Drogue Cloud keeps them."""


class DrogueV1(msgspec.Struct, frozen=True, tag="drogue/v1", forbid_unknown_fields=True):
    """Topics are ``<channel>`` or ``<channel>/<device>``."""


class PlainTopic(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="plainTopic",
    rename="camel",
    forbid_unknown_fields=True,
):
    """The whole topic is the channel.

    Attributes:
        device_prefix: Its first segment names the device; an empty one is the sender itself.
    """

    device_prefix: bool = False


class MqttSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How topics are read.

    Attributes:
        dialect: The grammar.
    """

    dialect: DrogueV1 | PlainTopic = DrogueV1()


class GatewaySelector(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """Who may speak for a device and gets its commands.

    Attributes:
        match_names: Names, not aliases, of devices of the same application.
    """

    match_names: tuple[str, ...] = ()


class ApplicationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Drogue Cloud has in an application's ``spec``.

    Attributes:
        mqtt: For every device that has none of its own.
    """

    mqtt: MqttSettings = MqttSettings()


class DeviceSettings(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """What Drogue Cloud has in a device's ``spec``, but for what every record of the hub has.

    Attributes:
        alias: Other names it logs in with and is spoken for by.
        gateway_selector: Its gateways.
        mqtt: Stands for the application's as a whole.
    """

    alias: tuple[str, ...] = ()
    gateway_selector: GatewaySelector = GatewaySelector()
    mqtt: MqttSettings | None = None


def settings_of(device: Device) -> DeviceSettings:
    """The settings of a device of this dialect."""
    return cast("DeviceSettings", device.settings)


def key(application: str, name: str) -> str:
    """Under which the registry finds a device by name or alias."""
    return f"{NAME}:{application}/{name}"  # an application's name has no slash


def check_name(name: str, path: str) -> None:
    """Refuse what Drogue Cloud would not keep as a name.

    Raises:
        RequestError: Too short or too long.
    """
    if not 1 <= len(name) <= NAME_LONGEST:
        raise RequestError(f"has {len(name)} characters; 1 to {NAME_LONGEST} fit", path=path)


def grammar_of(device: Device, registry: RegistryView) -> DrogueV1 | PlainTopic:
    """How the topics of a device are read: its own settings stand for the application's."""
    own = settings_of(device).mqtt
    if own is not None:
        return own.dialect
    application = registry.application(device.application)
    if application is None:
        return DrogueV1()
    return cast("ApplicationSettings", application.settings).mqtt.dialect
