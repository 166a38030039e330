"""What a person may declare of a topic space and of its users.

Everything that could never work is refused here, in words, instead of failing silently when a
client comes.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from leafhub.dialects import certificates
from leafhub.dialects.broker.access import is_pattern
from leafhub.dialects.broker.commands import is_command_pattern
from leafhub.dialects.broker.settings import NAME, SpaceSettings, space_of, user_of
from leafhub.dialects.certificates import CertificateError
from leafhub.errors import ConflictError, RequestError
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.registry import RegistryView

NAME_LONGEST: Final = 256
"""Characters of a user's name."""
AUTHORITIES_MOST: Final = 16
"""Certificates of authorities of one space: each costs a login by certificate a comparison."""

_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


def prepare_space(application: Application, registry: RegistryView) -> Application:
    """Check a space.

    Raises:
        RequestError: It can never work; ``path`` names the member.
    """
    space = space_of(application)
    if space.anonymous is not None:
        _check_only(application, registry)
    _check_lists(space.publish, space.subscribe)
    _check_command_topic(space.command_topic)
    _check_authorities(space)
    for place, shown in enumerate(space.shows):
        if shown == application.name:
            raise RequestError(
                "a space has its own messages anyway", path=f"settings.shows[{place}]"
            )
    return application


def prepare_user(device: Device) -> Device:
    """Check a user, and write its fingerprints the way they are kept.

    Raises:
        RequestError: It can never log in as declared; ``path`` names the member.
    """
    if not 1 <= len(device.id) <= NAME_LONGEST or not device.id.isprintable():
        raise RequestError(
            f"a user's name has 1 to {NAME_LONGEST} characters, all of them printable", path="id"
        )
    user = user_of(device)
    _check_lists(user.publish or (), user.subscribe or ())
    if user.command_topic is not None:
        _check_command_topic(user.command_topic)
    _check_credentials(device.credentials, device.id)
    fingerprints = tuple(map(_fingerprint, range(len(user.certificates)), user.certificates))
    return msgspec.structs.replace(
        device, settings=msgspec.structs.replace(user, certificates=fingerprints)
    )


def _check_only(application: Application, registry: RegistryView) -> None:
    """Refuse a second space with an anonymous user: a client without credentials names neither."""
    for other in registry.applications(NAME):
        if other.name != application.name and space_of(other).anonymous is not None:
            raise ConflictError(
                f"space {other.name!r} has an anonymous user, and only one of the hub can",
                path="settings.anonymous",
            )


def _check_lists(publish: Sequence[str], subscribe: Sequence[str]) -> None:
    for member, patterns in (("publish", publish), ("subscribe", subscribe)):
        for place, pattern in enumerate(patterns):
            if not is_pattern(pattern):
                raise RequestError(
                    f"{pattern!r} is no topic filter; '+' fills a level, '#' stands last, and of "
                    "'%' there are %u (user), %c (client id) and %% (the sign itself)",
                    path=f"settings.{member}[{place}]",
                )


def _check_command_topic(pattern: str) -> None:
    if not is_command_pattern(pattern):
        raise RequestError(
            f"{pattern!r} is no topic for commands; it needs %n (the command's name), may have "
            "%u (user) and %% (the sign itself), and no '+' or '#'",
            path="settings.command_topic",
        )


def _check_authorities(space: SpaceSettings) -> None:
    found = 0
    for place, pem in enumerate(space.certificate_authorities):
        path = f"settings.certificate_authorities[{place}]"
        try:
            found += len(certificates.authorities((pem,)))
        except CertificateError as exc:
            raise RequestError(
                f"{exc}; a user's own certificate goes by its fingerprint, into the user's "
                "settings, certificates, and here stands the text of an authority's PEM file",
                path=path,
            ) from exc
        if found > AUTHORITIES_MOST:
            raise RequestError(f"more than {AUTHORITIES_MOST} authorities", path=path)


def _check_credentials(credentials: Sequence[Credential], name: str) -> None:
    identities: set[str] = set()
    for place, credential in enumerate(credentials):
        path = f"credentials[{place}]"
        if credential.unique:
            raise RequestError("every user's name is unique in the hub", path=f"{path}.unique")
        if credential.kind is not SecretKind.PSK:
            if credential.username not in {None, name}:
                raise RequestError(
                    f"a user logs in by its own name, {name!r}; leave this one out",
                    path=f"{path}.username",
                )
            continue
        identity = credential.username or name
        if identity in identities:
            raise RequestError(
                f"identity {identity!r} has a key already; a handshake can try one only",
                path=f"{path}.username",
            )
        identities.add(identity)


def _fingerprint(place: int, written: str) -> str:
    """A fingerprint as ``openssl x509 -fingerprint -sha256`` or anybody else writes it."""
    plain = written.replace(":", "").lower()
    if not _FINGERPRINT.match(plain):
        raise RequestError(
            "a SHA-256 fingerprint has 64 hexadecimal digits, with or without colons",
            path=f"settings.certificates[{place}]",
        )
    return plain
