"""A client that comes back before the hub has stored what it sent on its earlier connection."""

from pathlib import Path

import pytest
from raw_mqtt import eventually, raw_client
from whole_hub import running_hub
from worlds import BROKER

from leafhub.exchange.carrier import Stored
from leafhub.mqtt.packets import Publish, Pubrec
from leafhub.mqtt.properties import Properties
from leafhub.stores.base import Batch
from leafhub.stores.sqlite import SqliteStore


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (BROKER,)


@pytest.mark.parametrize("level", [4, 5])
async def test_it_is_answered_when_that_is_on_disk(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    keeps = Properties(session_expiry_interval_s=60)
    held: list[tuple[SqliteStore, Batch, Stored]] = []

    def hold(store: SqliteStore, batch: Batch, done: Stored) -> None:
        held.append((store, batch, done))

    async def is_held() -> bool:
        return any(batch.events for _, batch, _ in held)

    async with (
        running_hub(data_folder) as hub,
        raw_client(hub.plain_port, protocol_level=level) as first,
        raw_client(hub.plain_port, protocol_level=level) as second,
    ):
        await first.connect("c", "hass", "hass-pw", clean_start=False, properties=keeps)
        with monkeypatch.context() as slow_disk:
            slow_disk.setattr(SqliteStore, "write", hold)
            await first.send(Publish("t", b"x", 2, packet_id=7))
            await eventually(is_held)
            await second.connect("c", "hass", "hass-pw", clean_start=False, properties=keeps)
            await second.send(Publish("t", b"x", 2, dup=True, packet_id=7))
            await second.ping()  # and nothing more from the client
        for store, batch, done in held:
            store.write(batch, done)
        assert await second.expect(Pubrec) == Pubrec(7)
