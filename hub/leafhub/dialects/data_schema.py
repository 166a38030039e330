"""Data schemas of Thing Descriptions (W3C WoT TD 1.1 §5.3.2), and whether a value fits one.

fastjsonschema does the checking: it is pure Python, so it installs on every board, 32-bit ones
too. It gets only the members that this module knows, so a ``$ref`` elsewhere is never followed.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

import fastjsonschema
import msgspec

from leafhub.errors import PayloadError, RequestError

COMPILED_SCHEMAS: Final = 1024
"""Checkers kept: one takes some 20 kB and a few milliseconds to make on a Raspberry Pi."""

_TYPES = Literal["boolean", "integer", "number", "string", "object", "array", "null"]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Level(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One level of a data schema; those inside are read one by one: a mistake has a place."""

    at_type: str | list[str] | msgspec.UnsetType = msgspec.field(
        name="@type", default=msgspec.UNSET
    )
    title: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    unit: str | msgspec.UnsetType = msgspec.UNSET
    read_only: bool | msgspec.UnsetType = msgspec.UNSET
    write_only: bool | msgspec.UnsetType = msgspec.UNSET
    observable: bool | msgspec.UnsetType = msgspec.UNSET
    type: _TYPES | msgspec.UnsetType = msgspec.UNSET
    enum: Annotated[list[Any], msgspec.Meta(min_length=1)] | msgspec.UnsetType = msgspec.UNSET
    minimum: float | msgspec.UnsetType = msgspec.UNSET
    maximum: float | msgspec.UnsetType = msgspec.UNSET
    exclusive_minimum: float | msgspec.UnsetType = msgspec.UNSET
    exclusive_maximum: float | msgspec.UnsetType = msgspec.UNSET
    multiple_of: Annotated[float, msgspec.Meta(gt=0)] | msgspec.UnsetType = msgspec.UNSET
    min_items: _Count | msgspec.UnsetType = msgspec.UNSET
    max_items: _Count | msgspec.UnsetType = msgspec.UNSET
    min_length: _Count | msgspec.UnsetType = msgspec.UNSET
    max_length: _Count | msgspec.UnsetType = msgspec.UNSET
    pattern: str | msgspec.UnsetType = msgspec.UNSET
    format: str | msgspec.UnsetType = msgspec.UNSET
    required: list[str] | msgspec.UnsetType = msgspec.UNSET
    items: dict[str, Any] | list[Any] | msgspec.UnsetType = msgspec.UNSET
    properties: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    one_of: Annotated[list[Any], msgspec.Meta(min_length=1)] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Check what one member says against another; msgspec adds the place to the errors."""
        for low, high in (
            (self.minimum, self.maximum),
            (self.min_items, self.max_items),
            (self.min_length, self.max_length),
        ):
            if low is not msgspec.UNSET and high is not msgspec.UNSET and low > high:
                raise ValueError(f"the minimum {low:g} is above the maximum {high:g}")
        if self.enum is not msgspec.UNSET:
            encoded = [msgspec.json.encode(value, order="sorted") for value in self.enum]
            if len(set(encoded)) < len(encoded):
                raise ValueError("`enum` holds a value twice")


_PLAIN_RULES: Final = frozenset(
    {
        "type",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "required",
    }
)


def check_schema(schema: Any, path: str) -> None:
    """Check that ``schema`` is a data schema.

    Args:
        schema: A decoded JSON value.
        path: Where it stands, for the error.

    Raises:
        RequestError: A known member has the wrong type or makes no sense; ``path`` names it.
    """
    _check_level(schema, path)
    try:
        _compiled(msgspec.json.encode(schema))
    except (fastjsonschema.JsonSchemaDefinitionException, re.error) as exc:
        raise RequestError(f"this data schema cannot be used: {exc}", path=path) from exc


def fit(schema: Mapping[str, Any], value: Any) -> Any:
    """Give ``value`` back if it fits; where the schema says integer, ``5.0`` has become ``5``.

    Args:
        schema: One that ``check_schema`` let through.
        value: A decoded JSON value.

    Raises:
        PayloadError: It does not fit; ``where`` is the place inside the value, empty for the
            value itself.
    """
    try:
        _compiled(msgspec.json.encode(schema))(value)
    except fastjsonschema.JsonSchemaValueException as exc:
        raise PayloadError(
            ".".join(exc.path[1:]), exc.message.removeprefix(str(exc.name)).strip()
        ) from exc
    except OverflowError as exc:  # an integer of hundreds of digits against a fraction
        raise PayloadError("", "a number too large to be checked") from exc
    return _with_whole_numbers(schema, value)


def _check_level(schema: Any, path: str) -> None:
    try:
        level = msgspec.convert(schema, _Level)
    except msgspec.ValidationError as exc:
        message, _, member = str(exc).partition(" - at `$")
        raise RequestError(message, path=path + member.rstrip("`")) from exc
    if isinstance(level.properties, dict):
        for name, inner in level.properties.items():
            _check_level(inner, f"{path}.properties.{name}")
    if isinstance(level.items, list):
        for place, inner in enumerate(level.items):
            _check_level(inner, f"{path}.items[{place}]")
    elif isinstance(level.items, dict):
        _check_level(level.items, f"{path}.items")
    if isinstance(level.one_of, list):
        for place, inner in enumerate(level.one_of):
            _check_level(inner, f"{path}.oneOf[{place}]")


@functools.lru_cache(maxsize=COMPILED_SCHEMAS)
def _compiled(schema: bytes) -> Callable[[Any], Any]:
    rules = _rules(msgspec.json.decode(schema))
    rules["$schema"] = "http://json-schema.org/draft-07/schema#"
    return fastjsonschema.compile(rules, use_default=False)


def _rules(schema: dict[str, Any]) -> dict[str, Any]:
    """Keep the members that restrict values, level by level."""
    rules = {name: value for name, value in schema.items() if name in _PLAIN_RULES}
    if "properties" in schema:
        rules["properties"] = {name: _rules(inner) for name, inner in schema["properties"].items()}
    if "oneOf" in schema:
        rules["oneOf"] = [_rules(inner) for inner in schema["oneOf"]]
    if "items" in schema:
        items = schema["items"]
        rules["items"] = (
            [_rules(inner) for inner in items] if isinstance(items, list) else _rules(items)
        )
    return rules


def _with_whole_numbers(schema: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if schema.get("type") == "integer" else value
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return {
            name: _with_whole_numbers(inner[name], one) if name in inner else one
            for name, one in value.items()
        }
    if isinstance(value, list) and "items" in schema:
        items = schema["items"]
        if isinstance(items, dict):
            return [_with_whole_numbers(items, one) for one in value]
        return [
            *(_with_whole_numbers(rule, one) for rule, one in zip(items, value, strict=False)),
            *value[len(items) :],
        ]
    return value
