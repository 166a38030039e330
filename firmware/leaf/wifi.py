"""Brings Wi-Fi up on a real board, and the clock with it."""

import time

from micropython import const

from leaf.errors import ConfigError, LinkLost

_JOIN_MS = const(30000)
_POLL_MS = const(100)
_FIRST_YEAR = const(2025)  # before it a clock was never set: boards start in 2000 or 2021


def ensure(section, name):
    """Join the network of leaf.json's section ``wifi`` unless that is done; ``name`` is ours.

    Raises:
        LinkLost: The network does not take us in within half a minute.
    """
    try:
        import network
    except ImportError:
        raise ConfigError('leaf.json has "wifi", but this is no board with Wi-Fi')
    station = network.WLAN(network.STA_IF)
    if not station.isconnected():
        network.hostname(name)
        station.active(True)
        station.connect(section["ssid"], section["password"])
        end = time.ticks_add(time.ticks_ms(), _JOIN_MS)
        while not station.isconnected():
            if time.ticks_diff(end, time.ticks_ms()) <= 0:
                station.active(False)  # a driver that hangs starts afresh the next time
                raise LinkLost("Wi-Fi %s does not let us in" % section["ssid"])
            time.sleep_ms(_POLL_MS)
        print("leaf: joined Wi-Fi", section["ssid"])
    _set_clock()


def _set_clock():
    """Set the clock once: certificates have dates, and a board starts in the past."""
    if time.gmtime()[0] >= _FIRST_YEAR:
        return
    import ntptime

    try:
        ntptime.settime()
    except (OSError, OverflowError) as exc:
        print("leaf: no time from", ntptime.host, "(%s); certificates may not be good yet" % exc)
