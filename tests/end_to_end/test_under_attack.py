"""A real hub under attack: it answers its health probe in time, and its memory stays bounded.

``ATTACK_SCALE=20`` is the full size: 5,000 half-open connections, 10,000 failed logins.

What each attack may cost follows from what the hub permits, not from what was seen. A connection
takes 4 KiB at rest.
"""

import asyncio
import contextlib
import resource
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import bcrypt
import pytest
import pytest_asyncio
from attacks import AT_ONCE, SCALE, connect_and_reset, crowd, stream, watched
from hub_process import HubProcess, hub_process
from raw_mqtt import ClosedByHubError, raw_client
from worlds import credential

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Connack, Connect, Puback, Publish, Subscribe, SubscriptionRequest
from leafhub.mqtt.reason_codes import ReasonCode

CONNECT_TIME_S = 3.0
KNOWN_NAMES = 20
PATIENCE_S = 60.0 + 30.0 * SCALE
OPEN_FILES = 4_096 + 1_000 * SCALE
SLOW_HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(10)).decode()
USERS = "".join(
    f"""
[[application.device]]
id = "user-{number}"
credentials = [{{ kind = "bcrypt", secret = "{SLOW_HASH}" }}]
"""
    for number in range(KNOWN_NAMES)
)
DOCUMENT = f"""
[[application]]
name = "home"
dialect = "broker"
[[application.device]]
id = "good"
credentials = [{credential("sunshine-and-rain")}]
{USERS}
"""
GOOD = Connect(protocol_level=4, username="good", password=b"sunshine-and-rain")

pytestmark = [pytest.mark.timeout(60 + PATIENCE_S), pytest.mark.alone]


@pytest.fixture(autouse=True)
def _open_files() -> None:
    """One attacker is one socket here, and the hub inherits the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    async with hub_process(
        tmp_path / "data",
        LEAFHUB_MQTT__CONNECT_TIME_S=str(CONNECT_TIME_S),
        LEAFHUB_MQTT__HANDSHAKE_TIME_S="1",
        LEAFHUB_HTTP__HEAD_TIME_S=str(CONNECT_TIME_S),
    ) as hub:
        await hub.operator.apply(DOCUMENT)
        await serves(hub)
        yield hub
        await serves(hub)
        assert "Traceback" not in "\n".join(hub.lines)


async def serves(hub: HubProcess) -> None:
    """Who was there before the attack comes in during and after it."""
    async with raw_client(hub.plain_port) as client:
        connack = await client.connect("", "good", "sunshine-and-rain")
        assert connack.reason_code is ReasonCode.SUCCESS
        await client.publish("greenhouse/temperature", "21.5")


def http_port(hub: HubProcess) -> int:
    port = hub.operator.http.base_url.port
    assert port is not None
    return port


def ports(hub: HubProcess) -> dict[str, int]:
    return {
        "mqtt": hub.plain_port,
        "mqtts": hub.tls_port,
        "ws": hub.port(websocket=True),
        "wss": hub.port(websocket=True, tls=True),
        "http": http_port(hub),
    }


CLIENT_HELLO = bytes.fromhex("16 03 01 02 00 01 00 01 fc 03 03") + bytes(300)
HALVES = {
    "mqtt": b"\x10\x80\x01\x00\x04MQTT\x04\x02\x00\x3c\x00\x40" + b"x" * 100,
    "mqtts": CLIENT_HELLO,
    "ws": b"GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX-Slow: " + b"x" * 300,
    "wss": CLIENT_HELLO,
    "http": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 300,
}
HALF_OPEN = 250 * SCALE
HALF_OPEN_KIB = 12
"""At rest, what it said so far, and on top of that 4 KiB of a WebSocket's parser."""
HANDSHAKE_KIB = 64
"""OpenSSL keeps 50 KiB from the first record to the end of the handshake."""


def mib(connections: int, kib_each: int) -> float:
    return connections * kib_each / 1024


@pytest.mark.parametrize("kind", HALVES)
async def test_half_open_connections_are_cut_in_time(hub: HubProcess, kind: str) -> None:
    """Half of them say nothing, half of them one byte now and then.

    HTTP has 200 places, and a newcomer takes that of the one that was silent longest: 5,000 in one
    moment would take the health probe's too before it has said what it wants.
    """
    port = ports(hub)[kind]

    async def hold(number: int) -> None:
        async with stream(port, number) as one:
            if number % 2:
                await one.trickle(HALVES[kind], 0.2)
            await one.rest()

    async with (
        watched(hub.process.pid, http_port(hub), attackers_mib=mib(HALF_OPEN, HALF_OPEN_KIB)),
        asyncio.timeout(PATIENCE_S),
    ):
        await crowd(HALF_OPEN, hold, at_once=HALF_OPEN if kind != "http" else AT_ONCE)


