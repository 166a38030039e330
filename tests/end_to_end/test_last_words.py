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


async def test_what_comes_in_one_breath_with_disconnect_is_stored(hub: HubProcess) -> None:
    await hub.operator.apply(DOCUMENT)
    expected = []
    for protocol_level, qos in ((4, 0), (4, 1), (5, 0), (5, 1)):
        async with raw_client(hub.plain_port, protocol_level=protocol_level) as client:
            await client.connect("c", "bed-1@greenhouse", "sunshine")
            words = [f'"{n} at {qos} in {protocol_level}"'.encode() for n in ("first", "last")]
            packets = (
                Publish("words", words[0], qos, packet_id=1 if qos else None),
                Publish("words", words[1], qos, packet_id=2 if qos else None),
                Disconnect(),
            )
            await client.send_bytes(b"".join(encode_packet(p, protocol_level) for p in packets))
            expected += words

    async def stored() -> bool:
        page = await hub.operator.events(application="greenhouse", channel="words")
        found = [bytes(event.data) for event in reversed(page.events)]
        return found == expected

    assert await eventually(stored)
