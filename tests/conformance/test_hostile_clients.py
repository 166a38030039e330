"""Clients that are wrong, broken or wicked: each gets its due, the log says why in one line.

After every one of them the hub answers and serves another client.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from raw_mqtt import ClosedByHubError, OpenClient, RawClient, eventually, raw_client
from whole_hub import RunningHub, running_hub
from worlds import CLOUDPLUGS, DROGUE, MURANO, PASSWORD_A, SMARTWORKS, THING_A, TOKEN_1, USER_A

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import (
    Connect,
    Disconnect,
    Packet,
    Publish,
    Pubrel,
    Subscribe,
    SubscriptionRequest,
)
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.wire import pack_variable_byte_integer
from leafhub.mqtt_server import admission

CONNECT_TIME_S = 0.5
WRITE_TIME_S = 0.6
MAXIMUM_CONNECTIONS = 12
FEW_BYTES = 16 * 1024
CLIENT_HELLO = bytes.fromhex("16 03 01 00 05 01 00 00 01 03")


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE, CLOUDPLUGS, MURANO, SMARTWORKS)


@pytest.fixture
async def hub(data_folder: Path) -> AsyncIterator[RunningHub]:
    async with running_hub(
        data_folder,
        LEAFHUB_MQTT__CONNECT_TIME_S=str(CONNECT_TIME_S),
        LEAFHUB_MQTT__HANDSHAKE_TIME_S=str(CONNECT_TIME_S),
        LEAFHUB_MQTT__WRITE_TIME_S=str(WRITE_TIME_S),
        LEAFHUB_MQTT__WRITE_BUFFER_BYTES=str(FEW_BYTES),
        LEAFHUB_MQTT__MAXIMUM_CONNECTIONS=str(MAXIMUM_CONNECTIONS),
    ) as hub:
        yield hub
        await serves_on(hub)


async def serves_on(hub: RunningHub) -> None:
    """The hub is well, and another client gets what it should."""
    answer = await hub.http.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    for tls in (None, hub.tls()):
        port = hub.tls_port if tls else hub.plain_port
        async with raw_client(port, tls=tls, protocol_level=5) as client:
            assert (await client.connect("", "dev2@plant-a", "pw2")).reason_code == 0x86
        async with raw_client(port, tls=tls) as client:
            assert (await client.connect("dev2@plant-a", "u2", "pw2")).reason_code == 0
            await client.publish("temp", "1")


async def log_in(client: RawClient) -> None:
    assert (await client.connect("", "dev1@plant-a", "pw1")).reason_code == 0


def lines_about(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    return [r.getMessage() for r in caplog.records if text in r.getMessage()]


def told(caplog: pytest.LogCaptureFixture, text: str) -> Callable[[], Awaitable[bool]]:
    async def is_told() -> bool:
        return bool(lines_about(caplog, text))

    return is_told


@pytest.mark.parametrize(
    ("username", "password"),
    [("dev1@plant-a", "x"), (THING_A, "x"), (USER_A, "x"), ("", "x" * 40), ("nobody", "x")],
    ids=["drogue", "cloudplugs", "smartworks", "murano", "nobody"],
)
@pytest.mark.parametrize("level", [4, 5])
async def test_wrong_password(
    open_client: OpenClient,
    caplog: pytest.LogCaptureFixture,
    level: int,
    username: str,
    password: str,
) -> None:
    client = await open_client(protocol_level=level, server_name="127.0.0.1")
    await client.send_connect("c", username, password)
    if level == 5 and username == THING_A:
        await client.expect_bytes("20 02 00 01")  # its dialect does not have that level
    else:
        await client.expect_bytes("20 02 00 04" if level == 4 else "20 03 00 86 00")
    await client.expect_closed()
    (line,) = lines_about(caplog, "refused as")
    assert repr(username or "c") in line


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        ("dev1@plant-a", "no@plant-a"),
        (THING_A, "dev-5a000000000000000000ffff"),
        ("ops@example.com", "no@example.com"),
        ("dev1", "no"),
        (USER_A, "no@ecp"),
    ],
    ids=["drogue", "cloudplugs", "account", "murano", "smartworks"],
)
@pytest.mark.parametrize("password", ["x", None])
@pytest.mark.parametrize("level", [3, 4, 5])
async def test_a_refusal_does_not_tell_whether_the_name_is_known(
    open_client: OpenClient, level: int, password: str | None, known: str, unknown: str
) -> None:
    said: list[bytes] = []
    for username in (known, unknown):
        client = await open_client(protocol_level=level, server_name="127.0.0.1")
        await client.send_connect("c", username, password)
        said.append(await client.drain())
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("username", "password", "topic_name", "is_closed"),
    [
        ("dev1@plant-a", "pw1", "a/b/c", True),
        (THING_A, "authA", "no/such/topic", False),
        (USER_A, PASSWORD_A, "things/x/properties", False),
        ("", TOKEN_1, "$no/such", False),
    ],
    ids=["drogue", "cloudplugs", "smartworks", "murano"],
)
async def test_unknown_topic(
    open_client: OpenClient,
    caplog: pytest.LogCaptureFixture,
    username: str,
    password: str,
    topic_name: str,
    *,
    is_closed: bool,
) -> None:
    client = await open_client(server_name="127.0.0.1")
    assert (await client.connect("", username, password)).reason_code == 0
    if is_closed:
        await client.send(Publish(topic_name, b"1", 1, packet_id=1))
        await client.expect_closed()
    else:
        await client.publish(topic_name, "1")
        await client.ping()
    lines = [line for line in lines_about(caplog, topic_name) if "gone:" not in line]
    assert len(lines) == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("f0 00", id="auth-in-3.1.1"),
        pytest.param("00 00", id="reserved-type"),
        pytest.param("c1 00", id="pingreq-flags"),
        pytest.param("c0 01 00", id="pingreq-body"),
        pytest.param("80 06 00 01 00 01 61 00", id="subscribe-flags"),
        pytest.param("82 02 00 01", id="subscribe-without-filter"),
        pytest.param("82 06 00 00 00 01 61 00", id="subscribe-packet-id-0"),
        pytest.param("82 06 00 01 00 01 61 03", id="subscribe-qos-3"),
        pytest.param("82 06 00 01 00 05 61 00", id="subscribe-filter-too-long"),
        pytest.param("a2 02 00 01", id="unsubscribe-without-filter"),
        pytest.param("36 06 00 01 61 00 01 31", id="publish-qos-3"),
        pytest.param("30 05 00 09 61 62 63", id="publish-topic-too-long"),
        pytest.param("30 04 00 02 c3 28", id="publish-topic-not-utf-8"),
        pytest.param("30 03 00 01 00", id="publish-topic-nul"),
        pytest.param("32 05 00 01 61 00 00", id="publish-packet-id-0"),
        pytest.param("38 04 00 01 61 31", id="publish-dup-qos-0"),
        pytest.param("40 01 00", id="puback-cut"),
        pytest.param("60 02 00 01", id="pubrel-flags"),
        pytest.param("20 02 00 00", id="connack-from-client"),
        pytest.param("d0 00", id="pingresp-from-client"),
        pytest.param("30 ff ff ff ff 7f", id="length-of-5-bytes"),
        pytest.param("c0 80 00", id="length-over-long"),
        pytest.param("16 03 01 00 05 01", id="tls"),
        pytest.param((b"GET / HTTP/1.1\r\nHost: " + b"x" * 60).hex(), id="http"),
    ],
)
async def test_malformed_packet_closes(
    open_client: OpenClient, caplog: pytest.LogCaptureFixture, data: str
) -> None:
    client = await open_client()
    await client.connect("c", THING_A, "authA")
    await client.send_bytes(bytes.fromhex(data))
    await client.expect_closed()
    (line,) = lines_about(caplog, "gone:")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("c1 00", ReasonCode.MALFORMED_PACKET),
        ("30 04 00 02 c3 28", ReasonCode.MALFORMED_PACKET),
        ("10 02 00 00", ReasonCode.MALFORMED_PACKET),
        ("30 04 00 00 00 31", ReasonCode.PROTOCOL_ERROR),
        ("20 03 00 00 00", ReasonCode.PROTOCOL_ERROR),
        ("30 ff ff 7f", ReasonCode.PACKET_TOO_LARGE),
    ],
    ids=["flags", "utf-8", "second-connect-cut", "no-topic", "connack", "oversized"],
)
async def test_a_client_of_5_0_is_told_why_it_goes(
    open_client: OpenClient, data: str, code: ReasonCode
) -> None:
    client = await open_client(protocol_level=5)
    await client.connect("c", USER_A, PASSWORD_A)
    await client.send_bytes(bytes.fromhex(data))
    assert (await client.expect(Disconnect)).reason_code == code
    await client.expect_closed()


@pytest.mark.parametrize(
    ("username", "password", "most"),
    [
        ("dev1@plant-a", "pw1", 16_384),
        (THING_A, "authA", 1_048_576),
        (USER_A, PASSWORD_A, 266_240),
    ],
    ids=["drogue", "cloudplugs", "smartworks"],
)
async def test_oversized_packet_closes_before_it_is_there(
    open_client: OpenClient,
    caplog: pytest.LogCaptureFixture,
    username: str,
    password: str,
    most: int,
) -> None:
    client = await open_client()
    assert (await client.connect("c", username, password)).reason_code == 0
    await client.send_bytes(b"\x30" + pack_variable_byte_integer(most + 5) + b"\x00\x04temp")
    await client.expect_closed()
    assert len(lines_about(caplog, "gone:")) == 1


@pytest.mark.parametrize(
    "data", [b"", bytes.fromhex("10 1a 00 04 4d 51 54 54 04")], ids=["silence", "half-a-connect"]
)
@pytest.mark.parametrize("server_name", [None, "127.0.0.1"], ids=["plain", "tls"])
async def test_silence_ends_in_time(
    open_client: OpenClient,
    caplog: pytest.LogCaptureFixture,
    server_name: str | None,
    data: bytes,
) -> None:
    client = await open_client(server_name=server_name)
    started_s = time.monotonic()
    await client.send_bytes(data)
    await client.expect_closed()
    assert CONNECT_TIME_S * 0.7 < time.monotonic() - started_s < CONNECT_TIME_S + 2
    assert lines_about(caplog, "not connected in time")


async def test_silence_in_the_tls_handshake_ends_in_time(
    hub: RunningHub, open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_client(hub.tls_port)
    await client.expect_closed()
    assert lines_about(caplog, "not connected in time")


@pytest.mark.parametrize(
    "data",
    [
        "c0 00",
        "e0 00",
        "82 06 00 01 00 01 61 00",
        "30 04 00 01 61 31",
        "10 0c 00 04 4d 51 54 54 04 03 00 3c 00 00",
        "10 0c 00 04 4d 51 54 54 63 02 00 3c 00 00",
        "10 0c 00 04 4d 51 54 58 04 02 00 3c 00 00",
    ],
    ids=["pingreq", "disconnect", "subscribe", "publish", "reserved-flag", "level", "name"],
)
async def test_first_packet_that_is_no_good_connect(
    open_client: OpenClient, caplog: pytest.LogCaptureFixture, data: str
) -> None:
    client = await open_client()
    await client.send_bytes(bytes.fromhex(data))
    if "54 54 63" in data:
        await client.expect_bytes("20 03 00 84 00")
    await client.expect_closed()
    assert len(lines_about(caplog, "gone:")) == 1


@pytest.mark.parametrize(
    ("username", "password", "is_closed"),
    [("dev1@plant-a", "pw1", False), (THING_A, "authA", True), (USER_A, PASSWORD_A, True)],
    ids=["drogue", "cloudplugs", "smartworks"],
)
async def test_second_connect(
    open_client: OpenClient, username: str, password: str, *, is_closed: bool
) -> None:
    client = await open_client()
    await client.connect("c", username, password)
    await client.send_connect("c", username, password)
    if is_closed:
        await client.expect_closed()
    else:
        await client.ping()


async def test_connect_twice_in_one_go(open_client: OpenClient) -> None:
    client = await open_client()
    connect = encode_packet(
        Connect(protocol_level=4, client_id="c", username=USER_A, password=PASSWORD_A.encode()), 4
    )
    await client.send_bytes(connect * 2)
    await client.expect_bytes("20 02 00 00")
    await client.expect_closed()


async def test_bytes_may_come_one_at_a_time(hub: RunningHub, open_client: OpenClient) -> None:
    client = await open_client()
    packets: tuple[Packet, ...] = (
        Connect(protocol_level=4, client_id="", username="dev1@plant-a", password=b"pw1"),
        Publish("temp", b"42", 1, packet_id=1),
        Publish("temp", b"43", 2, packet_id=2),
        Pubrel(2),
        Subscribe(3, (SubscriptionRequest("command/inbox/#"),)),
    )
    for packet, answer in zip(
        packets,
        ("20 02 00 00", "40 02 00 01", "50 02 00 02", "70 02 00 02", "90 03 00 03 00"),
        strict=True,
    ):
        for byte in encode_packet(packet, 4):
            await client.send_bytes(bytes([byte]))
            await asyncio.sleep(0)
        await client.expect_bytes(answer)
    events = (await hub.events(application="plant-a", channel="temp")).events
    assert [bytes(event.data) for event in events] == [b"43", b"42"]


@contextlib.contextmanager
def deaf_client(hub: RunningHub) -> Iterator[socket.socket]:
    """A socket that takes little and is never read."""
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", hub.plain_port))
        deaf.settimeout(0)
        yield deaf


async def test_a_client_that_never_reads_is_cut_off_and_costs_others_nothing(
    hub: RunningHub, open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    connect = Connect(protocol_level=4, client_id="deaf", username=THING_A, password=b"authA")
    subscribe = Subscribe(1, (SubscriptionRequest("data/big"),))
    with deaf_client(hub) as deaf:
        deaf.sendall(encode_packet(connect, 4) + encode_packet(subscribe, 4))
        publisher, reader = await open_client(), await open_client()
        await publisher.connect("publisher", THING_A, "authA")
        await reader.connect("reader", THING_A, "authA")
        assert await reader.subscribe("data/big", qos=0) == [0]
        body = b'{"data":"%b"}' % (b"x" * 200_000)
        async with asyncio.timeout(30):
            while not lines_about(caplog, "took nothing for write_time_s"):
                await publisher.publish("data/big", body)
                assert len((await reader.expect(Publish)).payload) > 200_000
    assert (await hub.device("company-1", THING_A)).summary.connections == 2


async def test_a_flood_of_requests_without_reading_is_held_back(
    hub: RunningHub, caplog: pytest.LogCaptureFixture
) -> None:
    async def flood(deaf: socket.socket) -> None:
        async with asyncio.timeout(30):
            while True:
                await asyncio.get_running_loop().sock_sendall(deaf, b"\xc0\x00" * 50_000)

    connect = Connect(protocol_level=4, client_id="deaf", username=THING_A, password=b"authA")
    with deaf_client(hub) as deaf:
        deaf.sendall(encode_packet(connect, 4))
        with pytest.raises(ConnectionError):  # taken no more, then cut off
            await flood(deaf)
    assert len(lines_about(caplog, "took nothing for write_time_s")) == 1


async def test_past_the_maximum_a_few_are_told_and_the_others_cut(
    hub: RunningHub,
    open_client: OpenClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "TURNED_AWAY_AT_ONCE", 2)
    first = await open_client()
    await log_in(first)
    idle = [await open_client(hub.tls_port if n % 2 else None) for n in range(11)]
    await asyncio.sleep(0.05)
    old, new = await open_client(), await open_client(protocol_level=5)
    for _ in range(5):
        with pytest.raises(ClosedByHubError):
            await (await open_client()).receive()
    await old.send_connect("c", "dev2@plant-a", "pw2")
    await old.expect_bytes("20 02 00 03")
    await old.expect_closed()
    connack = await new.connect("c", "dev2@plant-a", "pw2")
    assert connack.reason_code is ReasonCode.QUOTA_EXCEEDED
    await new.expect_closed()
    assert len(lines_about(caplog, "maximum_connections is reached")) == 1
    await first.ping()
    for client in idle:
        await client.expect_closed()
    await log_in(await open_client())


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("10 0c 00 04 4d 51 54 54 04 02 00 3c"),
        b"\xff" * 99,
    ],
    ids=["http", "mqtt", "noise"],
)
async def test_garbage_on_the_tls_port(
    hub: RunningHub, open_client: OpenClient, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    client = await open_client(hub.tls_port)
    await client.send_bytes(data)
    await client.drain()
    (line,) = lines_about(caplog, "no TLS")
    assert "\n" not in line


async def test_tls_that_ends_in_the_middle_of_its_handshake(
    hub: RunningHub, open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_client(hub.tls_port)
    await client.send_bytes(CLIENT_HELLO[:7])
    await client.close()
    await eventually(told(caplog, "gone:"))


async def test_a_client_that_does_not_trust_the_hub(
    hub: RunningHub, open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_client(hub.tls_port)
    await client.send_bytes(b"\x15\x03\x01\x00\x02\x02\x30")  # alert: unknown CA
    await client.drain()
    await eventually(told(caplog, "no TLS"))


async def test_tls_on_the_plain_port(
    open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_client()
    await client.send_bytes(CLIENT_HELLO)
    await client.expect_closed()
    (line,) = lines_about(caplog, "gone:")
    assert "\n" not in line


async def test_no_secret_is_ever_logged(
    open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "leafhub")
    client = await open_client()
    await client.connect("c", USER_A, PASSWORD_A)
    wrong = await open_client()
    await wrong.connect("c", USER_A, "a-secret-that-is-wrong")
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert PASSWORD_A not in text
    assert "a-secret-that-is-wrong" not in text
