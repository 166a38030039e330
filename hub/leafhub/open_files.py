"""How many files and sockets the hub may have open."""

import logging
import resource
from typing import Final

OWN_FILES: Final = 512
"""What the hub opens beside MQTT connections and WebSockets: HTTP, the store, listeners, logs."""

log = logging.getLogger(__name__)


def permit(connections: int) -> None:
    """Raise the limit of the process for so many connections, as far as the system lets it.

    Most systems start programs with a limit of 1024 and let each raise it for itself.
    """
    wanted = connections + OWN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        log.warning(
            "the system lets this program open %d files, so there cannot be %d connections; "
            "set LimitNOFILE=%d in its systemd unit, or lower mqtt.maximum_connections",
            *(hard, connections, wanted),
        )
        wanted = hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
