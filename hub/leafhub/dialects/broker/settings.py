"""What is kept of a topic space and of its users, and the names they go by."""

from typing import Final, cast

import msgspec

from leafhub.model.application import Application
from leafhub.model.device import Device

NAME: Final = "broker"
ANONYMOUS_KEY: Final = f"{NAME}:anonymous"
"""Under which the registry finds the user who stands for clients without credentials."""
SHOWN: Final = "leafhub"
"""First level of the topics under which a space shows events of other applications."""


class SpaceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic space.

    Attributes:
        publish: Topic filters a user may publish to who has no list of its own; ``%u`` stands for
            the user's name, ``%c`` for the client id, ``%%`` for a percent sign.
        subscribe: The same for subscriptions.
        anonymous: The user for whom clients without credentials speak, on listeners pinned to this
            dialect only; ``None``: nobody gets in without. One space of the hub may have one.
        certificate_authorities: PEM certificates; whoever shows a certificate signed by one of
            them is the user whose name is the subject's Common Name.
        command_topic: Where a command for a user goes; ``%u`` is the user, ``%n`` the command's
            name, ``%%`` a percent sign.
        shows: Applications whose events are published here as
            ``leafhub/<application>/<device>/<channel>``, whatever dialect their devices speak.
            No user publishes there.
    """

    publish: tuple[str, ...] = ("#",)
    subscribe: tuple[str, ...] = ("#",)
    anonymous: str | None = None
    certificate_authorities: tuple[str, ...] = ()
    command_topic: str = "command/%u/%n"
    shows: tuple[str, ...] = ()


class UserSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user: a device, a program, or many of them with one name.

    Attributes:
        publish: Stands for the space's list as a whole; ``None``: that one.
        subscribe: The same for subscriptions.
        certificates: SHA-256 fingerprints of client certificates that are this user's,
            64 lower-case hexadecimal digits each; people may write capitals and colons.
        command_topic: Stands for the space's.
    """

    publish: tuple[str, ...] | None = None
    subscribe: tuple[str, ...] | None = None
    certificates: tuple[str, ...] = ()
    command_topic: str | None = None


def space_of(application: Application) -> SpaceSettings:
    """The settings of an application of this dialect."""
    return cast("SpaceSettings", application.settings)


def user_of(device: Device) -> UserSettings:
    """The settings of a device of this dialect."""
    return cast("UserSettings", device.settings)


def user_key(name: str) -> str:
    """Under which the registry finds a user; names are unique in the hub."""
    return f"{NAME}:user:{name}"


def psk_key(identity: str) -> str:
    """Under which the registry finds the user with a pre-shared key of that identity."""
    return f"{NAME}:psk:{identity}"


def certificate_key(fingerprint: str) -> str:
    """Under which the registry finds the user with that certificate."""
    return f"{NAME}:certificate:{fingerprint}"
