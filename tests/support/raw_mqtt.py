"""A client that sends exactly what a test says, and waits for exactly what comes."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from leafhub.mqtt.codec import decode_packet, encode_packet
from leafhub.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscriptionRequest,
    Will,
)
from leafhub.mqtt.properties import EMPTY, Properties

PATIENCE_S = 10.0
"""An answer that takes longer is taken for none."""
QUIET_S = 0.4
"""What a hub that nobody can ask had to say, it has said by then."""

Settle = Callable[[], Awaitable[None]]
"""Returns when the hub is through with all that it had taken in before."""
P = TypeVar("P", bound=Packet)


class ClosedByHubError(Exception):
    """The hub closed the connection where a packet was expected."""


class RawClient:
    """One MQTT connection, packet by packet."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        protocol_level: int,
        settle: Settle,
    ) -> None:
        self.protocol_level = protocol_level
        self._settle = settle
        self._reader = reader
        self._writer = writer
        self._buffer = b""

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def send(self, packet: Packet) -> None:
        """Send one packet."""
        await self.send_bytes(encode_packet(packet, self.protocol_level))

    async def receive(self) -> Packet:
        """The next packet; ``ClosedByHubError`` where the connection ends instead."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = decode_packet(
                    memoryview(self._buffer),
                    0,
                    protocol_level=self.protocol_level,
                    maximum_packet_bytes=1 << 24,
                )
                if found is not None:
                    packet, end = found
                    self._buffer = self._buffer[end:]
                    return packet
                try:
                    data = await self._reader.read(65_536)
                except ConnectionError as exc:
                    raise ClosedByHubError from exc
                if not data:
                    raise ClosedByHubError
                self._buffer += data

    async def expect(self, kind: type[P]) -> P:
        """The next packet, which must be of that kind."""
        packet = await self.receive()
        assert isinstance(packet, kind), f"{packet} where {kind.__name__} was expected"
        return packet

    async def receive_bytes(self, count: int) -> bytes:
        """Exactly so many bytes as they come."""
        async with asyncio.timeout(PATIENCE_S):
            data = self._buffer[:count]
            self._buffer = self._buffer[count:]
            return data + await self._reader.readexactly(count - len(data))

    async def expect_bytes(self, expected: str | bytes) -> None:
        """Exactly these bytes come next; text is hexadecimal."""
        wanted = bytes.fromhex(expected) if isinstance(expected, str) else expected
        try:
            data = await self.receive_bytes(len(wanted))
        except asyncio.IncompleteReadError as exc:
            raise AssertionError(f"{exc.partial!r} and the end for {wanted!r}") from exc
        assert data == wanted, f"{data.hex(' ')} where {wanted.hex(' ')} was expected"

    async def expect_message(self, topic_name: str, payload: str | bytes) -> Publish:
        """The next packet, which must be that message as every dialect's devices get them."""
        message = await self.expect(Publish)
        data = payload.encode() if isinstance(payload, str) else payload
        assert (message.topic_name, message.payload) == (topic_name, data)
        return message

    async def ping(self) -> None:
        """The hub still answers, and had nothing else to say."""
        await self.send(Pingreq())
        await self.expect(Pingresp)

    async def expect_closed(self) -> None:
        """Nothing more comes, and the hub closes."""
        try:
            packet = await self.receive()
        except ClosedByHubError:
            return
        raise AssertionError(f"{packet} where the end was expected")

    async def drain(self) -> bytes:
        """Whatever bytes come until the hub closes."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""

    async def expect_nothing(self, settle: Settle | None = None) -> None:
        """Nothing comes of all that was done until now, and the connection stays.

        What clients sent is handled when the hub has answered a PINGREQ; what that brought about
        is on its way when ``settle`` is through; and what is on its way to this client comes
        before the answer to one more PINGREQ. That is sure, where a wait could be too short.
        """
        await self.ping()
        await (settle or self._settle)()
        await self.ping()

    async def send_connect(
        self,
        client_id: str = "",
        username: str | None = None,
        password: str | bytes | None = None,
        *,
        clean_start: bool = True,
        keep_alive_s: int = 60,
        will: Will | None = None,
        properties: Properties = EMPTY,
    ) -> None:
        """Send CONNECT."""
        await self.send(
            Connect(
                protocol_name="MQIsdp" if self.protocol_level == 3 else "MQTT",
                protocol_level=self.protocol_level,
                client_id=client_id,
                clean_start=clean_start,
                keep_alive_s=keep_alive_s,
                will=will,
                username=username,
                password=password.encode() if isinstance(password, str) else password,
                properties=properties,
            )
        )

    async def connect(
        self,
        client_id: str = "",
        username: str | None = None,
        password: str | bytes | None = None,
        *,
        clean_start: bool = True,
        keep_alive_s: int = 60,
        will: Will | None = None,
        properties: Properties = EMPTY,
    ) -> Connack:
        """Send CONNECT and give the CONNACK."""
        await self.send_connect(
            client_id,
            username,
            password,
            clean_start=clean_start,
            keep_alive_s=keep_alive_s,
            will=will,
            properties=properties,
        )
        return await self.expect(Connack)

    async def publish(
        self, topic_name: str, payload: str | bytes, qos: int = 1, packet_id: int = 1
    ) -> Puback | None:
        """Publish and, at QoS 1, give the PUBACK."""
        data = payload.encode() if isinstance(payload, str) else payload
        await self.send(Publish(topic_name, data, qos, packet_id=packet_id if qos else None))
        return await self.expect(Puback) if qos == 1 else None

    async def subscribe(self, *topic_filters: str, qos: int = 1, packet_id: int = 1) -> list[int]:
        """Subscribe and give the codes of the SUBACK."""
        requests = tuple(SubscriptionRequest(name, qos) for name in topic_filters)
        await self.send(Subscribe(packet_id, requests))
        suback = await self.expect(Suback)
        assert suback.packet_id == packet_id
        return [int(code) for code in suback.reason_codes]

    async def disconnect(self) -> None:
        """Take leave, and wait for the end."""
        await self.send(Disconnect())
        await self.expect_closed()

    async def hang_up(self) -> None:
        """End the stream without DISCONNECT, and wait until the hub has ended its own."""
        self._writer.write_eof()
        await self.drain()

    async def close(self) -> None:
        """Cut the connection without DISCONNECT."""
        self._writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self._writer.wait_closed()


async def quiet() -> None:
    """For tests that cannot ask the hub whether it is through: give it time."""
    await asyncio.sleep(QUIET_S)


@contextlib.asynccontextmanager
async def raw_client(
    port: int,
    *,
    settle: Settle = quiet,
    protocol_level: int = 4,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    own_address: str | None = None,
) -> AsyncIterator[RawClient]:
    """A connection to a hub on this machine, from any of 127.0.0.0/8."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1",
        port,
        ssl=tls,
        server_hostname=server_name if tls else None,
        local_addr=(own_address, 0) if own_address else None,
    )
    client = RawClient(reader, writer, protocol_level, settle)
    try:
        yield client
    finally:
        await client.close()


class OpenClient(Protocol):
    """Opens a connection that is closed after the test."""

    async def __call__(
        self,
        port: int | None = None,
        *,
        protocol_level: int = 4,
        server_name: str | None = None,
    ) -> RawClient:
        """To that port, else the plain one, or with TLS where a server name is given."""
        ...


async def eventually(is_true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true."""
    ends_s = time.monotonic() + PATIENCE_S
    while not await is_true():
        assert time.monotonic() < ends_s, "it never came true"
        await asyncio.sleep(0.02)
