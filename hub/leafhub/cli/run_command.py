"""``leafhub run``: the one command that stays.

It reads its options with the standard library: what parses and prints for the other commands
would take 15 MB for as long as the hub runs, and a third of its start.
"""

import argparse
import asyncio
import datetime as dt
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from leafhub import config, preparation
from leafhub.contract import operator_login

SUMMARY = "Start the hub; Ctrl-C or SIGTERM ends it cleanly."


def run(words: Sequence[str]) -> None:
    """Run the hub until it is told to stop.

    Args:
        words: What follows ``leafhub run``.

    Raises:
        HubError: It cannot start.
        SystemExit: A wrong call, or one for help.
    """
    asked = _parser().parse_args(words)
    settings = config.load(asked.data or operator_login.default_folder())
    _log_to_stderr("warning" if asked.quiet else settings.log_level, json=asked.json)
    log = logging.getLogger("leafhub.cli")
    for line in preparation.prepare(settings):
        log.info("made %s", line)
    from leafhub import app  # noqa: PLC0415 - half a second of imports that no other command needs

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(app.serve(settings))
    log.info("stopped; `leafhub run` starts it again, nothing acknowledged is lost")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leafhub run",
        description=SUMMARY,
        epilog="A data folder that is not there yet is made first, as `leafhub init` does.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="The hub's data folder; $LEAFHUB_DATA, or ~/.local/share/leafhub, if left out.",
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="Say only what is wrong.")
    parser.add_argument("--json", action="store_true", help="Log one JSON object per line.")
    return parser


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
