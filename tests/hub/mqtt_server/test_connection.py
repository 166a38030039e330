"""The shell round a connection, over real sockets, on both event loops the hub runs on."""

import asyncio
import contextlib
import gc
import logging
import socket
import time
import weakref
from collections.abc import Callable, Sequence

import msgspec
import pytest
from both_loops import Run
from raw_mqtt import RawClient, eventually, raw_client
from whole_hub import RunningHub

from leafhub.dialects.base import Outcome, Peer, Principal, Refusal
from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.exchange import Exchange
from leafhub.exchange.messages import Finish
from leafhub.exchange.session import Link, Session
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
from leafhub.mqtt.policy import STANDARD
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import SessionState
from leafhub.mqtt_server import entrance
from leafhub.mqtt_server.admission import Admission
from leafhub.mqtt_server.connection import MqttConnection
from leafhub.mqtt_server.listener import Listener
from leafhub.mqtt_server.pipes import Pipe
from leafhub.mqtt_server.settings import MqttSettings
from leafhub.stores import writer

LOG_IN = Connect(
    protocol_level=4, username="dev1@plant-a", password=b"pw1", will=Will("temp", b"gone")
)


def bytes_of(*packets: Packet) -> bytes:
    return b"".join(encode_packet(packet, 4) for packet in packets)


async def log_in(client: RawClient, keep_alive_s: int = 60) -> RawClient:
    connack = await client.connect("c", "dev1@plant-a", "pw1", keep_alive_s=keep_alive_s)
    assert connack.reason_code is ReasonCode.SUCCESS
    return client


async def temperatures(hub: RunningHub) -> list[bytes]:
    found: list[bytes] = []
    query = {"application": "plant-a", "channel": "temp", "limit": "500"}
    while True:
        page = await hub.events(**query)
        found += [bytes(event.data) for event in page.events]
        if page.next_before is None:
            return found[::-1]
        query["before"] = str(page.next_before)


