"""People and programs on the application side, and what each may do."""

import enum
from typing import Final

import msgspec

from leafhub.model.device import Credential, SecretKind


class Role(enum.Enum):
    """What an operator may do; each includes those before it."""

    READER = "reader"  # see applications, devices, events
    WRITER = "writer"  # and send commands, change the application and its devices
    ADMIN = "admin"  # and remove the application, and say who else may

    def covers(self, needed: "Role") -> bool:
        """Whether this role is enough where ``needed`` is asked for."""
        return _RANKS[self] >= _RANKS[needed]


_RANKS: Final = {Role.READER: 0, Role.WRITER: 1, Role.ADMIN: 2}


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that the hub made for an operator; the secret itself was shown once.

    Attributes:
        prefix: How it begins; tells it from the others.
        sha256: Of its UTF-8, 64 hexadecimal digits.
        created_us: Microseconds since the epoch.
        description: What it is for, in its owner's words.
    """

    prefix: str
    sha256: str
    created_us: int
    description: str = ""


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """A person or program on the application side.

    Attributes:
        name: Login name, unique in the hub.
        credentials: Any one of them suffices.
        tokens: So does any of these.
        role: What it may do everywhere; ``None``: only what ``roles`` says.
        roles: What it may do beyond that, by application.
        offers: Applications that it is offered to take over, and who offers them.
    """

    name: str
    credentials: tuple[Credential, ...] = ()
    tokens: tuple[AccessToken, ...] = ()
    role: Role | None = Role.ADMIN
    roles: dict[str, Role] = {}
    offers: dict[str, str] = {}

    @property
    def proofs(self) -> tuple[Credential, ...]:
        """Everything that suffices to log in."""
        return self.credentials + tuple(
            Credential(kind=SecretKind.SHA256, secret=token.sha256) for token in self.tokens
        )

    def may(self, needed: Role, application: str | None = None) -> bool:
        """Whether it has that role for an application; ``None``: for the hub as a whole."""
        own = self.roles.get(application) if application is not None else None
        return any(role is not None and role.covers(needed) for role in (self.role, own))


ANYBODY: Final = Operator(name="", role=None)
"""Whoever shows no login, as long as no application gives a role to the operator ``""``."""
