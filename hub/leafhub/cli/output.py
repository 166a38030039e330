"""How commands speak: tables and sentences for people, JSON for programs."""

import datetime as dt
import sys
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from leafhub.contract.operator_api import Value


def say(text: str) -> None:
    """A line for people, as it is."""
    Console(highlight=False, soft_wrap=True).print(escape(text))


def next_step(text: str) -> None:
    """What to do next; on the error stream, so that what a command gives can be piped."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[dim]Next: {escape(text)}[/dim]")


def give_json(value: object) -> None:
    """One JSON document on one line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def give_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows for people; as wide as the terminal, and whole where there is none."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 500  # a pipe has no edge
    console.print(table)


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
    return "" if value is None else f"{value.channel} {bytes(value.data).decode()}".strip()
