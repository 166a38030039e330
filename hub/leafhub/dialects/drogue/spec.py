"""The sections of ``spec`` that mean something to the hub, typed.

The vendor's registry keeps whatever it is given, so each section is read when it is needed, and
one that cannot be read is trouble for its reader only. Reading is remembered as long as there are
the settings: they are frozen, and a message is no occasion to read them again.
"""

import contextlib
import weakref
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta

from leafhub.dialects.drogue.grammars.azure import Azure
from leafhub.dialects.drogue.grammars.cumulocity import C8y, Cumulocity
from leafhub.dialects.drogue.grammars.drogue_v1 import DrogueV1
from leafhub.dialects.drogue.grammars.grammar import Grammar
from leafhub.dialects.drogue.grammars.plain_topic import PlainTopic
from leafhub.dialects.drogue.grammars.web_of_things import WebOfThings, Wot
from leafhub.dialects.drogue.memory import Memory
from leafhub.dialects.drogue.settings import Settings, settings_of
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.registry import RegistryView

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
    known = _memory.get(settings)  # before a function is made for ``remembered``
    finding = None if known is None else known.get(name)
    if finding is not None and finding.error is None:
        section: _S = finding.value
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


class _Finding(msgspec.Struct, frozen=True):
    """What reading gave."""

    value: Any
    error: SectionError | None


_memory: Memory[dict[str, _Finding]] = Memory()


def remembered(settings: Settings, name: str, make: Callable[[], _T]) -> _T:
    """What ``make`` gave, or raised, for these very settings under this name."""
    known = _memory.get(settings)
    if known is None:
        known = {}
        _memory.put(settings, known)
    finding = known.get(name)
    if finding is None:
        try:
            finding = _Finding(make(), None)
        except SectionError as exc:
            finding = _Finding(None, _without_traceback(exc))
        known[name] = finding
    if finding.error is not None:
        raise _without_traceback(finding.error)
    value: _T = finding.value
    return value


def _without_traceback(error: SectionError) -> SectionError:
    """The same, to be kept or raised: a traceback leads to the settings, and grows."""
    return SectionError(error.message, path=error.path)


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
        application: The settings of its application, as they were when this was read.
    """

    grammar: Grammar | None
    trouble: SectionError | None
    options: Options
    gateways: tuple[str, ...]
    application: weakref.ref[Settings] | None


def terms_of(device: Device, registry: RegistryView) -> Terms:
    """The terms for a device, as its record and its application's are now."""
    application = registry.application(device.application)
    known = _terms.get(settings_of(device))
    if known is not None and _are_for(known, application):
        return known
    terms = _read_terms(device, application)
    _terms.put(settings_of(device), terms)
    return terms


_terms: Memory[Terms] = Memory()


def _are_for(terms: Terms, application: Application | None) -> bool:
    if terms.application is None or application is None:
        return terms.application is None and application is None
    return terms.application() is application.settings


def grammar_of(device: Device, registry: RegistryView) -> Grammar:
    """How the topics of a device are read.

    Raises:
        SectionError: The section that counts cannot be read.
    """
    terms = terms_of(device, registry)
    if terms.grammar is not None:
        return terms.grammar
    raise _without_traceback(terms.trouble or SectionError("cannot be read", path="spec.mqtt"))


def options_of(device: Device, registry: RegistryView) -> Options:
    """The options that hold for a device; the defaults where they cannot be read."""
    return terms_of(device, registry).options


def _read_terms(device: Device, application: Application | None) -> Terms:
    grammar, trouble, options = None, None, Options()
    try:
        grammar = read(_where(Mqtt, device, application), Mqtt).dialect
    except SectionError as exc:
        trouble = _without_traceback(exc)
    with contextlib.suppress(SectionError):
        options = read(_where(Options, device, application), Options)
    return Terms(
        grammar=grammar,
        trouble=trouble,
        options=options,
        gateways=() if settings_of(device).deleted_us is not None else gateways_of(device),
        application=None if application is None else weakref.ref(settings_of(application)),
    )


def _where(shape: type[Section], device: Device, application: Application | None) -> Settings:
    """Whose section counts."""
    own = settings_of(device)
    return own if application is None or shape.SECTION in own.spec else settings_of(application)
