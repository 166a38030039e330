"""A hub that stops takes leave for its clients: their Wills are on disk when it is gone."""

import contextlib
from pathlib import Path

import pytest
from raw_mqtt import raw_client
from whole_hub import running_hub
from worlds import BROKER

from leafhub.mqtt.packets import Will
from leafhub.mqtt.properties import Properties


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (BROKER,)


@pytest.mark.parametrize("delay_s", [None, 3600])
@pytest.mark.parametrize("is_there", [True, False], ids=["there", "away"])
async def test_the_next_run_has_them(
    data_folder: Path, delay_s: int | None, *, is_there: bool
) -> None:
    delay = Properties(will_delay_interval_s=delay_s)
    will = Will("state/c", b"gone", qos=1, retain=True, properties=delay)
    expiry = Properties(session_expiry_interval_s=7200)
    async with contextlib.AsyncExitStack() as after_the_hub, running_hub(data_folder) as hub:
        client = await after_the_hub.enter_async_context(
            raw_client(hub.plain_port, protocol_level=5)
        )
        await client.connect("c", "hass", "hass-pw", will=will, properties=expiry)
        if not is_there:
            await client.hang_up()
    async with running_hub(data_folder) as hub, raw_client(hub.plain_port) as client:
        await client.connect("reader", "hass", "hass-pw")
        await client.subscribe("state/#", qos=1)
        await client.expect_message("state/c", b"gone")
