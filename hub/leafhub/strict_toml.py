"""TOML that people write, read to the letter: every mistake is told with its line or its path."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from leafhub.errors import RequestError

_T = TypeVar("_T")
_HINTS = 12  # words in a hint; nobody reads more
_MISSING = re.compile(r"Object missing required field `(?P<key>.*)`\Z", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected `(?P<wanted>\w+)( \| null)?`, got ")
_PLACE = re.compile(r" - at `(?P<key>key in )?\$(?P<path>.*)`\Z", re.DOTALL)


def parse(text: str, *, error: type[RequestError] = RequestError) -> dict[str, Any]:
    """Parse a TOML document.

    Raises:
        RequestError: It is not TOML; the text names line and column. ``error`` names a subclass.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        line = text.count("\n") + 1
        where = str(exc).replace("(at end of document)", f"(at the end, line {line})")
        raise error(f"not TOML: {where}") from exc
    except RecursionError as exc:
        raise error("not TOML: nested too deeply") from exc


def convert(
    value: object, shape: type[_T], *, path: str = "", error: type[RequestError] = RequestError
) -> _T:
    """Make a ``shape`` of parsed TOML; a key that it doesn't have is refused.

    Args:
        value: What TOML gave.
        shape: A Struct, or anything else msgspec knows.
        path: Where ``value`` stands, put before the path of a mistake.
        error: Which error to raise.

    Raises:
        RequestError: A wrong type or value, or an unknown key, with the nearest key there is.
    """
    _refuse_unknown_keys(value, inspect.type_info(shape), path, error)
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as exc:
        text = str(exc)
        place = _PLACE.search(text)
        where = path if place is None else join(path, place["path"].lstrip("."))
        message = text if place is None else text[: place.start()]
        if missing := _MISSING.match(message):
            message = f"the key {missing['key']!r} is missing; add it"
        elif (wrong := _WRONG_TYPE.match(message)) and wrong["wanted"] == "array":
            message = f"{message}; write it in brackets, like [...]"
        if place is not None and place["key"]:
            message += " as key"
        raise error(message, path=where or None) from exc


def join(path: str, member: str) -> str:
    """The path of a member: ``a`` and ``b`` give ``a.b``, ``a`` and ``[0].b`` give ``a[0].b``."""
    if not path or not member:
        return path or member
    return f"{path}{member}" if member.startswith("[") else f"{path}.{member}"


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint at what was meant: the nearest word, or some of them where none is near."""
    choice = sorted(words)
    near = difflib.get_close_matches(word, choice, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    more = f" and {len(choice) - _HINTS} more" if len(choice) > _HINTS else ""
    verb = "are" if len(choice) > 1 else "is only"
    return f"there {verb} {', '.join(choice[:_HINTS])}{more}" if choice else "there is none"


def _refuse_unknown_keys(
    value: object, shape: inspect.Type, path: str, error: type[RequestError]
) -> None:
    match shape:
        case inspect.Metadata(type=inner):
            _refuse_unknown_keys(value, inner, path, error)
        case inspect.UnionType(types=types):
            structs = [t for t in types if isinstance(t, inspect.StructType)]
            if len(structs) == 1:  # several are told apart by their tag, which msgspec reads
                _refuse_unknown_keys(value, structs[0], path, error)
        case inspect.CollectionType(item_type=item) if isinstance(value, list):
            for index, member in enumerate(value):
                _refuse_unknown_keys(member, item, f"{path}[{index}]", error)
        case inspect.DictType(value_type=item) if isinstance(value, dict):
            for key, member in value.items():
                _refuse_unknown_keys(member, item, join(path, key), error)
        case inspect.StructType() if isinstance(value, dict):
            _refuse_unknown_members(value, shape, path, error)
        case _:
            return  # a plain value, which ``convert`` judges


def _refuse_unknown_members(
    value: dict[str, Any], shape: inspect.StructType, path: str, error: type[RequestError]
) -> None:
    known = {field.encode_name: field.type for field in shape.fields}
    if shape.tag_field is not None:
        known[shape.tag_field] = inspect.AnyType()
    for key, member in value.items():
        if key not in known:
            raise error(f"unknown key; {nearest(key, known)}", path=join(path, key))
        _refuse_unknown_keys(member, known[key], join(path, key), error)
