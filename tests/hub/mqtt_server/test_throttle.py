import asyncio

import pytest
from eventually import eventually

from leafhub.mqtt_server import throttle as throttles
from leafhub.mqtt_server.publish_rate import PublishRate
from leafhub.mqtt_server.throttle import Throttle


class Client:
    """Notes what its throttle does."""

    def __init__(self, rate: float, burst: int) -> None:
        self.told: list[str] = []
        self.resumed = asyncio.Event()
        self.throttle = Throttle(PublishRate(rate, burst), self.resumed.set, self.told.append)


async def test_whoever_keeps_to_the_rate_is_let_be() -> None:
    client = Client(rate=1000, burst=10)
    for _ in range(9):
        client.throttle.count()
    assert not client.throttle.is_shut
    assert client.told == []


async def test_it_shuts_and_opens_again_and_tells_of_both_ends_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttles, "CALM_S", 0.05)
    client = Client(rate=500, burst=5)
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    async with asyncio.timeout(10):
        for _ in range(3):
            for _ in range(20):  # one read brought them
                client.throttle.count()
            assert client.throttle.is_shut
            client.resumed.clear()
            await client.resumed.wait()
            assert not client.throttle.is_shut
        assert loop.time() - started_s > (60 - 5) / 500 * 0.9
        assert client.told == ["publishes faster than publish_rate, and is read slower"]
    await eventually(lambda: asyncio.sleep(0, len(client.told) == 2))
    assert client.told[1:] == ["keeps to publish_rate again"]


async def test_one_that_is_gone_is_not_resumed() -> None:
    client = Client(rate=100, burst=1)
    client.throttle.count()
    client.throttle.count()
    assert client.throttle.is_shut
    client.throttle.close()
    await asyncio.sleep(0.05)
    assert not client.resumed.is_set()
