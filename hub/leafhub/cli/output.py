"""How commands speak: tables and sentences for people, JSON for programs."""

import base64
import datetime as dt
import os
import shlex
import sys
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from leafhub.contract import media_types
from leafhub.contract.operator_api import EventRecord, Value


def say(text: str) -> None:
    """A line for people."""
    give(printable(text) + "\n")


def next_step(text: str) -> None:
    """What to do next; on the error stream, so that what a command gives can be piped."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[dim]Next: {escape(printable(text))}[/dim]")


def give_json(value: object) -> None:
    """One JSON document on one line."""
    give(msgspec.json.encode(value).decode() + "\n")


def give_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows for people; as wide as the terminal, and whole where there is none."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe has no edge
        console.width = sys.maxsize
        console.width = console.measure(table).maximum
    with console.capture() as capture:
        console.print(table)
    give("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def give(text: str) -> None:
    """What a command gives, as it is; it ends well where ``| head`` has seen enough."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the last flush
        raise SystemExit(0) from None


def printable(text: str) -> str:
    """Text of a device or a hub as it may stand on a terminal, which obeys some characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def named(application: str, device: str) -> str:
    """A device as a shell takes it."""
    return shlex.quote(printable(f"{application}/{device}"))


def moment(time_us: int | None) -> str:
    """A moment in local time, down to milliseconds."""
    if time_us is None:
        return "never"
    try:
        utc = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=time_us)
        return utc.astimezone().isoformat(sep=" ", timespec="milliseconds")[:23]
    except OverflowError:  # a device's clock may say anything
        return f"{time_us} µs"


def reading(value: Value | None) -> str:
    """The newest value of a channel in short."""
    return "" if value is None else f"{value.channel} {said(value)}".strip()


def said(value: Value | EventRecord) -> str:
    """A value for people: JSON, and text as JSON; of all else how long it is.

    The API gives that in base64, which would look like a text that somebody sent.
    """
    if media_types.is_json(value.datacontenttype) or media_types.is_text(value.datacontenttype):
        return bytes(value.data).decode()
    count = len(base64.b64decode(msgspec.json.decode(value.data, type=str)))
    if not count:
        return ""
    return f"{count:,} bytes" if count != 1 else "1 byte"
