"""MQTT over WebSocket: with the client of ``websockets``, with paho, and byte by byte."""

import asyncio
import contextlib
import gc
import ssl
import threading
import weakref
from typing import Any

import pytest
from both_loops import Run
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from raw_mqtt import eventually
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol
from whole_hub import RunningHub, listeners

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Will,
)
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt_server.pipes import PipeFailedError
from leafhub.mqtt_server.websocket import FRAME_SLACK_BYTES, HEADER_BYTES, WebSocketPipe

LOG_IN = Connect(protocol_level=4, username="dev1@plant-a", password=b"pw1", client_id="c")
ACCEPTED = Connack(session_present=False, reason_code=ReasonCode.SUCCESS)


def bytes_of(*packets: Packet) -> bytes:
    return b"".join(encode_packet(packet, 4) for packet in packets)


def web_socket(
    hub: RunningHub, *, tls: bool = False, path: str = "/mqtt", subprotocol: str | None = "mqtt"
) -> connect:
    return connect(
        f"wss://localhost:{hub.port('wss')}{path}"
        if tls
        else f"ws://127.0.0.1:{hub.port('ws')}{path}",
        subprotocols=None if subprotocol is None else [Subprotocol(subprotocol)],
        ssl=hub.tls() if tls else None,
        compression=None,
        proxy=None,
    )


async def receive(client: ClientConnection, count: int) -> bytes:
    found = b""
    async with asyncio.timeout(10):
        while len(found) < count:
            piece = await client.recv()
            assert isinstance(piece, bytes)
            found += piece
    return found


async def expect(client: ClientConnection, *packets: Packet) -> None:
    wanted = bytes_of(*packets)
    assert await receive(client, len(wanted)) == wanted


async def log_in(client: ClientConnection) -> None:
    await client.send(bytes_of(LOG_IN))
    await expect(client, ACCEPTED)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("subprotocol", ["mqtt", "mqttv3.1"])
@pytest.mark.spec("MQTT-6.0.0-4")
def test_a_browser_talks_mqtt(run: Run, subprotocol: str, *, tls: bool) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with web_socket(hub, tls=tls, subprotocol=subprotocol) as client:
            assert client.subprotocol == subprotocol
            await log_in(client)
            await client.send(bytes_of(Publish("temp", b"1", 1, packet_id=7)))
            await expect(client, Puback(7))
        page = await hub.events(application="plant-a", channel="temp")
        assert [bytes(event.data) for event in page.events] == [b"1"]

    run(scenario)


