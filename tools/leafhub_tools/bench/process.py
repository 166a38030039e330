"""What Linux tells about a process: its memory and its processor time."""

import os
import platform
import re
from pathlib import Path

from leafhub.errors import UnavailableError

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_OWN_TIMES = slice(11, 13)  # utime and stime, counted behind the program's name (man 5 proc)


def memory_bytes(pid: int) -> int:
    """Memory that is the process's own, with its share of what it shares (PSS).

    Raises:
        UnavailableError: It has ended, or this system does not tell.
    """
    return _memory_bytes(pid, "Pss")


def resident_bytes(pid: int) -> int:
    """Memory that the process sees, with all that it shares, like the code of libraries (RSS).

    Raises:
        UnavailableError: It has ended, or this system does not tell.
    """
    return _memory_bytes(pid, "Rss")


def processor_s(pid: int) -> float:
    """Seconds of processor time that the process has used.

    Raises:
        UnavailableError: It has ended, or this system does not tell.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError as exc:
        raise UnavailableError(f"nothing tells the times of process {pid}: {exc}") from exc
    times = stat.rpartition(")")[2].split()[_OWN_TIMES]
    return sum(map(int, times)) / _TICKS_PER_S


def machine() -> str:
    """One line that names this computer."""
    model = platform.machine()
    for path, pattern in (
        ("/proc/device-tree/model", r"([^\0]+)"),  # a Raspberry Pi says it here
        ("/proc/cpuinfo", r"^model name\s*:\s*(.+)$"),
    ):
        found = _find(path, pattern)
        if found:
            model = found
            break
    total_kb = int(_find("/proc/meminfo", r"^MemTotal:\s+(\d+) kB") or 0)
    return (
        f"{model}, {os.cpu_count()} processors, {total_kb / 1024 / 1024:.1f} GiB; "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _memory_bytes(pid: int, kind: str) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError as exc:
        raise UnavailableError(f"nothing tells the memory of process {pid}: {exc}") from exc
    found = re.search(rf"^{kind}:\s+(\d+) kB$", rollup, re.MULTILINE)
    if found is None:
        raise UnavailableError(f"/proc/{pid}/smaps_rollup tells no {kind}")
    return int(found[1]) * 1024


def _find(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found[1].strip() if found else ""
