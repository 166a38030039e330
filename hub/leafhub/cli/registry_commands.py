"""Commands about applications and devices: ``apply``, ``export``, ``devices``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from leafhub.cli import options
from leafhub.cli.output import give, give_json, give_table, moment, named, next_step, reading, say
from leafhub.data_folder import SECRET, write
from leafhub.errors import ConfigurationError, RequestError


def apply(
    file: Annotated[
        Path, typer.Argument(help="TOML file with applications and devices; - is standard input.")
    ],
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Load applications and devices from a TOML file into the running hub.

    All of it is done, or nothing. What the file does not mention stays as it is: nothing is ever
    deleted. Doing it twice changes nothing the second time.
    """
    text = _read(file)
    with options.connect(data, hub, token) as client:
        try:
            report = client.apply(text)
        except RequestError as exc:
            where = f"{file}: {exc.path}" if exc.path else str(file)
            raise RequestError(exc.message, path=where) from exc
    if json:
        give_json(report)
        return
    for done, places in (("created", report.created), ("updated", report.updated)):
        for place in places:
            say(f"{done} {place}")
    say(
        f"{len(report.created)} created, {len(report.updated)} updated, "
        f"{len(report.unchanged)} unchanged"
    )
    next_step("`leafhub devices` shows them, `leafhub watch` watches them")


def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; standard output if left out.")
    ] = None,
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Write all applications and devices as a TOML file that `leafhub apply` takes.

    Passwords are in it as the hub keeps them, as hashes where the dialect allows: keep it safe.
    """
    with options.connect(data, hub, token) as client:
        text = client.registry()
    if file is not None:
        write(file, text.encode(), mode=SECRET)
        if json:
            give_json({"file": str(file)})
        else:
            say(f"wrote {file} (for you only)")
            next_step(
                f"`leafhub apply {shlex.quote(str(file))}` loads it into this or another hub"
            )
    elif json:
        give_json({"document": text})
    else:
        give(text)


def devices(
    application: Annotated[
        str | None, typer.Argument(help="Only those of this application.")
    ] = None,
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """List the devices: whether they are there, when they were heard of, what they said last."""
    with options.connect(data, hub, token) as client:
        found = client.devices(application)
    if json:
        give_json(found)
        return
    give_table(
        ("state", "device", "name", "dialect", "last seen", "last reading"),
        [
            (
                d.state if d.enabled else f"{d.state}, disabled",
                f"{d.application}/{d.id}",
                d.name,
                d.dialect,
                moment(d.seen_us),
                reading(d.latest),
            )
            for d in found
        ],
    )
    if found:
        next_step(
            f"`leafhub events {named(found[0].application, found[0].id)}` shows what one said"
        )
    else:
        next_step("`leafhub apply FILE` brings devices in")


def _read(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.read()
        return file.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigurationError(
            f"cannot be read ({exc.strerror}); name a file that is there", path=str(file)
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError("is not UTF-8; save it as UTF-8", path=str(file)) from exc
