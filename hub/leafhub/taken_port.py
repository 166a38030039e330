"""Why a place cannot be listened on, and which program has it, as far as Linux tells this user."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN in the kernel's include/net/tcp_states.h


def why_not_listening(host: str, port: int, error: OSError, *, key: str) -> str:
    """Cause and cure.

    Args:
        host: Where it was to be.
        port: Where it was to be.
        error: What the operating system said.
        key: Of the configuration that names the place.
    """
    cause = os.strerror(error.errno) if error.errno else str(error)
    cure = f"name another port under {key}"
    if error.errno == errno.EADDRINUSE:
        holder = port_holder(port)
        cause = f"{cause} by {holder}" if holder else cause
        cure = f"stop {'it' if holder else 'the program that does'}, or {cure}"
    elif error.errno == errno.EADDRNOTAVAIL:
        cure = f"name an address of this machine under {key}"
    return f"cannot listen on {host}:{port} ({cause}); {cure}"


def port_holder(port: int) -> str | None:
    """Name and process id, like ``mosquitto (pid 812)``; ``None`` where nobody may know.

    Another user's programs show what they hold to that user and to root alone.
    """
    sockets = {f"socket:[{inode}]" for inode in _listening_on(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            if any(_target(descriptor) in sockets for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return None


def _listening_on(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on a port, on any address (proc_pid_net(5))."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                    yield words[9]


def _target(descriptor: Path) -> str | None:
    try:
        return str(descriptor.readlink())
    except OSError:
        return None