@pytest.mark.spec("MQTT-6.0.0-2")
def test_packets_begin_and_end_anywhere_in_frames(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        sent = bytes_of(LOG_IN, Publish("temp", b"x" * 300, 1, packet_id=7), Pingreq())
        for size in (1, 7, len(sent)):
            async with web_socket(hub) as client:
                for start in range(0, len(sent), size):
                    await client.send(sent[start : start + size])
                either = {
                    bytes_of(ACCEPTED, Puback(7), Pingresp()),
                    bytes_of(ACCEPTED, Pingresp(), Puback(7)),  # which waits for no disk
                }
                assert await receive(client, len(min(either))) in either

    run(scenario)


def test_one_message_in_many_fragments(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        sent = bytes_of(LOG_IN, Pingreq())
        async with web_socket(hub) as client:
            await client.send([sent[:5], sent[5:6], b"", sent[6:]])
            await expect(client, ACCEPTED, Pingresp())

    run(scenario)


@pytest.mark.spec("MQTT-6.0.0-1")
def test_a_text_frame_ends_it(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with web_socket(hub) as client:
            await log_in(client)
            await client.send("text")
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1003

    run(scenario)


def test_pings_are_answered_and_the_end_is_taken_leave_of(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with web_socket(hub) as client:
            await log_in(client)
            async with asyncio.timeout(10):
                await (await client.ping(b"there?"))
                await client.send(bytes_of(Disconnect()))
                await client.wait_closed()
            assert client.close_code == 1000

    run(scenario)


def test_a_web_socket_that_ends_without_disconnect_leaves_its_will(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        with_will = Connect(
            protocol_level=4,
            username="dev1@plant-a",
            password=b"pw1",
            will=Will("temp", b"0"),
        )
        async with web_socket(hub) as client:
            await client.send(bytes_of(with_will))
            await expect(client, ACCEPTED)

        async def will_is_there() -> bool:
            page = await hub.events(application="plant-a", channel="temp")
            return [bytes(event.data) for event in page.events] == [b"0"]

        await eventually(will_is_there)

    run(scenario)


@pytest.mark.spec("MQTT-6.0.0-3")
@pytest.mark.parametrize("subprotocol", [None, "amqp"])
def test_who_does_not_offer_mqtt_is_refused(run: Run, subprotocol: str | None) -> None:
    async def scenario(hub: RunningHub) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with web_socket(hub, subprotocol=subprotocol):
                pass
        assert refused.value.response.status_code == 400
        assert b"subprotocol" in refused.value.response.body

    run(scenario)


def test_one_path_is_enough_if_it_is_said_so(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with web_socket(hub, path="/mqtt?client=1") as client:
            await log_in(client)
        with pytest.raises(InvalidStatus) as refused:
            async with web_socket(hub, path="/other"):
                pass
        assert refused.value.response.status_code == 404
        assert b"/mqtt" in refused.value.response.body

    run(
        scenario,
        LEAFHUB_MQTT__LISTENERS=listeners(', websocket = true, path = "/mqtt"'),
    )


async def plain(hub: RunningHub, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port("ws"))
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_person_with_a_browser_is_told_what_this_is(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        answer = await plain(hub, b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 426 ")
        assert b"Upgrade: websocket\r\n" in answer
        assert b"MQTT.js" in answer

    run(scenario)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04abcd\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 2 * HEADER_BYTES,
    ],
    ids=["mqtt", "many fields", "a long field", "a long line"],
)
def test_what_is_no_request_ends_soon(
    run: Run, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(hub: RunningHub) -> None:
        assert b"101" not in await plain(hub, request_bytes)

    caplog.set_level("INFO")
    run(scenario)
    assert caplog.text.count("no WebSocket: ") == 1


def test_silence_ends_at_the_connect_deadline(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        assert await plain(hub, b"GET / HTTP/1.1\r\nHost:") == b""
        async with web_socket(hub) as client:
            async with asyncio.timeout(5):
                await client.wait_closed()

    run(scenario, LEAFHUB_MQTT__CONNECT_TIME_S="0.2", LEAFHUB_MQTT__HANDSHAKE_TIME_S="0.2")


def opened() -> WebSocketPipe:
    pipe = WebSocketPipe(None, lambda: 1000)
    assert not pipe.receive(
        b"GET / HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    assert pipe.established
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in pipe.take_output()  # RFC 6455 §1.3
    return pipe


def test_a_frame_longer_than_any_packet_is_refused_before_it_is_there() -> None:
    pipe = opened()
    pipe.receive(b"\x82\xff" + (1 << 30).to_bytes(8) + bytes(4))
    for _ in range(FRAME_SLACK_BYTES // 1_000):
        pipe.receive(bytes(1_000))
    with pytest.raises(PipeFailedError, match="longer than any packet"):
        pipe.receive(bytes(2_000))
    assert pipe.take_output()[2:4] == (1009).to_bytes(2)
    pipe.send(b"too late")
    assert (pipe.receive(b"more"), pipe.take_output(), pipe.close()) == (b"", b"", b"")


@pytest.mark.parametrize(
    "frame",
    [b"\x82\x01x", b"\xc2\x81\0\0\0\0x", b"\x83\x81\0\0\0\0x", b"\x80\x81\0\0\0\0x"],
    ids=["not masked", "compressed", "unknown opcode", "a continuation of nothing"],
)
def test_a_broken_frame_ends_it(frame: bytes) -> None:
    pipe = opened()
    with pytest.raises(PipeFailedError):
        pipe.receive(frame)
    assert pipe.take_output()[2:4] == (1002).to_bytes(2)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x82\xfe\x03\xe8" + bytes(500), b"\x82\x01x" + bytes(500), b"\x88\x80" + bytes(4)],
    ids=["nothing", "half a frame", "a broken frame", "an end"],
)
def test_what_was_closed_keeps_no_half_frame(data: bytes) -> None:
    gc.disable()  # it would come by too seldom
    try:
        pipe = opened()
        with contextlib.suppress(PipeFailedError):
            pipe.receive(data)
        protocol = weakref.ref(pipe._protocol)
        pipe.close()
        del pipe
        kept = protocol()  # an error that it remembers keeps it for a while
        assert kept is None or (kept.parser_exc is not None and not kept.reader.buffer)
    finally:
        gc.enable()


@pytest.mark.parametrize("tls", [False, True])
def test_paho_talks_over_web_sockets(run: Run, *, tls: bool) -> None:
    async def scenario(hub: RunningHub) -> None:
        await asyncio.to_thread(publish_with_paho, hub, hub.tls() if tls else None)
        page = await hub.events(application="plant-a", channel="temp")
        assert [bytes(event.data) for event in page.events] == [b"42"]

    run(scenario)


def publish_with_paho(hub: RunningHub, tls: ssl.SSLContext | None) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, "paho", transport="websockets")
    client.username_pw_set("dev1@plant-a", "pw1")
    if tls is not None:
        client.tls_set_context(tls)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect("localhost", hub.port("ws" if tls is None else "wss"))
    client.loop_start()
    try:
        assert connected.wait(10)
        message: Any = client.publish("temp", b"42", qos=1)
        message.wait_for_publish(10)
        assert message.is_published()
    finally:
        client.disconnect()
        client.loop_stop()