def test_a_burst_and_its_end_are_stored_whole_and_leave_no_will(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than may be unfinished, less than one read; the store may hold no more than twice."""
    monkeypatch.setattr(writer, "WAITING_BATCHES", 2_000)
    sent = [b"%d" % number for number in range(3_500)]

    async def scenario(hub: RunningHub) -> None:
        _, stream = await asyncio.open_connection("127.0.0.1", hub.plain_port)
        burst = [Publish("temp", payload) for payload in sent]
        stream.write(bytes_of(LOG_IN, *burst, Disconnect()))
        stream.close()
        await stream.wait_closed()

        async def all_is_there() -> bool:
            return len(await temperatures(hub)) >= len(sent)

        await eventually(all_is_there)
        await asyncio.sleep(0.1)
        assert await temperatures(hub) == sent

    run(scenario)


def test_a_client_that_only_listens_any_more_gets_its_answers(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        reader, stream = await asyncio.open_connection("127.0.0.1", hub.plain_port)
        stream.write(bytes_of(LOG_IN, Publish("temp", b"1", 1, packet_id=7)))
        stream.write_eof()
        async with asyncio.timeout(5):
            answers = await reader.read()
        connack = Connack(session_present=False, reason_code=ReasonCode.SUCCESS)
        assert answers == bytes_of(connack, Puback(7))
        stream.close()
        await stream.wait_closed()

    run(scenario)


def test_a_short_keep_alive_counts_from_the_login_on(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.plain_port) as client:
            await log_in(client, keep_alive_s=1)
            start_s = time.monotonic()
            await client.expect_closed()
            assert 1.4 < time.monotonic() - start_s < 2.5

    run(scenario)


def test_a_client_that_publishes_too_fast_is_read_slower_and_loses_nothing(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """For longer than its keep alive permits it to be silent."""
    sent = [b"%d" % number for number in range(60)]

    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.plain_port) as client:
            await log_in(client, keep_alive_s=1)
            start_s = time.monotonic()
            packets = [Publish("temp", one, 1, packet_id=n) for n, one in enumerate(sent, 1)]
            await client.send_bytes(bytes_of(*packets[:40]))
            answers = [await client.receive() for _ in range(40)]
            await client.send_bytes(bytes_of(*packets[40:], Pingreq()))
            answers += [await client.receive() for _ in range(21)]
            assert time.monotonic() - start_s > 1.5
            assert {type(answer) for answer in answers} == {Puback, Pingresp}
        assert await temperatures(hub) == sent

    caplog.set_level(logging.INFO)
    run(scenario, LEAFHUB_MQTT__PUBLISH_RATE="20", LEAFHUB_MQTT__PUBLISH_BURST="10")
    told = [r.getMessage() for r in caplog.records if "publish_rate" in r.getMessage()]
    assert told == ["plant-a/dev1: publishes faster than publish_rate, and is read slower"]


def test_no_dialect_permits_more_than_the_settings(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.plain_port) as client:
            await log_in(client)
            await client.publish("temp", bytes(200))
            await client.send(Publish("temp", bytes(300)))
            await client.expect_closed()

    run(scenario, LEAFHUB_MQTT__MAXIMUM_PACKET_BYTES="256")


def test_a_long_connect_is_not_taken(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.plain_port) as client:
            await client.send_bytes(bytes.fromhex("1081803f"))  # 1,032,193 bytes are to come
            await client.expect_closed()

    run(scenario)


def test_a_mistake_in_a_login_refuses_that_one_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(hub: RunningHub) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Exchange, "log_in", mistaken)
            async with raw_client(hub.plain_port) as client:
                connack = await client.connect("c", "dev1@plant-a", "pw1")
                assert connack.reason_code is ReasonCode.SERVER_UNAVAILABLE
                await client.expect_closed()
        async with raw_client(hub.plain_port) as client:
            await log_in(client)
        assert "a mistake of the hub" in caplog.text

    async def mistaken(*_: object) -> None:
        raise LookupError

    run(scenario)


@pytest.fixture
def slow_logins(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where many come at once, and each has a hash that is slow to check."""
    log_in = Exchange.log_in

    async def slowly(self: Exchange, connect: Connect, peer: Peer) -> Principal | Refusal:
        await asyncio.sleep(0.5)
        return await log_in(self, connect, peer)

    monkeypatch.setattr(Exchange, "log_in", slowly)


@pytest.mark.usefixtures("slow_logins")
def test_a_client_that_waits_for_the_hub_is_not_late(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.plain_port) as client, raw_client(hub.plain_port) as silent:
            await log_in(client)
            await client.ping()
            await silent.expect_closed()

    run(scenario, LEAFHUB_MQTT__CONNECT_TIME_S="0.2")


@pytest.mark.usefixtures("slow_logins")
def test_a_login_that_nobody_judges_is_told_to_come_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.plain_port) as client:
            connack = await client.connect("c", "dev1@plant-a", "pw1")
            assert connack.reason_code is ReasonCode.SERVER_UNAVAILABLE
            await client.expect_closed()

    monkeypatch.setattr(entrance, "LOGIN_TIME_S", 0.1)
    caplog.set_level(logging.INFO)
    run(scenario)
    assert "not judged within" in caplog.text


@pytest.mark.parametrize("code", [ReasonCode.SERVER_BUSY, ReasonCode.SERVER_UNAVAILABLE])
def test_a_login_that_could_not_be_judged_has_not_failed(
    run: Run, monkeypatch: pytest.MonkeyPatch, code: ReasonCode
) -> None:
    async def scenario(hub: RunningHub) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Exchange, "log_in", busy)
            for _ in range(3):
                async with raw_client(hub.plain_port, protocol_level=5) as client:
                    assert (await client.connect("c", "dev1@plant-a", "pw1")).reason_code is code
        async with raw_client(hub.plain_port) as client:
            await log_in(client)

    async def busy(*_: object) -> Refusal:
        return Refusal(reason_code=code, log="busy")

    run(scenario, LEAFHUB_MQTT__FAILED_LOGINS_MAXIMUM="2")


def test_a_mistake_with_a_packet_ends_that_connection_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.plain_port) as other, raw_client(hub.plain_port) as client:
            connack = await other.connect("o", "gw1@plant-a", "gwpw")
            assert connack.reason_code is ReasonCode.SUCCESS
            await log_in(client)
            with monkeypatch.context() as patch:
                patch.setattr(Exchange, "publish", mistaken)
                await client.publish("temp", "1", qos=0)
                await client.expect_closed()
            await other.publish("temp", "2")
        assert "a mistake of the hub" in caplog.text

    def mistaken(*_: object) -> None:
        raise LookupError

    run(scenario)


