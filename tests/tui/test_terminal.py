import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"  # the alternate screen
PATIENCE_S = 30.0


def read_until(terminal: int, wanted: bytes) -> None:
    seen = b""
    ends_s = time.monotonic() + PATIENCE_S
    while wanted not in seen and time.monotonic() < ends_s:
        try:
            seen += os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            break
    assert wanted in seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_dashboard_that_is_told_to_end_gives_the_terminal_back(number: signal.Signals) -> None:
    outer, inner = pty.openpty()
    dashboard = subprocess.Popen(  # noqa: S603 - our own program
        [
            str(Path(sys.executable).with_name("leafhub")),
            *("watch", "--hub", "http://127.0.0.1:9", "--token", "none"),
        ],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(inner)
    try:
        read_until(outer, ENTER)
        dashboard.send_signal(number)
        read_until(outer, LEAVE)
        assert dashboard.wait(PATIENCE_S) == 0
    finally:
        dashboard.kill()
        dashboard.wait()
        os.close(outer)
