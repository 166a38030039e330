"""An application that reads at QoS 1 gets every stored event, though its hub is killed meanwhile.

The application is paho-mqtt, which connects anew by itself; it takes each message, then
acknowledges it.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from eventually import eventually
from hub_process import HubProcess
from paho.mqtt.enums import CallbackAPIVersion
from raw_mqtt import ClosedByHubError, raw_client

from leafhub.contract import operator_login
from leafhub.exchange.feeds.group import UNKEPT_EVENTS

DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
"""
BEDS = 4
KILLED_AFTER = (5, 300, 40, 150)
"""Events that the application has taken until the hub is killed, one number for each life."""
PATIENCE_S = 30
"""For so many thousand events on a machine that does other things too."""


class Consumer:
    """Reads ``app/greenhouse`` as a client that knows nothing of the hub."""

    def __init__(self, hub: HubProcess, topic_filter: str, level: int, client_id: str) -> None:
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._got: list[tuple[str, int]] = []
        self._filter = topic_filter
        version = paho.MQTTv311 if level == 4 else paho.MQTTv5
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version
        )
        login = operator_login.load(hub.folder)
        self._client.username_pw_set(login.name, login.token)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        always = level == 5 or paho.MQTT_CLEAN_START_FIRST_ONLY  # not the first time only
        self._client.connect("127.0.0.1", hub.plain_port, clean_start=always)
        self._client.loop_start()

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self._filter, qos=1)

    def _take(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        event: Any = msgspec.json.decode(message.payload)
        if event["subject"] == "n":
            with self._lock:
                self._got.append((event["sender"], event["data"]))

    async def subscribed(self) -> None:
        """Wait until it is there for the first time."""
        assert await asyncio.to_thread(self._subscribed.wait, 10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    async def has(self, count: int) -> None:
        """Wait until it got so many."""

        async def is_so() -> bool:
            return len(self.got()) >= count

        await eventually(is_so, PATIENCE_S)

    def got(self) -> list[tuple[str, int]]:
        """Sender and number of every event so far."""
        with self._lock:
            return list(self._got)


class Publisher:
    """Publishes rising numbers, over all its connections; what was not acknowledged goes again."""

    def __init__(self, number: int) -> None:
        self.name = f"bed-{number}"
        self.acknowledged: list[int] = []

    async def work(self, port: int) -> None:
        """Publish until the hub is gone."""
        try:
            async with raw_client(port) as client:
                await client.connect("", f"{self.name}@greenhouse", "sunshine")
                while True:
                    number = len(self.acknowledged) + 1
                    await client.publish("n", str(number), packet_id=number % 60_000 + 1)
                    self.acknowledged.append(number)
        except (ClosedByHubError, ConnectionError):
            return


def _devices() -> Iterator[str]:
    yield DOCUMENT
    for number in range(BEDS):
        yield f'[[application.device]]\nid = "bed-{number}"\n'
        yield 'credentials = [{ password = "sunshine" }]\n'


@pytest.mark.parametrize(
    ("level", "client_id", "topic_filter"),
    [(4, "farm", "app/greenhouse"), (5, "", "$share/farm/app/greenhouse/+/n")],
)
async def test_no_stored_event_is_skipped(
    hub: HubProcess, level: int, client_id: str, topic_filter: str
) -> None:
    await hub.operator.apply("".join(_devices()))
    consumer = Consumer(hub, topic_filter, level, client_id)
    publishers = [Publisher(number) for number in range(BEDS)]
    try:
        await consumer.subscribed()
        for count in KILLED_AFTER:
            working = [asyncio.create_task(one.work(hub.plain_port)) for one in publishers]
            await consumer.has(len(consumer.got()) + count)
            await hub.kill()
            await asyncio.gather(*working)
            await hub.start()
        wanted = {(one.name, number) for one in publishers for number in one.acknowledged}

        async def all_came() -> bool:
            return wanted <= set(consumer.got())

        await eventually(all_came, PATIENCE_S)
    finally:
        consumer.close()

    got = consumer.got()
    for publisher in publishers:
        numbers = dict.fromkeys(number for name, number in got if name == publisher.name)
        assert list(numbers) == list(range(1, len(numbers) + 1))  # in order, and none left out
    repeated = sum(count - 1 for count in Counter(got).values())
    stored_twice = len(KILLED_AFTER) * BEDS  # those whose acknowledgement never left
    assert repeated <= len(KILLED_AFTER) * (UNKEPT_EVENTS + 1) + stored_twice
