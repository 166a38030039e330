"""The conformance cases of Drogue Cloud, by their numbers: one session for each device."""

import base64

from drogue_clients import (
    ACCEPTED_V3,
    expect_connection,
    next_event,
)
from raw_mqtt import OpenClient, RawClient

from leafhub.mqtt.packets import (
    Disconnect,
    Will,
)
from leafhub.mqtt.reason_codes import ReasonCode


async def test_dr_25_take_over(feed: RawClient, open_client: OpenClient) -> None:
    old = await open_client(protocol_level=5)
    await old.connect("one", "dev1@plant-a", "pw1", will=Will("bye", b"x"))
    await expect_connection(feed)
    new = await open_client()
    await new.send_connect("two", "dev1@plant-a", "pw1")
    await new.expect_bytes(ACCEPTED_V3)
    assert await old.expect(Disconnect) == Disconnect(ReasonCode.SESSION_TAKEN_OVER)
    await old.expect_closed()
    will, gone, there = [await next_event(feed) for _ in range(3)]
    assert (will["subject"], base64.b64decode(will["data_base64"])) == ("bye", b"x")
    assert [e["data"] for e in (gone, there)] == [{"connected": False}, {"connected": True}]
