"""Commands about the hub itself: ``init``, ``run``, ``config``, ``version``."""

import asyncio
import datetime as dt
import gc
import importlib.metadata
import logging
import sys
import time
from typing import Annotated

import msgspec
import typer

from leafhub import authority, config, operator_file
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
    made = make(settings)
    if json:
        give_json(Made(str(settings.folder.path), made))
        return
    for line in made:
        say(f"made {line}")
    say(f"{settings.folder.path} is ready" if made else f"{settings.folder.path} is complete")
    next_step("`leafhub run` starts the hub")


def run(
    *,
    data: options.Data = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is wrong.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Log one JSON object per line.")] = False,
) -> None:
    """Start the hub; Ctrl-C or SIGTERM ends it cleanly.

    A data folder that is not there yet is made first, as `leafhub init` does.
    """
    settings = config.load(options.folder(data))
    _log_to_stderr("warning" if quiet else settings.log_level, json=json)
    log = logging.getLogger("leafhub.cli")
    for line in make(settings):
        log.info("made %s", line)
    from leafhub import app  # noqa: PLC0415 - a second of imports that no other command needs

    gc.collect()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(app.serve(settings))
    log.info("stopped; `leafhub run` starts it again, nothing acknowledged is lost")


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


def make(settings: config.Config) -> list[str]:
    """Make what the data folder lacks, and say what that was."""
    folder = settings.folder
    made: list[str] = []
    if folder.make():
        made.append(f"{folder.path} (for you only)")
    names = authority.names_of_this_machine(settings.domain)
    prepared = authority.prepare(folder, names, dt.datetime.now(dt.UTC))
    if prepared.new_ca:
        made.append("ca.pem and ca.der, the CA that boards and browsers trust, and its key")
    if prepared.new_certificate:
        made.append(f"server.pem, the hub's certificate, and its key ({prepared.reason})")
    if operator_file.make(settings):
        made.append("operator.json, the login for `leafhub watch` and the other commands")
    return made


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """Give uvloop where it is installed: it halves the time a packet takes."""
    try:
        import uvloop  # noqa: PLC0415 - it is not on every platform
    except ImportError:
        return None
    return uvloop.Loop


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()


def _log_to_stderr(level: str, *, json: bool) -> None:
    """One line per thing that happens, from the hub; from its libraries only what is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    if json:
        handler.setFormatter(_JsonLines())
    else:
        plain = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        plain.converter = time.localtime
        handler.setFormatter(plain)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("leafhub").setLevel(level.upper())