def test_a_connection_without_keep_alive_sleeps(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wakes: list[MqttConnection] = []

    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.plain_port) as client:
            await log_in(client, keep_alive_s=0)
            await asyncio.sleep(1.2)
            assert wakes == []

    def wake(connection: MqttConnection) -> None:
        wakes.append(connection)

    monkeypatch.setattr(MqttConnection, "_on_timer", wake)
    run(scenario, LEAFHUB_MQTT__CONNECT_TIME_S="0.5")


HELLO = bytes.fromhex("16 03 01 01 00 01 00 00 fc 03 03")  # of 256 bytes, most are missing
BEGINNINGS = {
    "mqtt": ("mqtt", b"\x10\x80\x40\x00\x04MQTT"),
    "mqtts": ("mqtts", HELLO),
    "tls of nobody": ("mqtts", b"\x16\x03\x01\x00\x02\x01\x00"),
    "ws": ("ws", b"GET /mqtt HTTP/1.1\r\nHost: x\r\n"),
    "wss": ("wss", HELLO),
    "refused": ("mqtt", bytes_of(Connect(protocol_level=4, username="x", password=b"y"))),
    "connected": ("mqtt", bytes_of(LOG_IN, Publish("temp", b"1"), Publish("temp", b"1" * 300))),
}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[MqttConnection]]:
    """Every connection that there was, as long as it lives."""
    found: list[weakref.ref[MqttConnection]] = []
    begin = MqttConnection.__init__

    def note(self: MqttConnection, exchange: Exchange, listener: Listener) -> None:
        begin(self, exchange, listener)
        found.append(weakref.ref(self))

    monkeypatch.setattr(MqttConnection, "__init__", note)
    return found


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_what_ended_is_freed_and_waits_for_no_garbage_collector(
    run: Run, beginning: str, made: list[weakref.ref[MqttConnection]]
) -> None:
    """Python counts objects; that each holds a packet or a TLS handshake it does not see."""
    scheme, data = BEGINNINGS[beginning]

    async def scenario(hub: RunningHub) -> None:
        await asyncio.to_thread(knock, hub.port(scheme), data)

        async def all_is_freed() -> bool:
            return bool(made) and all(each() is None for each in made)

        gc.disable()
        try:
            await asyncio.to_thread(knock, hub.port(scheme), data)
            await eventually(all_is_freed)
        finally:
            gc.enable()

    def knock(port: int, data: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(data)
            client.settimeout(0.3)
            with contextlib.suppress(OSError):
                client.recv(100)

    run(scenario, LEAFHUB_MQTT__PUBLISH_RATE="10", LEAFHUB_MQTT__PUBLISH_BURST="1")


class SlowTransport(asyncio.Transport):
    """A client that reads when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.unread_bytes = 0
        self.is_read = True
        self.is_cut = False
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.unread_bytes += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del high, low

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_cut = True


class AnyListener:
    """Takes every connection."""

    peer = Peer(address="192.0.2.1", tls=False)

    def __init__(self, **settings: float) -> None:
        self.settings = msgspec.convert(settings, MqttSettings)
        self.limits = self.settings.of_session()
        self.admission = Admission(self.settings)
        self.open: set[MqttConnection] = set()

    addresses_are_hidden = False

    def new_pipes(self, maximum_packet_bytes: Callable[[], int]) -> Sequence[Pipe]:
        del maximum_packet_bytes
        return ()

    def opened(self, connection: MqttConnection) -> None:
        self.open.add(connection)

    def settled(self, connection: MqttConnection) -> None:
        self.open.discard(connection)

    def gone(self, connection: MqttConnection) -> None:
        self.open.discard(connection)

    def parted(self, connection: MqttConnection) -> None:
        self.open.discard(connection)


class OpenExchange(Exchange):
    """Lets everybody in; needs neither store nor dialects for that."""

    def __init__(self) -> None:
        self.published: list[bytes] = []

    async def log_in(self, connect: Connect, peer: Peer) -> Principal | Refusal:
        return Principal(dialect="none", policy=STANDARD, peer=peer, client_id=connect.client_id)

    def attach(self, link: Link, principal: Principal, connect: Connect) -> tuple[Session, bool]:
        del connect
        return Session(principal, SessionState(), link, Clock()), False

    def greet(self, session: Session) -> None:
        pass

    def detach(self, session: Session, link: Link, will: Will | None) -> None:
        pass

    def publish(self, session: Session, publish: Publish, finish: Finish) -> bool:
        del session
        self.published.append(publish.payload)
        finish(Outcome(), None)
        return False


async def connected(
    exchange: Exchange, listener: AnyListener, keep_alive_s: int = 0
) -> tuple[MqttConnection, SlowTransport]:
    connection, transport = MqttConnection(exchange, listener), SlowTransport()
    connection.path.connection_made(transport)
    connect = Connect(protocol_level=4, client_id="c", keep_alive_s=keep_alive_s)
    connection.path.data_received(bytes_of(connect))
    await asyncio.sleep(0.01)
    return connection, transport


async def test_a_client_that_takes_nothing_is_cut() -> None:
    listener = AnyListener(write_time_s=0.1)
    connection, transport = await connected(OpenExchange(), listener)
    connection.path.pause_writing()
    await asyncio.sleep(0.15)
    assert transport.is_cut
    assert not listener.open


async def test_a_client_that_takes_little_is_let_be() -> None:
    connection, transport = await connected(OpenExchange(), AnyListener(write_time_s=0.1))
    connection.path.pause_writing()
    for _ in range(4):
        await asyncio.sleep(0.06)
        transport.unread_bytes -= 1
    assert not transport.is_cut


async def test_packets_of_a_client_that_does_not_read_wait_and_its_keep_alive_too() -> None:
    exchange = OpenExchange()
    connection, transport = await connected(exchange, AnyListener(), keep_alive_s=1)
    connection.path.pause_writing()
    assert not transport.is_read
    connection.path.data_received(bytes_of(Publish("t", b"1")))  # was on its way
    await asyncio.sleep(1.7)
    assert (exchange.published, transport.is_closed) == ([], False)
    connection.path.resume_writing()
    await asyncio.sleep(0.01)
    assert (exchange.published, transport.is_read) == ([b"1"], True)
    await asyncio.sleep(1.6)
    assert transport.is_closed


class SlowEndpoint(OpenExchange):
    """Acknowledges when a test says so, and takes no more until then."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = True
        self.unfinished: list[Finish] = []

    def publish(self, session: Session, publish: Publish, finish: Finish) -> bool:
        del session
        self.published.append(publish.payload)
        self.unfinished.append(finish)
        return self.is_full

    def holds_up(self, session: Session) -> bool:
        del session
        return self.is_full


@pytest.mark.parametrize("others_wait", [False, True])
async def test_a_client_is_read_on_when_endpoints_have_answered(*, others_wait: bool) -> None:
    exchange = SlowEndpoint()
    connection, transport = await connected(exchange, AnyListener())
    connection.path.data_received(bytes_of(Publish("t", b"1")))
    connection.path.data_received(bytes_of(Publish("t", b"2")))  # was on its way
    assert (exchange.published, transport.is_read) == ([b"1"], False)
    exchange.is_full = others_wait
    exchange.unfinished.pop()(Outcome(), None)
    await asyncio.sleep(0.01)
    assert exchange.published == [b"1", b"2"]
    assert transport.is_read is not others_wait
    exchange.is_full = False
    exchange.unfinished.pop()(Outcome(), None)
    await asyncio.sleep(0.01)
    assert transport.is_read
    transport.close()


async def test_a_client_that_has_more_that_waits_is_not_read_on() -> None:
    exchange = SlowEndpoint()
    exchange.is_full = False
    connection, transport = await connected(exchange, AnyListener())
    connection.path.data_received(bytes_of(Publish("t", b"1")))
    exchange.is_full = True
    connection.path.data_received(bytes_of(Publish("t", b"2")))
    exchange.unfinished.pop(0)(Outcome(), None)
    await asyncio.sleep(0.01)
    assert not transport.is_read
    exchange.unfinished.pop(0)(Outcome(), None)
    await asyncio.sleep(0.01)
    assert transport.is_read
    transport.close()
