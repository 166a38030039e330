"""Hostile bytes by the million, reproducible: the engine of ``tests/fuzz`` and ``make fuzz``."""
