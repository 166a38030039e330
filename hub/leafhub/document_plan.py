"""What has to change for the registry to be as a document says; see ``document`` for its form."""

import contextlib
import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import UnsetType

from leafhub import strict_toml
from leafhub.dialects.base import Arrival
from leafhub.dialects.detect import refuse_taken_name
from leafhub.dialects.interface import Dialect
from leafhub.document import DeclaredApplication, DeclaredCredential, DeclaredDevice, Document
from leafhub.document_export import plain_settings
from leafhub.errors import ConflictError, RequestError
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.registry import Change, PutApplication, PutDevice, RegistryView

_S = TypeVar("_S", bound=msgspec.Struct)

_HASHES = {
    SecretKind.SHA256: re.compile(r"[0-9a-f]{64}\Z"),
    SecretKind.ARGON2ID: re.compile(
        r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+(\$[A-Za-z0-9+/]+){2}\Z"
    ),
    SecretKind.BCRYPT: re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}\Z"),
    SecretKind.SHA512_CRYPT: re.compile(r"\$6\$(rounds=\d+\$)?[^$]{0,16}\$[./A-Za-z0-9]{86}\Z"),
    SecretKind.PSK: re.compile(r"([0-9a-f]{2}){8,64}\Z"),
}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Proofs(Protocol):
    """Hashing and checking, which take their time; the caller decides in which thread."""

    async def hash(self, secret: str) -> str:
        """The argon2id hash of a secret."""
        ...

    async def fits(self, credential: Credential, secret: str) -> bool:
        """Whether the secret is the one that ``credential`` stands for."""
        ...


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What has to change, in an order that works, and what people want to read about it.

    Attributes:
        changes: For the registry.
        created: ``application`` or ``application/device`` of what is new.
        updated: Of what changes.
        unchanged: Of what is already as the document says.
        applications: What was there of those that the document mentions, by name.
        devices: Likewise, by application and id.
    """

    changes: tuple[Change, ...]
    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    applications: Mapping[str, Application | None]
    devices: Mapping[tuple[str, str], Device | None]

    def holds(self, registry: RegistryView) -> bool:
        """Whether all that the document mentions is still as it was planned upon."""
        return all(
            registry.application(name) is before for name, before in self.applications.items()
        ) and all(registry.device(*place) is before for place, before in self.devices.items())


async def plan(
    document: Document,
    registry: RegistryView,
    dialect: Callable[[str], Dialect],
    arrival: Callable[[], Arrival],
    proofs: Proofs,
) -> Plan:
    """Find out what must change for the registry to be as the document says.

    Args:
        document: As read by ``parse``.
        registry: As it is; it may move on while proofs are worked out.
        dialect: Gives the dialect of a name, or raises a ``RequestError``.
        arrival: Gives time and identifiers for what is new.
        proofs: Hashes and checks secrets.

    Raises:
        RequestError: A dialect refuses an application or a device; ``path`` says where.
    """
    planner = _Planner(registry, dialect, arrival, proofs)
    for index, application in enumerate(document.application):
        await planner.take(application, f"application[{index}]")
    return Plan(
        changes=tuple(planner.changes),
        created=tuple(planner.created),
        updated=tuple(planner.updated),
        unchanged=tuple(planner.unchanged),
        applications=planner.applications,
        devices=planner.devices,
    )


class _Planner:
    """Goes through a document and gathers what to do."""

    def __init__(
        self,
        registry: RegistryView,
        dialect: Callable[[str], Dialect],
        arrival: Callable[[], Arrival],
        proofs: Proofs,
    ) -> None:
        self._registry = registry
        self._dialect = dialect
        self._arrival = arrival
        self._proofs = proofs
        self.changes: list[Change] = []
        self.created: list[str] = []
        self.updated: list[str] = []
        self.unchanged: list[str] = []
        self.applications: dict[str, Application | None] = {}
        self.devices: dict[tuple[str, str], Device | None] = {}

    async def take(self, declared: DeclaredApplication, path: str) -> None:
        try:
            dialect = self._dialect(declared.dialect)
        except RequestError as exc:
            raise RequestError(exc.message, path=f"{path}.dialect") from exc
        before = self._registry.application(declared.name)
        self.applications[declared.name] = before
        if before is not None and before.dialect != declared.dialect:
            raise ConflictError(
                f"application {declared.name!r} speaks {before.dialect}; use another name, or "
                "remove that application first",
                path=f"{path}.dialect",
            )
        application = await self._application(declared, before, dialect, path)
        self._put(application.name, before, application, PutApplication(application))
        existing = {d.id: d for d in self._registry.devices(declared.name)} if before else {}
        by_name: dict[str, list[Device]] = {}
        for one in existing.values():
            by_name.setdefault(one.name, []).append(one)
        seen: dict[str, str] = {}
        for index, device in enumerate(declared.device):
            where = f"{path}.device[{index}]"
            known = _find(device, existing, by_name, where)
            after = await self._device(application, device, known, dialect, where)
            if known is None and not device.id:  # its settings may say who it is
                known = existing.get(after.id) or _named(after.name, by_name, where)
                if known is not None:
                    after = await self._device(application, device, known, dialect, where)
            if known is None:
                with _within(where):
                    refuse_taken_name(application, after, self._registry, self._arrival())
            if seen.setdefault(after.id, where) != where:
                raise RequestError(f"{after.id!r} stands at {seen[after.id]} already", path=where)
            self.devices[declared.name, after.id] = known
            self._put(f"{declared.name}/{after.id}", known, after, PutDevice(after))

    def _put(self, name: str, before: object, after: object, change: Change) -> None:
        if before == after:
            self.unchanged.append(name)
            return
        (self.created if before is None else self.updated).append(name)
        self.changes.append(change)

    async def _application(
        self,
        declared: DeclaredApplication,
        before: Application | None,
        dialect: Dialect,
        path: str,
    ) -> Application:
        settings = _settings(
            _without_passwords(declared.settings),
            before.settings if before else None,
            dialect.application_type,
            f"{path}.settings",
        )
        if not dialect.keeps_plain_secrets:
            kept = before.settings if before else None
            settings = await self._hashed(settings, kept, dialect)
        if before is None:
            arrival = self._arrival()
            application = Application(
                name=declared.name,
                uid=arrival.ids.uuid(),
                dialect=declared.dialect,
                settings=settings,
                created_us=arrival.time_us,
            )
        else:
            application = msgspec.structs.replace(before, settings=settings)
        if declared.enabled is not msgspec.UNSET:
            application = msgspec.structs.replace(application, enabled=declared.enabled)
        with _within(path):
            return dialect.prepare_application(
                application, before, self._registry, self._arrival()
            )

    async def _hashed(self, settings: _S, before: object, dialect: Dialect) -> _S:
        """``settings`` with hashes for plain secrets; one that was kept stays as it was."""
        members = {
            name: await self._hashed_member(
                getattr(settings, name), getattr(before, name, ()), dialect
            )
            for name in settings.__struct_fields__
        }
        return msgspec.structs.replace(settings, **members)

    async def _hashed_member(self, member: object, before: object, dialect: Dialect) -> object:
        if isinstance(member, msgspec.Struct):
            return await self._hashed(member, before, dialect)
        if not isinstance(member, tuple):
            return member
        earlier = before if isinstance(before, tuple) else ()
        existing = [one for one in earlier if isinstance(one, Credential)]
        return tuple(
            [
                await self._kept(one.secret, one, existing, dialect)
                if isinstance(one, Credential) and one.kind is SecretKind.PLAIN
                else await self._hashed_member(one, old, dialect)
                for one, old in itertools.zip_longest(member, earlier[: len(member)])
            ]
        )

    async def _device(
        self,
        application: Application,
        declared: DeclaredDevice,
        before: Device | None,
        dialect: Dialect,
        path: str,
    ) -> Device:
        arrival = self._arrival()
        settings = _settings(
            declared.settings,
            before.settings if before else None,
            dialect.device_type,
            f"{path}.settings",
        )
        if before is None:
            device_id = declared.id or ""
            device = Device(
                application=application.name,
                id=device_id,
                uid=arrival.ids.uuid(),
                name=declared.name or device_id,
                settings=settings,
                created_us=arrival.time_us,
            )
        else:
            device = msgspec.structs.replace(
                before, name=declared.name or before.name, settings=settings
            )
        if declared.enabled is not msgspec.UNSET:
            device = msgspec.structs.replace(device, enabled=declared.enabled)
        if declared.credentials is not msgspec.UNSET:
            kept = await self._credentials(
                declared.credentials, device.credentials, dialect, f"{path}.credentials"
            )
            device = msgspec.structs.replace(device, credentials=kept)
        with _within(path):
            prepared = dialect.prepare(application, device, before, arrival)
        if before is not None and prepared.credentials != device.credentials:
            # The dialect made what the document leaves open; what it made last time stays.
            adopted = _adopt(device.credentials, before.credentials, len(prepared.credentials))
            device = msgspec.structs.replace(device, credentials=adopted)
            with _within(path):
                prepared = dialect.prepare(application, device, before, arrival)
        return prepared

    async def _credentials(
        self,
        declared: Sequence[DeclaredCredential],
        existing: Sequence[Credential],
        dialect: Dialect,
        path: str,
    ) -> tuple[Credential, ...]:
        kept: list[Credential] = []
        for index, entry in enumerate(declared):
            where = f"{path}[{index}]"
            expires_us = _expires_us(entry, where)
            bare = Credential(
                kind=SecretKind.PLAIN,
                secret="",
                username=entry.username,
                unique=entry.unique,
                expires_us=expires_us,
            )
            match entry:
                case DeclaredCredential(password=None, kind=str(kind), secret=str(secret)):
                    if not _HASHES[SecretKind(kind)].match(secret):
                        raise RequestError(
                            _no_hash(kind),
                            path=f"{where}.secret",
                        )
                    credential = msgspec.structs.replace(
                        bare, kind=SecretKind(kind), secret=secret
                    )
                case DeclaredCredential(password=str(password), kind=None, secret=None):
                    credential = await self._kept(password, bare, existing, dialect)
                case _:
                    raise RequestError(
                        "a credential is either a password, or kind and secret of a hash",
                        path=where,
                    )
            kept.append(credential)
        return tuple(kept)

    async def _kept(
        self, password: str, bare: Credential, existing: Iterable[Credential], dialect: Dialect
    ) -> Credential:
        """The form in which a password is already kept, or else the form it gets."""
        for credential in existing:
            own = bare.username is None or bare.username == credential.username
            if own and await self._proofs.fits(credential, password):
                return msgspec.structs.replace(
                    bare, kind=credential.kind, secret=credential.secret
                )
        if dialect.keeps_plain_secrets:
            return msgspec.structs.replace(bare, secret=password)
        return msgspec.structs.replace(
            bare, kind=SecretKind.ARGON2ID, secret=await self._proofs.hash(password)
        )


def _no_hash(kind: str) -> str:
    if kind == SecretKind.PSK.value:
        return "a pre-shared key is 16 to 128 lower-case hexadecimal digits, two for each byte"
    return f"no {kind} hash; for the secret itself write password = ..."


@contextlib.contextmanager
def _within(path: str) -> Iterator[None]:
    """Let a refusal of a dialect say where in the document it is meant."""
    try:
        yield
    except RequestError as exc:
        raise type(exc)(exc.message, path=strict_toml.join(path, exc.path or "")) from exc


def _adopt(
    declared: Sequence[Credential], before: Sequence[Credential], count: int
) -> tuple[Credential, ...]:
    """What is declared, completed from the credentials there were, up to ``count``."""
    named = [
        msgspec.structs.replace(new, username=new.username or old.username)
        for new, old in zip(declared, before, strict=False)
    ]
    return (*named, *declared[len(named) :], *before[len(named) : count])


def _find(
    declared: DeclaredDevice,
    existing: Mapping[str, Device],
    by_name: Mapping[str, Sequence[Device]],
    path: str,
) -> Device | None:
    if declared.id:
        return existing.get(declared.id)
    return _named(declared.name or "", by_name, path)


def _named(name: str, by_name: Mapping[str, Sequence[Device]], path: str) -> Device | None:
    named = by_name.get(name, ())
    if len(named) > 1:
        raise ConflictError(
            f"{len(named)} devices are called {name!r}; say which by its id, one of "
            f"{', '.join(sorted(d.id for d in named))}",
            path=path,
        )
    return named[0] if named else None


def _settings(
    declared: dict[str, Any] | str | UnsetType,
    before: msgspec.Struct | None,
    shape: type[msgspec.Struct],
    path: str,
) -> msgspec.Struct:
    if isinstance(declared, UnsetType):
        return strict_toml.convert({}, shape, path=path) if before is None else before
    if isinstance(declared, str):
        try:
            declared = msgspec.json.decode(declared, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as exc:
            raise RequestError(f"neither a table nor a JSON object: {exc}", path=path) from exc
    kept = {} if before is None else plain_settings(before)
    return strict_toml.convert({**kept, **declared}, shape, path=path)


def _without_passwords(declared: Any) -> Any:
    """Settings as written, each ``password`` of ``credentials`` in the words of the model."""
    if isinstance(declared, list):
        return [_without_passwords(member) for member in declared]
    if not isinstance(declared, dict):
        return declared
    plain = {key: _without_passwords(member) for key, member in declared.items()}
    entries = plain.get("credentials")
    if isinstance(entries, list):
        plain["credentials"] = [
            {"kind": "plain", "secret": entry["password"]}
            | {k: v for k, v in entry.items() if k != "password"}
            if isinstance(entry, dict)
            and "password" in entry
            and not {"kind", "secret"} & set(entry)
            else entry
            for entry in entries
        ]
    return plain


def _expires_us(entry: DeclaredCredential, path: str) -> int | None:
    if entry.expires is None:
        return None
    if entry.expires.tzinfo is None:
        raise RequestError("a moment needs its offset, like 2030-01-01T00:00:00Z", path=path)
    return (entry.expires - _EPOCH) // _MICROSECOND
