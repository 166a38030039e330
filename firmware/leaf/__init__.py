"""The library of a leaf: a device that speaks to the hub in one of its dialects.

leaf = Leaf(load_config("leaf.json"))

@leaf.every(30, "temperature")
def temperature():
    return sensor.read()

@leaf.command("set-temp")
def set_temp(celsius):
    heater.target = celsius
    return celsius

leaf.run()

A gateway (of a dialect that has them: Drogue Cloud's) says which device behind it is meant:

@leaf.every(30, "temperature", device="sensor-1")
@leaf.command("set-temp", device="sensor-1")
leaf.publish("temperature", 21.5, device="sensor-1")
"""

from leaf.client import Leaf
from leaf.config import load_config
from leaf.errors import ConfigError, LeafError, LinkLost, Refused

__all__ = ["ConfigError", "Leaf", "LeafError", "LinkLost", "Refused", "load_config"]
