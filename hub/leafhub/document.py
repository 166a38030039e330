"""The TOML document of ``leafhub apply`` and ``leafhub export``: applications and their devices.

```toml
[[application]]
name = "greenhouse"
dialect = "drogue"
[application.settings]        # what the dialect wants to know

[[application.device]]
id = "bed-1"                  # left out where the dialect makes ids: the device goes by its name
name = "Bed 1"
enabled = true
credentials = [
    { password = "correct horse" },
    { username = "u", password = "p", expires = 2030-01-01T00:00:00Z },
    { kind = "bcrypt", secret = "$2b$12$..." },
    { kind = "psk", secret = "8f1c...", username = "identity" },
]
[application.device.settings]
```

``settings`` may also be a text with a JSON object in it, for what TOML cannot say: null. A list
``credentials`` in an application's settings takes ``{ password = "..." }`` too, and what is plain
there is kept as a hash, like a device's.

A document adds and changes; what it does not mention stays as it is: applications, devices, their
members, single settings. ``credentials`` is the exception for safety's sake: where it is given it
is the whole list, so that a password that was replaced no longer opens anything.
"""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, UnsetType

from leafhub import strict_toml
from leafhub.errors import RequestError

LONGEST_SECRET = 4096  # characters; a hash function is not to be kept busy with more
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\Z")  # RFC 1123 §2.1
LONGEST_NAME = 64  # characters, as Drogue Cloud keeps it


class DeclaredCredential(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``password``, or ``kind`` and ``secret`` where it is a hash already."""

    password: Annotated[str, Meta(min_length=1, max_length=LONGEST_SECRET)] | None = None
    kind: Literal["sha256", "argon2id", "bcrypt", "sha512-crypt", "psk"] | None = None
    secret: Annotated[str, Meta(min_length=1, max_length=LONGEST_SECRET)] | None = None
    username: str | None = None
    unique: bool = False
    expires: dt.datetime | None = None


class DeclaredDevice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device as written; what was left out is ``UNSET``."""

    id: str | UnsetType = msgspec.UNSET
    name: str | UnsetType = msgspec.UNSET
    enabled: bool | UnsetType = msgspec.UNSET
    credentials: list[DeclaredCredential] | UnsetType = msgspec.UNSET
    settings: dict[str, Any] | str | UnsetType = msgspec.UNSET


class DeclaredApplication(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application as written; what was left out is ``UNSET``."""

    name: str
    dialect: str
    enabled: bool | UnsetType = msgspec.UNSET
    settings: dict[str, Any] | str | UnsetType = msgspec.UNSET
    device: list[DeclaredDevice] = []


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole document as written."""

    application: list[DeclaredApplication] = []


def parse(text: str) -> Document:
    """Read a document; nothing is compared with the registry yet.

    Raises:
        RequestError: It is not TOML (line and column), a key is unknown or a value wrong, or a
            name stands twice; ``path`` says where.
    """
    document = strict_toml.convert(strict_toml.parse(text), Document)
    _refuse_twice([a.name for a in document.application], "application", "name")
    for index, application in enumerate(document.application):
        path = f"application[{index}]"
        if len(application.name) > LONGEST_NAME or not _HOST_NAME.match(application.name):
            raise RequestError(
                f"{application.name!r} is no application name; use 1 to {LONGEST_NAME} of a-z, "
                "0-9, and hyphens or dots between them",
                path=f"{path}.name",
            )
        _refuse_twice([d.id or None for d in application.device], f"{path}.device", "id")
        _refuse_twice(
            [None if d.id else d.name or None for d in application.device],
            f"{path}.device",
            "name",
        )
    return document


def _refuse_twice(names: Sequence[str | None], path: str, member: str) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is not None and first.setdefault(name, index) != index:
            raise RequestError(
                f"{name!r} stands at {path}[{first[name]}] already",
                path=f"{path}[{index}].{member}",
            )
