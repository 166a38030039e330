"""An acknowledged message is on disk, whatever happens to the hub the moment after."""

import asyncio
import contextlib
from collections import Counter

from hub_process import HubProcess
from raw_mqtt import ClosedByHubError, RawClient, raw_client

from leafhub.mqtt.packets import Puback, Publish

DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
credentials = [{ password = "sunshine" }]
"""
WINDOW = 40
"""Messages that wait for their acknowledgement at any time."""
KILLED_AFTER = (1, 250, 60, 333, 7, 150)
"""Acknowledgements until the hub is killed, one number for each life of it."""


class Publisher:
    """Publishes numbers at QoS 1 and keeps account of them, over all its connections."""

    def __init__(self) -> None:
        self.sent: Counter[int] = Counter()
        self.acknowledged: set[int] = set()
        self._next = 0

    async def work(self, client: RawClient, enough: asyncio.Event, count: int) -> None:
        """Publish until the hub is gone; ``enough`` is set at acknowledgement ``count``."""
        unanswered = set(self.sent) - self.acknowledged  # the connection before left them open
        waiting: dict[int, int] = {}
        seen = 0
        with contextlib.suppress(ClosedByHubError, ConnectionError):
            while True:
                while len(waiting) < WINDOW:
                    number = unanswered.pop() if unanswered else self._take_next()
                    packet_id = next(i for i in range(1, WINDOW + 1) if i not in waiting)
                    waiting[packet_id] = number
                    dup = self.sent[number] > 0
                    self.sent[number] += 1
                    await client.send(
                        Publish("n", str(number).encode(), 1, packet_id=packet_id, dup=dup)
                    )
                puback = await client.expect(Puback)
                self.acknowledged.add(waiting.pop(puback.packet_id))
                seen += 1
                if seen == count:
                    enough.set()

    def _take_next(self) -> int:
        self._next += 1
        return self._next


async def test_every_acknowledged_message_survives_kill_9_once(hub: HubProcess) -> None:
    await hub.operator.apply(DOCUMENT)
    publisher = Publisher()
    for count in KILLED_AFTER:
        enough = asyncio.Event()
        async with raw_client(hub.plain_port) as client:
            await client.connect("c", "bed-1@greenhouse", "sunshine")
            working = asyncio.create_task(publisher.work(client, enough, count))
            async with asyncio.timeout(30):
                await enough.wait()
            await hub.kill()
            await working
        await hub.start()

    stored = await _numbers(hub)
    missing = publisher.acknowledged - set(stored)
    assert not missing, f"{len(missing)} acknowledged and not there, like {min(missing)}"
    too_many = {n: c for n, c in stored.items() if c > publisher.sent[n]}
    assert not too_many, f"stored more often than sent: {too_many}"
    assert len(publisher.acknowledged) >= sum(KILLED_AFTER)
    assert sum(publisher.sent.values()) > len(publisher.acknowledged)  # it was in the middle


async def _numbers(hub: HubProcess) -> Counter[int]:
    """How often each number is in the store."""
    found: Counter[int] = Counter()
    before: dict[str, str] = {}
    while True:
        page = await hub.operator.events(
            application="greenhouse", channel="n", limit="500", **before
        )
        found.update(int(bytes(event.data)) for event in page.events)
        if page.next_before is None:
            return found
        before = {"before": str(page.next_before)}
