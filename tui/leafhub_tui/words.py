"""How times, numbers and values are said on the screen."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec
from rich.cells import cell_len, set_cell_size

SPARKS = "▁▂▃▄▅▆▇█"
_LEVELS = re.compile(r"[./]")


def age(now_us: int, then_us: int | None) -> str:
    """Say how long ago ``then_us`` was, in at most 10 characters."""
    if then_us is None:
        return "never"
    seconds = (now_us - then_us) // 1_000_000
    if seconds < 1:  # also a clock that is ahead of ours
        return "now"
    for unit, size, limit in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86_400)):
        if seconds < limit:
            return f"{seconds // size} {unit} ago"
    return f"{seconds // 86_400} d ago"


def span(microseconds: int) -> str:
    """Say a span of time: ``310 ms``, ``1.2 s``, ``12 s``, ``2 h 5 min``, ``3 d 4 h``."""
    seconds = max(0, microseconds) / 1_000_000
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def clock(time_us: int, zone: tzinfo | None) -> str:
    """Say the time of day in ``zone`` (``None``: the machine's)."""
    return _moment(time_us, zone).strftime("%H:%M:%S")


def date_and_clock(time_us: int, zone: tzinfo | None) -> str:
    """Say day and time to the millisecond."""
    moment = _moment(time_us, zone)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"


def _moment(time_us: int, zone: tzinfo | None) -> datetime:
    seconds, microseconds = divmod(time_us, 1_000_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    except (ValueError, OverflowError, OSError):  # a device's clock may say anything
        moment = datetime.fromtimestamp(0, UTC)
    return moment.astimezone(zone)


def figure(value: float) -> str:
    """Write a number with as many digits as a person reads."""
    if abs(value) < 1e9 and value == int(value):
        return str(int(value))
    return f"{value:.6g}" if abs(value) >= 1e-3 else f"{value:.3g}"


def rate(per_minute: float | None) -> str:
    """Write messages a minute."""
    if per_minute is None:
        return "…"
    return f"{per_minute:.1f}" if 0 < per_minute < 10 else f"{per_minute:.0f}"


def size(count: int) -> str:
    """Write a number of bytes."""
    amount = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"


def scalar(value: object) -> str:
    """Write one JSON value in one line; text without its quotes."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, float):
        return figure(value)
    return one_line(msgspec.json.encode(value).decode())


def gist(value: object) -> str:
    """Write any JSON value in one line as a person would: ``temperature 21.5 · fan false``."""
    if isinstance(value, dict) and value:
        return " · ".join(f"{one_line(str(k))} {scalar(v)}" for k, v in value.items())
    return scalar(value)


def shorten_path(path: str, width: int) -> str:
    """Cut ``path`` to ``width`` cells of the screen; its end says most."""
    if cell_len(path) <= width:
        return path
    return "…" + set_cell_size(path[::-1], max(0, width - 1)).rstrip()[::-1]


def one_line(text: str) -> str:
    """Keep line ends and control characters from a device off the screen."""
    return "".join(c if c.isprintable() else "·" for c in text)


def shorten(text: str, width: int) -> str:
    """Cut ``text`` to ``width`` characters."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def reading(channel: str, value: object, width: int) -> str:
    """Say ``channel = value`` in ``width`` characters; the channel gives way first."""
    said = gist(value)
    if not channel:
        return shorten(said, width)
    room = width - len(said) - 3
    if room < len(channel):  # of a path or a topic the end says most
        channel = _LEVELS.split(channel)[-1] or channel
    if room < min(4, len(channel)):
        channel = shorten(channel, 5)
        return shorten(f"{channel} = {said}", width)
    return f"{shorten(channel, room)} = {said}"


def sparkline(values: list[float]) -> str:
    """Draw ``values`` as one character each; a level course is a low line."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if not high > low:
        return SPARKS[0] * len(values)
    top = len(SPARKS) - 1
    return "".join(SPARKS[round((value - low) / (high - low) * top)] for value in values)


def pretty(data: bytes) -> str:
    """Write JSON over several lines; what is not JSON stays as it is."""
    try:
        return msgspec.json.format(data, indent=2).decode(errors="replace")
    except msgspec.DecodeError:
        return data.decode(errors="replace")


def raw(data: bytes) -> str:
    """Write a payload as it came: as text where it is text, else as a hex dump."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if text and all(c.isprintable() or c in "\t\r\n" for c in text):
        return text
    lines = []
    for offset in range(0, len(data), 8):
        part = data[offset : offset + 8]
        shown = "".join(chr(b) if 0x20 <= b < 0x7F else "·" for b in part)
        lines.append(f"{offset:04x}  {part.hex(' '):<23}  {shown}")
    return "\n".join(lines)


def decode(data: bytes) -> Any:
    """Read a JSON value from the feed or the API; what is not JSON is shown as text."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data.decode(errors="replace")
