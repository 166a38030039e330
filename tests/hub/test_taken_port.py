import errno
import os
import socket
from pathlib import Path

import pytest

from leafhub.taken_port import port_holder, why_not_listening


def test_the_program_that_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = Path("/proc/self/comm").read_text().strip()
        port = server.getsockname()[1]
        assert port_holder(port) == f"{name} (pid {os.getpid()})"
    assert port_holder(port) is None


def test_who_only_connects_from_a_port_does_not_hold_it() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert port_holder(client.getsockname()[1]) is None


def test_of_ipv6_too() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        found = port_holder(server.getsockname()[1])
        assert found is not None
        assert f"(pid {os.getpid()})" in found


def test_the_error_says_who_has_it_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            socket.create_server(("127.0.0.1", port))
        told = why_not_listening("127.0.0.1", port, caught.value, key="[mqtt] listeners")
    name = Path("/proc/self/comm").read_text().strip()
    assert told == (
        f"cannot listen on 127.0.0.1:{port} (Address already in use by {name} "
        f"(pid {os.getpid()})); stop it, or name another port under [mqtt] listeners"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EADDRINUSE, "taken"), "stop the program that does, or name another port"),
        (OSError(errno.EADDRNOTAVAIL, "none"), "name an address of this machine under"),
        (OSError(errno.EACCES, "no"), "(Permission denied); name another port under"),
        (OSError("no number"), "(no number); name another port under"),
    ],
)
def test_other_errors_say_what_to_do(error: OSError, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobodys_port = server.getsockname()[1]
    assert words in why_not_listening("host", nobodys_port, error, key="[http] listeners")
