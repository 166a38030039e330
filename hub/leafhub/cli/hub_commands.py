"""Commands about the hub itself, beside ``run``: ``init``, ``config``, ``version``."""

import importlib.metadata
import sys
from typing import Annotated

import msgspec
import typer

from leafhub import config, preparation
from leafhub.cli import options
from leafhub.cli.output import give, give_json, next_step, say


class Made(msgspec.Struct, frozen=True):
    """What ``init`` made in which folder."""

    folder: str
    made: list[str]


def version(*, json: options.Json = False) -> None:
    """Say which Leafhub this is."""
    number = importlib.metadata.version("leafhub")
    if json:
        give_json({"version": number, "python": sys.version.split()[0]})
    else:
        say(f"leafhub {number}, Python {sys.version.split()[0]}")


def init(*, data: options.Data = None, json: options.Json = False) -> None:
    """Make a data folder: certificates, and an operator's login.

    What is there already stays as it is, so it may be called again at any time.
    """
    settings = config.load(options.folder(data))
    made = preparation.prepare(settings)
    if json:
        give_json(Made(str(settings.folder.path), made))
        return
    for line in made:
        say(f"made {line}")
    say(f"{settings.folder.path} is ready" if made else f"{settings.folder.path} is complete")
    next_step("`leafhub run` starts the hub")


def show_config(
    *,
    data: options.Data = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Give the JSON Schema of leafhub.toml instead.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Show the configuration in force: leafhub.toml, then LEAFHUB_* variables.

    What it prints is a complete leafhub.toml, with every key explained.
    """
    if schema:
        give_json(config.schema())
        return
    settings = config.load(options.folder(data))
    if json:
        give_json(config.as_builtins(settings))
    else:
        give(config.as_toml(settings))
        next_step(f"put what should be otherwise into {settings.folder.configuration}")
