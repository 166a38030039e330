"""The header of the PROXY protocol: what a proxy says of the client behind it."""

import asyncio
import ipaddress
import logging
import socket
import ssl

import pytest
from both_loops import Run
from raw_mqtt import raw_client
from whole_hub import RunningHub, listeners

from leafhub.dialects.base import Peer
from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt_server.pipes import PipeFailedError
from leafhub.mqtt_server.proxy_header import MAXIMUM_BYTES, ProxyPipe

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PROXY = Peer(address="192.0.2.1", tls=False)
PORTS = (40_000).to_bytes(2) + (1883).to_bytes(2)


def tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2) + value


def v2(family: int, block: bytes, command: int = 0x21) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(block).to_bytes(2) + block


def tcp4(*entries: bytes, source: str = "203.0.113.7") -> bytes:
    addresses = ipaddress.IPv4Address(source).packed + bytes([192, 0, 2, 2])
    return v2(0x11, addresses + PORTS + b"".join(entries))


def tcp6(source: str) -> bytes:
    return v2(0x21, ipaddress.IPv6Address(source).packed + bytes(16) + PORTS)


TLS = tlv(0x20, b"\x01" + bytes(4) + tlv(0x21, b"TLSv1.3"))
WITH_CERTIFICATE = tlv(0x20, b"\x03" + bytes(4) + tlv(0x22, b"plug") + tlv(0x28, b"DER"))
GOOD = {
    "IPv4": (tcp4(), Peer(address="203.0.113.7", tls=False)),
    "IPv6": (tcp6("2001:db8::7"), Peer(address="2001:db8::7", tls=False)),
    "unix": (v2(0x31, bytes(216)), Peer(address="unix", tls=False)),
    "unspecified": (v2(0x00, b""), PROXY),
    "unspecified with something": (v2(0x00, tlv(0x04, b"\0\0")), PROXY),
    "local": (v2(0x11, bytes(12), command=0x20), PROXY),
    "local without addresses": (v2(0x00, b"", command=0x20), PROXY),
    "TLS": (tcp4(TLS), Peer(address="203.0.113.7", tls=True)),
    "no TLS": (tcp4(tlv(0x20, bytes(5))), Peer(address="203.0.113.7", tls=False)),
    "TLS with a name": (
        tcp4(tlv(0x02, b"Hub.Example"), tlv(0x03, b"crc!"), TLS),
        Peer(address="203.0.113.7", tls=True, server_name="hub.example"),
    ),
    "TLS with a certificate": (
        tcp4(WITH_CERTIFICATE),
        Peer(address="203.0.113.7", tls=True, certificates=(b"DER",)),
    ),
    "an earlier connection's certificate": (
        tcp4(tlv(0x20, b"\x05" + bytes(4) + tlv(0x28, b"DER"))),
        Peer(address="203.0.113.7", tls=True),
    ),
    "1: TCP4": (
        b"PROXY TCP4 203.0.113.7 192.0.2.2 40000 1883\r\n",
        Peer(address="203.0.113.7", tls=False),
    ),
    "1: TCP6": (
        b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 1883\r\n",
        Peer(address="2001:db8::7", tls=False),
    ),
    "1: unknown": (b"PROXY UNKNOWN\r\n", PROXY),
    "1: unknown, with the longest rest": (
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
        PROXY,
    ),
}


@pytest.mark.parametrize(("header", "peer"), GOOD.values(), ids=GOOD)
def test_what_a_header_says_wherever_it_is_cut(header: bytes, peer: Peer) -> None:
    for cut in range(len(header) + 1):
        pipe = ProxyPipe()
        first = pipe.receive(header[:cut])
        assert (first, pipe.established) == (b"", cut == len(header))
        assert pipe.receive(header[cut:] + b"rest") == b"rest"
        assert pipe.established
        assert pipe.describe(PROXY) == peer
        assert pipe.receive(header) == header  # whatever follows is the client's


