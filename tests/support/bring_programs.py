"""Bring what only the tests need from outside, before they start and with progress on screen."""

import sys

import mosquitto
import node
import old_paho

from leafhub_tools.bench import mosquitto as bench_mosquitto
from leafhub_tools.bringing import BringError


def main() -> int:
    """Bring it; 1 and the reason where that is impossible."""
    try:
        mosquitto.programs()
        bench_mosquitto.broker()
        old_paho.paho_1()
        node.mqtt_js()
    except BringError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing half made stays\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