@pytest.mark.parametrize("kind", ["mqtts", "wss"])
async def test_handshakes_that_are_never_finished(hub: HubProcess, kind: str) -> None:
    """Again and again: what one round held is free for the next."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        hub.tls().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    hello = outgoing.read()

    async def hold(_number: int) -> None:
        async with stream(ports(hub)[kind]) as one:
            await one.send(hello)
            await one.rest()

    at_once = min(HALF_OPEN, AT_ONCE)
    async with (
        watched(hub.process.pid, http_port(hub), attackers_mib=mib(at_once, HANDSHAKE_KIB)),
        asyncio.timeout(PATIENCE_S),
    ):
        for _ in range(3):
            await crowd(HALF_OPEN, hold, at_once=at_once)


async def test_connect_storm(hub: HubProcess) -> None:
    """All at once, some gone at once, some with a login."""
    answers: list[bytes] = []

    async def log_in(_number: int) -> None:
        async with stream(hub.plain_port) as one:
            await one.send(GOOD)
            answers.append(await one.reader.read(4))

    async def reset(number: int) -> None:
        port = ports(hub)["mqtts" if number % 2 else "mqtt"]
        await asyncio.to_thread(connect_and_reset, port)

    async with (
        watched(hub.process.pid, http_port(hub), attackers_mib=mib(2 * AT_ONCE, HALF_OPEN_KIB)),
        asyncio.timeout(PATIENCE_S),
    ):
        for _ in range(3):
            await asyncio.gather(crowd(200 * SCALE, log_in), crowd(300 * SCALE, reset))
    assert answers.count(b"\x20\x02\x00\x00") >= 100


REMEMBERED_MIB = 6.0
"""What is remembered of failed logins, however many there are."""


async def test_failed_logins(hub: HubProcess) -> None:
    """Names that are known, whose hashes are slow, and names that are not."""
    answers: list[Connack] = []

    async def guess(number: int) -> None:
        name = f"user-{number % KNOWN_NAMES}" if number % 2 else f"guess-{number}"
        async with raw_client(hub.plain_port, protocol_level=5) as client:
            with contextlib.suppress(ClosedByHubError):
                answers.append(await client.connect("", name, f"password-{number}"))

    async with (
        watched(
            hub.process.pid, http_port(hub), attackers_mib=mib(200, HALF_OPEN_KIB) + REMEMBERED_MIB
        ),
        asyncio.timeout(PATIENCE_S),
    ):
        attack = asyncio.create_task(crowd(500 * SCALE, guess, at_once=200))
        await asyncio.sleep(0.5)
        await serves(hub)
        await attack
    said = {answer.reason_code for answer in answers}
    assert said - {ReasonCode.SERVER_BUSY} == {
        ReasonCode.BAD_USER_NAME_OR_PASSWORD,
        ReasonCode.CONNECTION_RATE_EXCEEDED,
    }


FLOODS_AT_ONCE = 10
FILTER_KIB = 3
"""A filter of 200 bytes, with four levels that nobody else has."""


async def test_floods_of_topics_and_subscriptions(hub: HubProcess) -> None:
    async def flood(number: int) -> None:
        async with stream(hub.plain_port) as one:
            await one.send(GOOD)
            for turn in range(20):
                await one.send(
                    *(Publish(f"{number}/{turn}/{n}".ljust(200, "x"), b"1") for n in range(100))
                )
            for turn in range(20):
                names = (f"{number}/{turn}/{n}/".ljust(200, "y") + "/+/#" for n in range(100))
                await one.send(
                    Subscribe(turn + 1, tuple(SubscriptionRequest(name) for name in names))
                )
            await one.reader.readexactly(4 + 5 + 100)  # CONNACK, and a first SUBACK

    async with (
        watched(
            hub.process.pid, http_port(hub), attackers_mib=mib(FLOODS_AT_ONCE, 2_000 * FILTER_KIB)
        ),
        asyncio.timeout(PATIENCE_S),
    ):
        await crowd(10 * SCALE, flood, at_once=FLOODS_AT_ONCE)


GIANTS_AT_ONCE = 20
CONNECTS_AT_ONCE = 100
HALF_A_GIANT_BYTES = 4_000_000
GIANT_KIB = 2 * HALF_A_GIANT_BYTES // 1024
"""What came, and once more while the buffer for it grows."""


async def test_giant_packets_and_deep_topics(hub: HubProcess) -> None:
    deep = "a" + "/a" * 30_000
    packets: tuple[bytes | Publish | Subscribe, ...] = (
        b"\x30\xff\xff\xff\x7f" + bytes(100_000),
        Publish(deep, b"1"),
        Subscribe(1, (SubscriptionRequest(deep),)),
        Publish("a", bytes(9_000_000)),
    )
    half = encode_packet(Publish("a", bytes(2 * HALF_A_GIANT_BYTES)), 4)[:HALF_A_GIANT_BYTES]

    async def offend(number: int) -> None:
        async with stream(hub.plain_port) as one:
            await one.send(GOOD, packets[number % len(packets)])
            await one.rest()

    async def begin(_number: int) -> None:
        async with stream(hub.plain_port) as one:
            await one.send(GOOD, half)

    async def connect_offends(_number: int) -> None:
        async with stream(hub.plain_port) as one:
            await one.send(b"\x10\xff\xff\xff\x7f" + bytes(100_000))
            await one.rest()

    async with (
        watched(hub.process.pid, http_port(hub), attackers_mib=mib(GIANTS_AT_ONCE, GIANT_KIB)),
        asyncio.timeout(PATIENCE_S),
    ):
        await crowd(100 * SCALE, offend, at_once=GIANTS_AT_ONCE)
        await crowd(20 * SCALE, begin, at_once=GIANTS_AT_ONCE)
        await crowd(100 * SCALE, connect_offends, at_once=CONNECTS_AT_ONCE)


async def test_one_byte_at_a_time(hub: HubProcess) -> None:
    """That is a way to say things, and every word of it counts."""

    async def spell(number: int) -> None:
        async with raw_client(hub.plain_port) as client:
            await client.connect("", "good", "sunshine-and-rain")
            packet = Publish(f"spelt/{number}", b"x" * 200, 1, packet_id=1)
            for byte in encode_packet(packet, 4):
                await client.send_bytes(bytes((byte,)))
                await asyncio.sleep(0)
            await client.expect(Puback)

    async with (
        watched(hub.process.pid, http_port(hub), attackers_mib=mib(50, HALF_OPEN_KIB)),
        asyncio.timeout(PATIENCE_S),
    ):
        await crowd(50 * SCALE, spell, at_once=50)
