"""The sections of ``spec`` that mean something to the hub, typed.

The vendor's registry keeps whatever it is given, so each section is read when it is needed, and
one that cannot be read is trouble for its reader only. Reading is remembered: settings are frozen,
and a message is no occasion to read them again.
"""

import contextlib
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec
from msgspec import Meta

from leafhub.dialects.drogue.grammars.azure import Azure
from leafhub.dialects.drogue.grammars.cumulocity import C8y, Cumulocity
from leafhub.dialects.drogue.grammars.drogue_v1 import DrogueV1
from leafhub.dialects.drogue.grammars.grammar import Grammar
from leafhub.dialects.drogue.grammars.plain_topic import PlainTopic
from leafhub.dialects.drogue.grammars.web_of_things import WebOfThings, Wot
from leafhub.dialects.drogue.settings import Settings, settings_of
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.registry import RegistryView

REMEMBERED: Final = 10_000
"""Sections that were read and are kept so; a hub with more devices that talk reads some again."""

AnyGrammar = DrogueV1 | PlainTopic | WebOfThings | Wot | Cumulocity | C8y | Azure


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A member of ``spec`` that is an object; unknown members of it are left alone."""

    SECTION: ClassVar[str]


class Mqtt(Section, frozen=True, kw_only=True):
    """How topics are read.

    Attributes:
        dialect: The grammar.
    """

    SECTION: ClassVar[str] = "mqtt"

    dialect: AnyGrammar = DrogueV1()


class Core(Section, frozen=True, kw_only=True):
    """Whether it takes part at all."""

    SECTION: ClassVar[str] = "core"

    disabled: bool = False


class GatewaySelector(Section, frozen=True, kw_only=True, rename="camel"):
    """Who may speak for a device and gets its commands.

    Attributes:
        match_names: Names, not aliases, of devices of the same application.
    """

    SECTION: ClassVar[str] = "gatewaySelector"

    match_names: tuple[str, ...] = ()


class Options(Section, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the hub does otherwise than Drogue Cloud did, or can do beyond it, if it is told to.

    A device's section stands for its application's as a whole. The names are the hub's own.
    """

    SECTION: ClassVar[str] = "leafhub"

    strict: Annotated[
        bool,
        Meta(description="A refused QoS 0 message of an MQTT 3.1.1 client ends its connection."),
    ] = False
    keep_json_types: Annotated[
        bool, Meta(description="application/senml+json and its like keep their name.")
    ] = False
    psk_newest_first: Annotated[
        bool, Meta(description="Of several keys that are valid, the one valid since latest.")
    ] = False
    command_qos: Annotated[
        int,
        Meta(
            ge=0,
            le=1,
            description="1: commands go out with QoS 1 where the client asked for it, and wait for"
            " a client whose session is kept.",
        ),
    ] = 0
    command_properties: Annotated[
        bool,
        Meta(description="5.0 clients are told the content type of a command, and its time."),
    ] = False
    command_timeout: Annotated[
        float,
        Meta(
            gt=0,
            le=31_536_000,
            description="Seconds in which a command must be taken, and answered by devices that"
            " answer, unless whoever sends it says otherwise. Leaf devices answer in seconds or"
            " never; more is for those that sleep, with commandQos and keepSessions.",
        ),
    ] = 60.0
    keep_sessions: Annotated[
        bool, Meta(description="Clients may ask for a session that outlives the connection.")
    ] = False
    coexist: Annotated[
        bool,
        Meta(
            description="Connections of one device do not displace each other unless they have"
            " one client id."
        ),
    ] = False
    reader_may_command: Annotated[
        bool, Meta(description="Over HTTP, who may read may send commands too.")
    ] = False


_S = TypeVar("_S", bound=Section)
_T = TypeVar("_T")


class SectionError(RequestError):
    """A section of ``spec`` is not what the vendor documents; ``path`` says where."""


def read(settings: Settings, shape: type[_S]) -> _S:
    """Read one section; absent, it says nothing but its defaults.

    Raises:
        SectionError: It is there and cannot be read.
    """
    name = shape.SECTION
    if name not in settings.spec:
        return shape()
    known = _memory.get((id(settings), name))  # before a function is made for ``remembered``
    if known is not None and known.error is None:
        section: _S = known.value
        return section
    return remembered(settings, name, lambda: convert_section(settings.spec[name], shape, name))


