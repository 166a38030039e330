"""The leaf as it is delivered: reads leaf.json, measures a (made-up) room, obeys two commands.

Take it as the pattern for a leaf of your own: make a ``Leaf``, name its readings and its commands,
and run it.
"""

import time

from leaf import ConfigError, Leaf, load_config


class Room:
    """A room with a heater: stands in for a sensor on boards that have none."""

    _HALF_WAY_S = 60  # after this time half of the difference to the target is gone

    def __init__(self):
        self.target = 21.0
        self._celsius = 18.0
        self._at = time.ticks_ms()

    def celsius(self):
        """Return the temperature now, in °C with one decimal."""
        now = time.ticks_ms()
        passed_s = time.ticks_diff(now, self._at) / 1000
        self._at = now
        self._celsius += (self.target - self._celsius) * (1 - 0.5 ** (passed_s / self._HALF_WAY_S))
        return round(self._celsius, 1)

    def set_target(self, celsius):
        """Heat to ``celsius`` from now on; returns what was set."""
        if not isinstance(celsius, (int, float)) or not 5 <= celsius <= 30:
            raise ValueError("set-temp wants a number from 5 to 30")
        self.target = celsius
        return celsius


def main():
    """Build the leaf from leaf.json in the current folder and run it for ever."""
    try:
        config = load_config("leaf.json")
        leaf = Leaf(config)
    except ConfigError as exc:
        print("leaf: cannot start:", exc)
        return
    room = Room()
    started = time.ticks_ms()
    leaf.every(config["interval_s"], "temperature")(room.celsius)
    leaf.command("set-temp")(room.set_target)

    @leaf.command("identify")
    def identify(_argument):
        uptime_s = time.ticks_diff(time.ticks_ms(), started) // 1000
        return {"name": config["name"], "dialect": config["dialect"], "uptime_s": uptime_s}

    leaf.run()


if __name__ == "__main__":
    main()
