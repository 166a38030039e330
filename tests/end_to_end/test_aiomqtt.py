"""aiomqtt with MQTT 5.0: request and response, shared subscriptions, expiry, a session."""

import asyncio
from typing import Any

import aiomqtt
import pytest
from hub_process import HubProcess
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE_S = 15


def client(hub: HubProcess, name: str, **options: Any) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        hub.port(tls=True),
        username="hass",
        password="hass-pw",
        identifier=name,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=hub.tls(),
        **options,
    )


def properties(packet: int = PacketTypes.PUBLISH, **values: Any) -> Properties:
    made = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(made, name, value)
    return made


async def next_message(of: aiomqtt.Client) -> aiomqtt.Message:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(aiter(of.messages))


def told(message: aiomqtt.Message) -> Any:
    """Its properties, as paho names them."""
    assert message.properties is not None
    return message.properties


def text(message: aiomqtt.Message) -> str:
    assert isinstance(message.payload, bytes)
    return message.payload.decode()


async def test_request_and_response(broker: HubProcess) -> None:
    async def serve(server: aiomqtt.Client) -> None:
        async for request in server.messages:
            correlation = told(request).CorrelationData
            await server.publish(
                told(request).ResponseTopic,
                f"{text(request)} indeed",
                qos=1,
                properties=properties(CorrelationData=correlation),
            )

    async with client(broker, "server") as server, client(broker, "asker") as asker:
        await server.subscribe("questions/#", qos=1)
        await asker.subscribe("answers/asker", qos=1)
        serving = asyncio.create_task(serve(server))
        for number in range(3):
            asked = properties(ResponseTopic="answers/asker", CorrelationData=bytes([number]))
            await asker.publish("questions/weather", f"rain {number}", qos=1, properties=asked)
        for number in range(3):
            answer = await next_message(asker)
            assert text(answer) == f"rain {number} indeed"
            assert told(answer).CorrelationData == bytes([number])
        serving.cancel()


async def test_shared_subscription(broker: HubProcess) -> None:
    async with (
        client(broker, "first") as first,
        client(broker, "second") as second,
        client(broker, "sender") as sender,
    ):
        for worker in (first, second):
            await worker.subscribe("$share/workers/job/+", qos=1)
        for number in range(20):
            await sender.publish(f"job/{number}", str(number), qos=1)
        for worker in (first, second):
            await worker.subscribe(f"end/{worker.identifier}", qos=1)
            await sender.publish(f"end/{worker.identifier}", "end", qos=1)
        shares = []
        for worker in (first, second):
            share: list[str] = []
            while (got := text(await next_message(worker))) != "end":
                share.append(got)
            shares.append(share)
        assert all(shares)  # both have work
        assert sorted(shares[0] + shares[1], key=int) == [str(number) for number in range(20)]


async def test_what_expires_while_a_session_sleeps_is_gone(broker: HubProcess) -> None:
    keeps = {
        "clean_start": False,
        "properties": properties(PacketTypes.CONNECT, SessionExpiryInterval=600),
    }
    async with client(broker, "sleeper", **keeps) as sleeper:
        await sleeper.subscribe("news/#", qos=1)
    async with client(broker, "sender") as sender:
        for name, lifetime_s in (("short", 1), ("long", 600)):
            expiring = properties(MessageExpiryInterval=lifetime_s)
            await sender.publish(f"news/{name}", name, qos=1, properties=expiring)
        await asyncio.sleep(1.2)  # that is what is asked: whether time counts
    async with client(broker, "sleeper", **keeps) as sleeper:
        message = await next_message(sleeper)
        assert text(message) == "long"
        assert 590 <= told(message).MessageExpiryInterval < 600


async def test_a_refused_subscription_is_told(broker: HubProcess) -> None:
    async with aiomqtt.Client(
        "127.0.0.1",
        broker.port(),
        username="tasmota",
        password="tasmota-pw",
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as tasmota:
        codes = await tasmota.subscribe([("#", 1), ("cmnd/tasmota/#", 1)])
        assert [str(code) for code in codes] == ["Not authorized", "Granted QoS 1"]


async def test_a_wrong_password_raises(broker: HubProcess) -> None:
    wrong = aiomqtt.Client(
        "127.0.0.1",
        broker.port(),
        username="hass",
        password="wrong",
        protocol=aiomqtt.ProtocolVersion.V5,
    )
    with pytest.raises(aiomqtt.MqttError, match=r"(?i)bad user name or password|not authorized"):
        async with wrong:
            raise AssertionError("it let us in")
