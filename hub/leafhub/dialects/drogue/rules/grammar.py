"""What rules say, typed: ``when`` each holds, and what is done ``then``.

Source: the vendor's user guide, "Event pre-processing". Members that nobody knows are left alone,
as the vendor's programs do; a choice that nobody knows makes the whole section unreadable.
"""

from typing import Any, ClassVar, Final, Literal, TypeAlias

import msgspec

from leafhub.dialects.drogue.rules.endpoint import Endpoint, read_endpoint
from leafhub.dialects.drogue.rules.tags import Place
from leafhub.dialects.drogue.settings import Settings
from leafhub.dialects.drogue.spec import remembered


class Always(msgspec.Struct, frozen=True):
    """Holds."""


class IsChannel(msgspec.Struct, frozen=True):
    """Holds on this channel."""

    channel: str


class Not(msgspec.Struct, frozen=True):
    """Holds where the other does not."""

    one: "When"


class And(msgspec.Struct, frozen=True):
    """Holds where all do, and there are some."""

    all: tuple["When", ...]


class Or(msgspec.Struct, frozen=True):
    """Holds where one does."""

    any: tuple["When", ...]


When: TypeAlias = Always | IsChannel | Not | And | Or


class Drop(msgspec.Struct, frozen=True):
    """The message goes no further; its sender is told that all is well."""


class Break(msgspec.Struct, frozen=True):
    """The message is accepted as it is now."""


class Reject(msgspec.Struct, frozen=True):
    """The message is refused."""

    reason: str


class SetAttribute(msgspec.Struct, frozen=True):
    """One of ``ATTRIBUTES`` gets a value; ``None``: it loses its own."""

    name: str
    value: str | None

    ATTRIBUTES: ClassVar[frozenset[str]] = frozenset(
        {"datacontenttype", "dataschema", "subject", "type"}
    )


class SetExtension(msgspec.Struct, frozen=True):
    """An extension gets a value; ``None``: it goes."""

    name: str
    value: str | None


Mode = Literal["binary", "structured"]
"""How an event stands in a request (CloudEvents HTTP binding, 3.1 and 3.2)."""
Response = Literal["cloudEvent", "raw", "assumeStructuredCloudEvent"]
"""What the answer is: an event, its data only, or an event whatever its content type says."""


class Validate(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint says whether the message is good."""

    endpoint: Endpoint
    mode: Mode = "binary"


class Enrich(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint gives the message back as it shall be."""

    endpoint: Endpoint
    mode: Mode = "binary"
    response: Response = "cloudEvent"


Step: TypeAlias = Drop | Break | Reject | SetAttribute | SetExtension | Validate | Enrich


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a message for which a condition holds."""

    when: When = Always()
    then: tuple[Step, ...] = ()


Rules: TypeAlias = tuple[Rule, ...]
NO_RULES: Final[Rules] = ()


def rules_of(settings: Settings, section: Literal["publish", "command"]) -> Rules:
    """The rules of an application for what its devices publish, or for commands.

    Raises:
        SectionError: They cannot be read.
    """
    if section not in settings.spec:
        return NO_RULES
    return remembered(settings, section, lambda: _read_section(settings.spec, section))


def _read_section(spec: dict[str, Any], section: str) -> Rules:
    rules = Place(spec[section], f"spec.{section}").member("rules", ())
    return tuple(_read_rule(place) for place in rules.entries())


def _read_rule(place: Place) -> Rule:
    then = place.member("then", ())
    steps = (then,) if isinstance(then.value, str) else then.entries()  # the guide has both
    return Rule(
        when=_read_when(place.member("when", "always")),
        then=tuple(_read_step(step) for step in steps),
    )


def _read_when(place: Place) -> When:
    tag, inner = place.tagged(("always",), ("isChannel", "not", "and", "or"))
    match tag:
        case "isChannel":
            return IsChannel(inner.to(str))
        case "not":
            return Not(_read_when(inner))
        case "and":
            return And(tuple(_read_when(one) for one in inner.entries()))
        case "or":
            return Or(tuple(_read_when(one) for one in inner.entries()))
        case _:
            return Always()


def _read_step(place: Place) -> Step:
    tag, inner = place.tagged(("drop", "break"), tuple(_READERS))
    if tag == "drop":
        return Drop()
    if tag == "break":
        return Break()
    return _READERS[tag](inner)


class _NameAndValue(msgspec.Struct, frozen=True):
    name: str
    value: str


def _read_set_attribute(place: Place) -> Step:
    pair = place.to(_NameAndValue)
    return SetAttribute(pair.name, pair.value)


def _read_set_extension(place: Place) -> Step:
    pair = place.to(_NameAndValue)
    return SetExtension(pair.name, pair.value)


def _read_validate(place: Place) -> Step:
    return Validate(endpoint=read_endpoint(place.member("endpoint")), mode=_read_mode(place))


def _read_enrich(place: Place) -> Step:
    return Enrich(
        endpoint=read_endpoint(place.member("endpoint")),
        mode=_read_mode(place),
        response=_read_response(place.member("response", "cloudEvent")),
    )


class _Request(msgspec.Struct, frozen=True, tag_field="type", tag="cloudEvent"):
    NAME: ClassVar[str] = "cloudEvent"

    mode: Mode = "binary"


def _read_mode(place: Place) -> Mode:
    """There is one type of request, whose name alone stands for its default mode."""
    request = place.member("request", _Request.NAME)
    if request.value == _Request.NAME:
        return _Request().mode
    return request.to(_Request).mode


def _read_response(place: Place) -> Response:
    """Its type alone, or an object that says it: both have been the vendor's."""
    if isinstance(place.value, dict):
        place = place.member("type")
    response: Response = place.to(Response)  # type: ignore[arg-type]  # a form, not a class
    return response


_READERS: Final = {
    "reject": lambda place: Reject(place.to(str)),
    "setAttribute": _read_set_attribute,
    "removeAttribute": lambda place: SetAttribute(place.to(str), None),
    "setExtension": _read_set_extension,
    "removeExtension": lambda place: SetExtension(place.to(str), None),
    "validate": _read_validate,
    "enrich": _read_enrich,
}
