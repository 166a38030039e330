import pytest
from eventually import eventually
from hub_process import HubProcess
from raw_mqtt import raw_client

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Disconnect, Publish

DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
credentials = [{ password = "sunshine" }]
"""


@pytest.mark.parametrize("protocol_level", [4, 5])
@pytest.mark.parametrize("qos", [0, 1])
async def test_what_comes_in_one_breath_with_disconnect_is_stored(
    hub: HubProcess, protocol_level: int, qos: int
) -> None:
    await hub.operator.apply(DOCUMENT)
    async with raw_client(hub.plain_port, protocol_level=protocol_level) as client:
        await client.connect("c", "bed-1@greenhouse", "sunshine")
        packets = (
            Publish("last", b'"words"', qos, packet_id=1 if qos else None),
            Publish("very-last", b'"words"', qos, packet_id=2 if qos else None),
            Disconnect(),
        )
        await client.send_bytes(b"".join(encode_packet(p, protocol_level) for p in packets))
    for channel in ("last", "very-last"):

        async def stored(channel: str = channel) -> list[object]:
            page = await hub.operator.events(application="greenhouse", channel=channel)
            return [bytes(event.data) for event in page.events]

        assert await eventually(stored) == [b'"words"']
