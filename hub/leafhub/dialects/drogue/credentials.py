"""The credentials of a device as Drogue Cloud writes them, and as the hub keeps them.

``spec.authentication.credentials`` lists them. ``spec.credentials.credentials`` is where they
stood before, and counts where there is no ``authentication`` at all. Beside the vendor's forms of
a password the two stand that the hub makes itself, ``argon2id`` and ``sha256``.
"""

import base64
import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from leafhub.dialects.drogue.spec import SectionError, convert_section
from leafhub.model.device import Credential, SecretKind

SECTION: Final = "authentication"
LEGACY_SECTION: Final = "credentials"

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_FORMS = {
    "plain": SecretKind.PLAIN,
    "bcrypt": SecretKind.BCRYPT,
    "sha512": SecretKind.SHA512_CRYPT,
    "argon2id": SecretKind.ARGON2ID,
    "sha256": SecretKind.SHA256,
}
_NAMES = {kind: name for name, kind in _FORMS.items()}
_Moment = Annotated[dt.datetime, Meta(tz=True)]


class Validity(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """When a pre-shared key counts; both moments are inside."""

    not_before: _Moment
    not_after: _Moment


class PreSharedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key for TLS-PSK.

    Attributes:
        key: In base64.
        validity: ``None``: it always counts.
    """

    key: str
    validity: Validity | None = None


class _User(msgspec.Struct, frozen=True, kw_only=True):
    username: str
    password: str | dict[str, str]
    unique: bool = False


class _Entry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"pass_": "pass"},
    forbid_unknown_fields=True,
):
    """One of them stands in it, and nothing else."""

    pass_: str | dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    user: _User | msgspec.UnsetType = msgspec.UNSET
    cert: str | msgspec.UnsetType = msgspec.UNSET
    psk: PreSharedKey | msgspec.UnsetType = msgspec.UNSET


class _Section(msgspec.Struct, frozen=True, kw_only=True):
    credentials: tuple[_Entry, ...] = ()


def section_name(spec: dict[str, Any]) -> str | None:
    """The section that counts; ``None``: there is none."""
    return next((name for name in (SECTION, LEGACY_SECTION) if name in spec), None)


def read_credentials(spec: dict[str, Any]) -> tuple[Credential, ...]:
    """The credentials of the section that counts; none where there is no section.

    Raises:
        SectionError: It cannot be read; nobody logs in with any of it.
    """
    found = (_credential(entry) for entry in _entries(spec))
    return tuple(credential for credential in found if credential is not None)


def read_keys(spec: dict[str, Any]) -> tuple[PreSharedKey, ...]:
    """The pre-shared keys of the section that counts, in their order.

    Raises:
        SectionError: It cannot be read.
    """
    return tuple(e.psk for e in _entries(spec) if isinstance(e.psk, PreSharedKey))


def read_validities(spec: dict[str, Any]) -> dict[tuple[str, int | None], int]:
    """From when pre-shared keys count, microseconds since the epoch, by secret and end.

    They are those of the credentials that ``read_credentials`` gives; one that is not here counts
    from the beginning.

    Raises:
        SectionError: The section that counts cannot be read.
    """
    return {
        (_key_bytes(key.key).hex(), _end_us(key.validity)): _us(key.validity.not_before)
        for key in read_keys(spec)
        if key.validity is not None
    }


def write_section(credentials: Iterable[Credential]) -> dict[str, Any]:
    """``spec.authentication`` for these credentials; when one ends cannot be said there."""
    return {"credentials": [_written(credential) for credential in credentials]}


def _entries(spec: dict[str, Any]) -> tuple[_Entry, ...]:
    name = section_name(spec)
    return () if name is None else convert_section(spec[name], _Section, name).credentials


def _credential(entry: _Entry) -> Credential | None:
    """What an entry says; ``None``: a certificate, which proves nothing by standing here."""
    said = (entry.pass_, entry.user, entry.cert, entry.psk)
    if sum(one is not msgspec.UNSET for one in said) != 1:
        raise SectionError("a credential is one of pass, user, cert, psk", path=f"spec.{SECTION}")
    if isinstance(entry.user, _User):
        kind, secret = _password(entry.user.password)
        return Credential(
            kind=kind, secret=secret, username=entry.user.username, unique=entry.user.unique
        )
    if isinstance(entry.psk, PreSharedKey):
        return Credential(
            kind=SecretKind.PSK,
            secret=_key_bytes(entry.psk.key).hex(),
            expires_us=_end_us(entry.psk.validity),
        )
    if isinstance(entry.pass_, str | dict):
        kind, secret = _password(entry.pass_)
        return Credential(kind=kind, secret=secret)
    return None


def _password(written: str | dict[str, str]) -> tuple[SecretKind, str]:
    if isinstance(written, str):
        return SecretKind.PLAIN, written
    form, secret = next(iter(written.items()), ("", ""))
    if form not in _FORMS:
        raise SectionError(
            f"there is no form {form!r} of a password; there are {', '.join(_FORMS)}",
            path=f"spec.{SECTION}",
        )
    return _FORMS[form], secret


def _key_bytes(written: str) -> bytes:
    try:
        return base64.b64decode(written, validate=True)
    except ValueError as exc:
        raise SectionError("a key is not in base64", path=f"spec.{SECTION}") from exc


def _end_us(validity: Validity | None) -> int | None:
    """The first microsecond in which it no longer counts."""
    return None if validity is None else _us(validity.not_after) + 1


def _us(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _written(credential: Credential) -> dict[str, Any]:
    if credential.kind is SecretKind.PSK:
        key = base64.b64encode(bytes.fromhex(credential.secret)).decode()
        return {"psk": {"key": key}}
    form = _NAMES[credential.kind]
    password = credential.secret if form == "plain" else {form: credential.secret}
    if credential.username is None:
        return {"pass": password}
    user = {"username": credential.username, "password": password}
    return {"user": user | ({"unique": True} if credential.unique else {})}
