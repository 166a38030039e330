from hub_process import HubProcess
from raw_mqtt import raw_client

from leafhub.mqtt.packets import Disconnect, Puback, Publish
from leafhub.mqtt.reason_codes import ReasonCode

STOP_TIME_S = 5.0
MESSAGES = 50
DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
credentials = [{ password = "sunshine" }]
[[application.device]]
id = "bed-2"
credentials = [{ password = "rain" }]
"""


async def test_sigterm_tells_clients_and_loses_nothing_acknowledged(hub: HubProcess) -> None:
    await hub.operator.apply(DOCUMENT)
    async with (
        raw_client(hub.plain_port, protocol_level=4) as old,
        raw_client(hub.tls_port, protocol_level=5, tls=hub.tls(), server_name="localhost") as new,
        raw_client(hub.plain_port) as silent,  # connected, and never said a word
    ):
        await old.connect("old", "bed-1@greenhouse", "sunshine")
        await new.connect("new", "bed-2@greenhouse", "rain")
        await old.publish("state", '"up"')
        await new.subscribe("command/inbox/#")
        for number in range(MESSAGES):
            await new.send(Publish("n", str(number).encode(), 1, packet_id=number + 1))
        acknowledged = [await new.expect(Puback)]  # the others are still on their way

        code, took_s = await hub.terminate()
        assert code == 0
        assert took_s < STOP_TIME_S

        while isinstance(packet := await new.receive(), Puback):
            acknowledged.append(packet)
        assert packet == Disconnect(ReasonCode.SERVER_SHUTTING_DOWN)
        await new.expect_closed()
        await old.expect_closed()
        await silent.expect_closed()

    assert "Traceback" not in "\n".join(hub.lines)
    await hub.line("stopped; `leafhub run` starts it again, nothing acknowledged is lost")
    await hub.start()
    page = await hub.operator.events(application="greenhouse", channel="n", limit="500")
    stored = [int(bytes(event.data)) for event in page.events]
    assert len(stored) == len(set(stored))
    assert {puback.reason_code for puback in acknowledged} == {ReasonCode.SUCCESS}
    assert {puback.packet_id - 1 for puback in acknowledged} <= set(stored)
    page = await hub.operator.events(application="greenhouse", channel="state")
    assert [bytes(event.data) for event in page.events] == [b'"up"']


async def test_clients_may_come_again_after_a_stop(hub: HubProcess) -> None:
    await hub.operator.apply(DOCUMENT)
    async with raw_client(hub.plain_port) as client:
        await client.connect("c", "bed-1@greenhouse", "sunshine")
        await hub.restart()
        await client.expect_closed()
    async with raw_client(hub.plain_port) as client:
        await client.connect("c", "bed-1@greenhouse", "sunshine")
        await client.publish("state", '"up again"')