def convert_section(value: object, shape: type[_T], name: str) -> _T:
    """Give a member of ``spec`` its type.

    Raises:
        SectionError: It does not fit.
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as exc:
        message, _, place = str(exc).partition(" - at `$")
        raise SectionError(message, path=f"spec.{name}{place.rstrip('`')}") from exc


class _Known(msgspec.Struct, frozen=True):
    """What reading settings gave; with them, so that their id stays theirs."""

    settings: Settings
    value: Any
    error: SectionError | None


_memory: dict[tuple[int, str], _Known] = {}


def remembered(settings: Settings, name: str, make: Callable[[], _T]) -> _T:
    """What ``make`` gave, or raised, for these very settings under this name."""
    place = (id(settings), name)
    known = _memory.get(place)
    if known is None:
        if len(_memory) >= REMEMBERED:
            _memory.clear()
        try:
            known = _Known(settings, make(), None)
        except SectionError as exc:
            known = _Known(settings, None, exc)
        _memory[place] = known
    if known.error is not None:
        raise SectionError(known.error.message, path=known.error.path)
    value: _T = known.value
    return value


def aliases_of(settings: Settings) -> tuple[str, ...]:
    """The other names a device logs in with and is spoken for by.

    Raises:
        SectionError: They are no list of texts.
    """

    def convert() -> tuple[str, ...]:
        return convert_section(settings.spec.get("alias", ()), tuple[str, ...], "alias")

    return remembered(settings, "alias", convert)


def gateways_of(device: Device) -> tuple[str, ...]:
    """The names of the devices that may speak for this one; none where that cannot be read."""
    try:
        return read(settings_of(device), GatewaySelector).match_names
    except SectionError:
        return ()


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a device: a section of its own stands for its application's.

    Attributes:
        grammar: How its topics are read; ``None``: that cannot be told.
        trouble: Why not.
        options: What the hub does for it; the defaults where they cannot be read.
        gateways: Names of those that may speak for it; nobody for one that is being deleted.
        device: Whom they are for.
        application: As it was when they were read.
    """

    grammar: Grammar | None
    trouble: SectionError | None
    options: Options
    gateways: tuple[str, ...]
    device: Device
    application: Application | None


def terms_of(device: Device, registry: RegistryView) -> Terms:
    """The terms for a device, as its record and its application's are now."""
    application = registry.application(device.application)
    known = _terms.get(device.uid)
    if known is not None and known.device is device and known.application is application:
        return known
    if len(_terms) >= REMEMBERED:
        _terms.clear()
    terms = _terms[device.uid] = _read_terms(device, application)
    return terms


_terms: dict[str, Terms] = {}  # by the device's uid, so that what is past takes no room


def grammar_of(device: Device, registry: RegistryView) -> Grammar:
    """How the topics of a device are read.

    Raises:
        SectionError: The section that counts cannot be read.
    """
    terms = terms_of(device, registry)
    if terms.grammar is not None:
        return terms.grammar
    trouble = terms.trouble or SectionError("cannot be read", path="spec.mqtt")
    raise SectionError(trouble.message, path=trouble.path)


def options_of(device: Device, registry: RegistryView) -> Options:
    """The options that hold for a device; the defaults where they cannot be read."""
    return terms_of(device, registry).options


def _read_terms(device: Device, application: Application | None) -> Terms:
    grammar, trouble, options = None, None, Options()
    try:
        grammar = read(_where(Mqtt, device, application), Mqtt).dialect
    except SectionError as exc:
        trouble = exc
    with contextlib.suppress(SectionError):
        options = read(_where(Options, device, application), Options)
    return Terms(
        grammar=grammar,
        trouble=trouble,
        options=options,
        gateways=() if settings_of(device).deleted_us is not None else gateways_of(device),
        device=device,
        application=application,
    )


def _where(shape: type[Section], device: Device, application: Application | None) -> Settings:
    """Whose section counts."""
    own = settings_of(device)
    return own if application is None or shape.SECTION in own.spec else settings_of(application)
