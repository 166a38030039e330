"""The sections of ``spec`` that mean something to the hub, typed.

The vendor's registry keeps whatever it is given, so each section is read when it is needed, and
one that cannot be read is trouble for its reader only. Reading is remembered: settings are frozen,
and a message is no occasion to read them again.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, ClassVar, Final, TypeVar, cast

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
        return cast("_S", _absent(shape))
    return remembered(settings, name, lambda: convert_section(settings.spec[name], shape, name))


@cache
def _absent(shape: type[Section]) -> Section:
    return shape()


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


def remembered(settings: Settings, name: str, make: Callable[[], _T]) -> _T:
    """What ``make`` gave, or raised, for these very settings under this name."""
    place = (id(settings), name)
    known = _memory.get(place)
    if known is None:
        if len(_memory) >= REMEMBERED:
            _memory.clear()
        try:
            known = (settings, make(), None)
        except SectionError as exc:
            known = (settings, None, exc)
        _memory[place] = known  # it holds the settings too, so that their id stays theirs
    _, value, error = known
    if error is not None:
        raise SectionError(error.message, path=error.path)
    return cast("_T", value)


_memory: dict[tuple[int, str], tuple[Settings, Any, SectionError | None]] = {}


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


def grammar_of(device: Device, registry: RegistryView) -> Grammar:
    """How the topics of a device are read: its own section stands for the application's.

    Raises:
        SectionError: The section that counts cannot be read.
    """
    return _own_or_shared(device, registry, Mqtt).dialect


def options_of(device: Device, registry: RegistryView) -> Options:
    """The options that hold for a device; the defaults where they cannot be read."""
    try:
        return _own_or_shared(device, registry, Options)
    except SectionError:
        return Options()


def _own_or_shared(device: Device, registry: RegistryView, shape: type[_S]) -> _S:
    """The section of a device, or else of its application; remembered for both as they are."""
    application = registry.application(device.application)
    place = (id(device.settings), id(application), shape)
    known = _sections.get(place)
    if known is None:
        settings = settings_of(device)
        if shape.SECTION not in settings.spec and application is not None:
            settings = settings_of(application)
        if len(_sections) >= REMEMBERED:
            _sections.clear()
        known = _sections[place] = (read(settings, shape), device.settings, application)
    return cast("_S", known[0])


_sections: dict[tuple[int, int, type], tuple[Section, object, object]] = {}
