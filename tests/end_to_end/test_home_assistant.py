"""A house: Home Assistant, a Tasmota plug and Zigbee2MQTT meet on the hub."""

import asyncio
import contextlib
import json
from collections.abc import Iterator

import pytest
from hub_process import HubProcess
from paho_client import PahoClient, Way

HASS = ("hass", "hass-pw")
TASMOTA = ("tasmota", "tasmota-pw")
ZIGBEE = ("zigbee2mqtt", "zigbee2mqtt-pw")
HOUSE = """
[[application]]
name = "home"
dialect = "broker"
[[application.device]]
id = "hass"
credentials = [{ password = "hass-pw" }]
[[application.device]]
id = "tasmota"
credentials = [{ password = "tasmota-pw" }]
[application.device.settings]
publish = ["tele/%c/#", "stat/%c/#", "homeassistant/+/%c/config"]
subscribe = ["cmnd/%c/#"]
[[application.device]]
id = "zigbee2mqtt"
credentials = [{ password = "zigbee2mqtt-pw" }]
[application.device.settings]
publish = ["zigbee2mqtt/#", "homeassistant/+/+/+/config"]
subscribe = ["zigbee2mqtt/+/set", "homeassistant/status"]
"""


class Plug:
    """A Tasmota plug: says what it is, tells its state, obeys."""

    def __init__(self, way: Way) -> None:
        self.client = PahoClient(way, "plug-7F", TASMOTA, will=("tele/plug-7F/LWT", "Offline"))

    def start(self) -> None:
        self.client.connect()
        self.client.publish("tele/plug-7F/LWT", "Online", 1, retain=True)
        about = {
            "name": "Coffee machine",
            "command_topic": "cmnd/plug-7F/POWER",
            "state_topic": "stat/plug-7F/POWER",
            "availability_topic": "tele/plug-7F/LWT",
        }
        self.client.publish(
            "homeassistant/switch/plug-7F/config", json.dumps(about), 1, retain=True
        )
        self.client.subscribe("cmnd/plug-7F/#", 1)

    def obey(self) -> None:
        command = self.client.message()
        assert command.topic == "cmnd/plug-7F/POWER"
        self.client.publish("stat/plug-7F/POWER", command.payload, 1, retain=True)


class Bridge:
    """Zigbee2MQTT with one lamp behind it."""

    def __init__(self, way: Way) -> None:
        state = "zigbee2mqtt/bridge/state"
        self.client = PahoClient(way, "bridge", ZIGBEE, will=(state, "offline"))

    def start(self) -> None:
        self.client.connect()
        self.client.publish("zigbee2mqtt/bridge/state", "online", 1, retain=True)
        about = {
            "schema": "json",
            "name": "Reading lamp",
            "command_topic": "zigbee2mqtt/lamp/set",
            "state_topic": "zigbee2mqtt/lamp",
            "availability_topic": "zigbee2mqtt/bridge/state",
        }
        self.client.publish(
            "homeassistant/light/0x01/light/config", json.dumps(about), 1, retain=True
        )
        self.client.subscribe("zigbee2mqtt/+/set", 1)

    def obey(self) -> None:
        command = self.client.message()
        assert command.topic == "zigbee2mqtt/lamp/set"
        self.client.publish("zigbee2mqtt/lamp", command.payload, 1, retain=True)


class HomeAssistant:
    """Discovers what there is, and knows the last it heard of each topic."""

    def __init__(self, way: Way) -> None:
        self.client = PahoClient(way, "hass", HASS)
        self.known: dict[str, dict[str, str]] = {}
        self.heard: dict[str, str] = {}

    def start(self, *, expected: int) -> None:
        """Read the configurations, and subscribe to what they name."""
        self.client.connect()
        self.client.subscribe("homeassistant/#", 1)
        while len(self.known) < expected:
            got = self.client.message()
            assert got.topic.endswith("/config")
            about = json.loads(got.payload)
            self.known[about["name"]] = about
        for about in self.known.values():
            for role in ("state_topic", "availability_topic"):
                self.client.subscribe(about[role], 1)

    def order(self, name: str, payload: str) -> None:
        self.client.publish(self.known[name]["command_topic"], payload, 1)

    def wait_until(self, name: str, role: str, payload: str) -> None:
        """Listen until a topic says so."""
        topic = self.known[name][role]
        while self.heard.get(topic) != payload:
            got = self.client.message()
            self.heard[got.topic] = got.payload


@contextlib.contextmanager
def _leaving(*clients: PahoClient) -> Iterator[None]:
    """Whatever happens, no client's thread outlives the story."""
    try:
        yield
    finally:
        for client in clients:
            client.leave()


@pytest.mark.parametrize("level", [4, 5], ids=["3.1.1", "5.0"])
async def test_a_house(hub: HubProcess, level: int) -> None:
    await hub.operator.apply(HOUSE)
    await asyncio.to_thread(live_a_day, Way(hub.port(), level))
    page = await hub.operator.events(application="home", channel="stat/plug-7F/POWER")
    assert [json.loads(bytes(event.data or b"")) for event in page.events] == ["OFF", "ON"]


def live_a_day(way: Way) -> None:
    plug, bridge, hass = Plug(way), Bridge(way), HomeAssistant(way)
    with _leaving(plug.client, bridge.client, hass.client):
        # The devices are there first; Home Assistant starts later and still finds them.
        plug.start()
        bridge.start()
        hass.start(expected=2)
        assert set(hass.known) == {"Coffee machine", "Reading lamp"}
        hass.wait_until("Coffee machine", "availability_topic", "Online")
        hass.wait_until("Reading lamp", "availability_topic", "online")

        # Coffee.
        hass.order("Coffee machine", "ON")
        plug.obey()
        hass.wait_until("Coffee machine", "state_topic", "ON")
        hass.order("Reading lamp", '{"state": "ON", "brightness": 120}')
        bridge.obey()
        hass.wait_until("Reading lamp", "state_topic", '{"state": "ON", "brightness": 120}')

        # Somebody pulls the plug out, and puts it in again.
        plug.client.vanish()
        hass.wait_until("Coffee machine", "availability_topic", "Offline")
        plug.start()
        hass.wait_until("Coffee machine", "availability_topic", "Online")

        # Home Assistant restarts: all is as it was, from retained messages alone.
        hass.client.leave()
        hass.heard.clear()
        hass.known.clear()
        hass.start(expected=2)
        hass.wait_until("Coffee machine", "state_topic", "ON")
        hass.wait_until("Coffee machine", "availability_topic", "Online")
        hass.wait_until("Reading lamp", "state_topic", '{"state": "ON", "brightness": 120}')
        hass.order("Coffee machine", "OFF")
        plug.obey()
        hass.wait_until("Coffee machine", "state_topic", "OFF")

        # Another plug cannot speak for this one: its access list says so.
        with PahoClient(way, "plug-00", TASMOTA) as other:
            other.publish("stat/plug-7F/POWER", "ON", 0, retain=True)
            other.publish("stat/plug-00/POWER", "ON", 1, retain=True)
        hass.client.subscribe("stat/+/POWER", 1)
        seen = {got.topic: got.payload for got in (hass.client.message() for _ in range(2))}
        assert seen == {"stat/plug-7F/POWER": "OFF", "stat/plug-00/POWER": "ON"}
