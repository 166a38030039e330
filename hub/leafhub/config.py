"""The hub's configuration: ``leafhub.toml`` in the data folder, then ``LEAFHUB_*`` variables.

A variable's name is the path of a key in capitals, with two underscores between its parts:
``LEAFHUB_DOMAIN`` is ``domain``, ``LEAFHUB_MQTT__CONNECT_TIME_S`` is ``connect_time_s`` of the
section ``[mqtt]``. Its value is taken as it is where the key wants text, else as a TOML value:
``LEAFHUB_MQTT__LISTENERS='[{port = 1883}]'``. Variables win over the file.

Every key is declared beside the code that uses it, with its bounds and the reason for its default.
"""

import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import tomlkit
from msgspec import Meta, inspect
from tomlkit.items import Item, Table

from leafhub import strict_toml
from leafhub.data_folder import DataFolder
from leafhub.errors import ConfigurationError, RequestError
from leafhub.exchange.settings import FeedSettings, RetainedSettings, SessionSettings
from leafhub.http_server.settings import HttpSettings
from leafhub.mqtt_server.settings import MqttSettings
from leafhub.stores.settings import StoreSettings

PREFIX = "LEAFHUB_"
OTHER_VARIABLES = frozenset({"DATA", "HUB", "TOKEN", "CACHE", "DEBIAN_MIRROR"})
"""Variables of the programs around the hub, which are no keys of its configuration."""

LogLevel = Literal["debug", "info", "warning", "error"]


class Sections(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``leafhub.toml`` holds; every key may be left out."""

    domain: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z",
            max_length=200,
            description="The hub's own domain, lower case. Names that vendors gave their servers "
            "stand below it, like x.m2.leafhub.local.",
        ),
    ] = "leafhub.local"
    log_level: Annotated[
        LogLevel,
        Meta(description="How much the log tells; info: one line per thing that happens."),
    ] = "info"
    store: StoreSettings = StoreSettings()
    sessions: SessionSettings = SessionSettings()
    retained: RetainedSettings = RetainedSettings()
    feeds: FeedSettings = FeedSettings()
    mqtt: MqttSettings = MqttSettings()
    http: HttpSettings = HttpSettings()


class Config(Sections, frozen=True, kw_only=True):
    """The whole configuration.

    Attributes:
        folder: The data folder.
    """

    folder: DataFolder


def load(folder: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration of a data folder; a folder without ``leafhub.toml`` has all defaults.

    Raises:
        ConfigurationError: The file is not TOML, or it or a variable has an unknown key or a wrong
            value; the text names file or variable, key, and the nearest key there is.
    """
    data = DataFolder(folder)
    file = _read(data.configuration)
    try:
        strict_toml.convert(file, Sections, error=ConfigurationError)
    except ConfigurationError as exc:
        raise ConfigurationError(
            exc.message, path=f"{data.configuration}: {exc.path}" if exc.path else None
        ) from exc
    for variable, text in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX) not in OTHER_VARIABLES:
            _set(file, variable, text)
    sections = strict_toml.convert(file, Sections, error=ConfigurationError)
    return Config(
        folder=data, **{name: getattr(sections, name) for name in Sections.__struct_fields__}
    )


def as_toml(config: Config) -> str:
    """The effective configuration as a ``leafhub.toml`` with every key explained."""
    document = tomlkit.document()
    _fill(document, config, inspect.type_info(Sections))
    return tomlkit.dumps(document)


def schema() -> dict[str, Any]:
    """The JSON Schema of ``leafhub.toml``."""
    return msgspec.json.schema(Sections)


def as_builtins(config: Config) -> dict[str, Any]:
    """The effective configuration as JSON values."""
    names = Sections.__struct_fields__
    return {name: msgspec.to_builtins(getattr(config, name)) for name in names}


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ConfigurationError(f"cannot be read ({exc.strerror})", path=str(path)) from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"not TOML: not UTF-8 ({exc.reason})", path=str(path)) from exc
    try:
        return strict_toml.parse(text, error=ConfigurationError)
    except ConfigurationError as exc:
        raise ConfigurationError(exc.message, path=str(path)) from exc


def _set(file: dict[str, Any], variable: str, text: str) -> None:
    parts = variable.removeprefix(PREFIX).lower().split("__")
    shape = inspect.type_info(Sections)
    table = file
    for index, part in enumerate(parts):
        names = _fields(shape)
        if part not in names:
            known = [_variable([*parts[:index], name]) for name in names]
            raise ConfigurationError(
                f"unknown variable; {strict_toml.nearest(variable, known)}", path=variable
            )
        shape = names[part].type
        if index < len(parts) - 1:
            table = table.setdefault(part, {})
    if isinstance(shape, inspect.StructType):
        raise ConfigurationError(
            f"a section, not a key; like {_variable([*parts, next(iter(_fields(shape)))])}",
            path=variable,
        )
    table[parts[-1]] = _value(text, shape)
    try:
        strict_toml.convert(file, Sections, error=ConfigurationError)
    except ConfigurationError as exc:
        raise ConfigurationError(exc.message, path=variable) from exc


def _value(text: str, shape: inspect.Type) -> object:
    while isinstance(shape, inspect.Metadata):
        shape = shape.type
    alternatives = shape.types if isinstance(shape, inspect.UnionType) else (shape,)
    if any(isinstance(a, inspect.StrType | inspect.LiteralType) for a in alternatives):
        return text
    try:
        return strict_toml.parse(f"value = {text}")["value"]
    except RequestError:
        return text  # whatever it is, the declaration of the key says what it should be


def _variable(parts: list[str]) -> str:
    return PREFIX + "__".join(parts).upper()


def _fields(shape: inspect.Type) -> dict[str, inspect.Field]:
    while isinstance(shape, inspect.Metadata):
        shape = shape.type
    if not isinstance(shape, inspect.StructType):
        return {}
    return {field.encode_name: field for field in shape.fields}


def _fill(table: tomlkit.TOMLDocument | Table, value: object, shape: inspect.Type) -> None:
    for name, field in _fields(shape).items():
        member = getattr(value, name)
        if isinstance(field.type, inspect.Metadata) and field.type.extra_json_schema:
            _explain(table, field.type.extra_json_schema.get("description", ""))
        if isinstance(member, msgspec.Struct):
            section = tomlkit.table()
            _fill(section, member, field.type)
            table.add(name, section)
        elif member is not None:
            table.add(name, _plain(member))


def _explain(table: tomlkit.TOMLDocument | Table, text: str) -> None:
    for line in textwrap.wrap(text, 90):
        table.add(tomlkit.comment(line))


def _plain(member: object) -> Item:
    value = msgspec.to_builtins(member)
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        array = tomlkit.array()
        for entry in value:
            array.append({k: v for k, v in entry.items() if v is not None})
        array.multiline(multiline=True)
        return array
    item: Item = tomlkit.item(value)
    return item