BAD = {
    "mqtt": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
    "tls": b"\x16\x03\x01\x00\xfa",
    "half a signature": SIGNATURE[:8] + b"x",
    "version 1 in binary": v2(0x11, bytes(12), command=0x11),
    "unknown command": v2(0x11, bytes(12), command=0x22),
    "UDP": v2(0x12, bytes(12)),
    "unknown family": v2(0x41, bytes(12)),
    "addresses that are cut off": v2(0x11, bytes(11)),
    "an entry that is cut off": tcp4(b"\x02\x00\x05name"),
    "an entry without a length": tcp4(b"\x02\x00"),
    "TLS that is cut off": tcp4(tlv(0x20, b"\x01")),
    "TLS with an entry that is cut off": tcp4(tlv(0x20, b"\x03" + bytes(4) + b"\x28\x00\x09D")),
    "too long": v2(0x11, bytes(MAXIMUM_BYTES)),
    "1: too long": b"PROXY TCP4 " + b"1" * 120,
    "1: no address": b"PROXY TCP4 somewhere 192.0.2.2 40000 1883\r\n",
    "1: an address of the other kind": b"PROXY TCP4 2001:db8::7 2001:db8::1 40000 1883\r\n",
    "1: words are missing": b"PROXY TCP4 203.0.113.7\r\n",
    "1: UDP": b"PROXY UDP4 203.0.113.7 192.0.2.2 40000 1883\r\n",
    "1: nothing": b"PROXY \r\n",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(PipeFailedError, match="PROXY protocol"):
        ProxyPipe().receive(data)


def test_a_header_that_will_be_too_long_is_not_waited_for() -> None:
    pipe = ProxyPipe()
    with pytest.raises(PipeFailedError, match=str(MAXIMUM_BYTES)):
        pipe.receive(v2(0x11, bytes(MAXIMUM_BYTES))[:16])


BEHIND_PROXIES = listeners(
    ", proxy_protocol = true",
    ", proxy_protocol = true, tls = true",
    ", proxy_protocol = true, websocket = true",
)


def log_in(port: int, tls: ssl.SSLContext | None) -> None:
    """As a proxy does it for a client: the header first, all else behind it."""
    connect = Connect(protocol_level=4, username="dev1@plant-a", password=b"pw1")
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        plain.sendall(tcp4())
        with tls.wrap_socket(plain, server_hostname="localhost") if tls else plain as client:
            client.sendall(encode_packet(connect, 4))
            assert client.recv(4) == b"\x20\x02\0\0"


@pytest.mark.parametrize("tls", [False, True])
def test_the_hub_knows_a_client_by_its_own_address(
    run: Run, caplog: pytest.LogCaptureFixture, *, tls: bool
) -> None:
    async def scenario(hub: RunningHub) -> None:
        port = hub.port("mqtts" if tls else "mqtt")
        await asyncio.to_thread(log_in, port, hub.tls() if tls else None)

    caplog.set_level(logging.INFO)
    run(scenario, LEAFHUB_MQTT__LISTENERS=BEHIND_PROXIES)
    assert "dev1: connected from 203.0.113.7" in caplog.text


def test_who_comes_without_the_proxy_is_refused(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.port("mqtt")) as client:
            await client.send_connect("c", "dev1@plant-a", "pw1")
            await client.expect_closed()

    caplog.set_level(logging.INFO)
    run(scenario, LEAFHUB_MQTT__LISTENERS=BEHIND_PROXIES)
    assert caplog.text.count("no header of the PROXY protocol: ") == 1


def test_a_header_comes_in_time(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.port("mqtt")) as client:
            await client.send_bytes(SIGNATURE)
            await client.expect_closed()

    run(
        scenario,
        LEAFHUB_MQTT__LISTENERS=BEHIND_PROXIES,
        LEAFHUB_MQTT__CONNECT_TIME_S="0.2",
        LEAFHUB_MQTT__HANDSHAKE_TIME_S="0.2",
    )


def test_addresses_behind_a_proxy_are_counted_one_by_one(run: Run) -> None:
    async def scenario(hub: RunningHub) -> None:
        async with raw_client(hub.port("mqtt")) as first, raw_client(hub.port("mqtt")) as other:
            await first.send_bytes(tcp4())
            connack = await first.connect("a", "dev1@plant-a", "pw1")
            assert connack.reason_code is ReasonCode.SUCCESS
            await other.send_bytes(tcp4(source="203.0.113.8"))
            connack = await other.connect("b", "gw1@plant-a", "gwpw")
            assert connack.reason_code is ReasonCode.SUCCESS
            async with raw_client(hub.port("mqtt")) as second:
                await second.send_bytes(tcp4())
                connack = await second.connect("c", "dev1@plant-a", "pw1")
                assert connack.reason_code is not ReasonCode.SUCCESS
            await first.ping()

    run(
        scenario,
        LEAFHUB_MQTT__LISTENERS=BEHIND_PROXIES,
        LEAFHUB_MQTT__MAXIMUM_CONNECTIONS_PER_ADDRESS="1",
    )
