"""What is no handshake, no frame and no command: it gets an answer or an end; nothing is left."""

import asyncio
import contextlib
from collections.abc import Sequence

import pytest
from event_sockets import open_socket
from eventually import eventually
from http_hub import READER, WRITER, HttpHub
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

DOCUMENT = b"""
[[application]]
name = "a"
dialect = "drogue"
[[application.device]]
id = "d"
"""
CALM = {101, 202, 400, 403, 404, 405, 406, 413, 415, 426, 429, 431}
"""Statuses that blame the client, or nobody."""

Header = tuple[bytes, bytes]

visible = st.characters(min_codepoint=0x21, max_codepoint=0x7E).map(str.encode)
pieces = st.one_of(
    visible,
    st.sampled_from([b"/a", b"/a/", b"/a/t", b"%2F", b"%00", b"%", b"%zz", b"%FF", b"//", b"/.."]),
    st.sampled_from(
        [b"?token=" + READER.encode(), b"&token=x", b"?group_id=", b"&username=&", b";"]
    ),
)
targets = st.lists(pieces, max_size=8).map(lambda some: b"/" + b"".join(some))
good_targets = st.just(b"/a?token=" + READER.encode())
handshake: list[Header] = [
    (b"Host", b"hub"),
    (b"Connection", b"Upgrade"),
    (b"Upgrade", b"websocket"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
]
others = st.sampled_from(
    [
        (b"Connection", b"keep-alive, Upgrade"),
        (b"Connection", b"close"),
        (b"Upgrade", b"h2c, websocket"),
        (b"Sec-WebSocket-Version", b"8"),
        (b"Sec-WebSocket-Key", b"\xff\xfe"),
        (b"Sec-WebSocket-Extensions", b"permessage-deflate; server_no_context_takeover"),
        (b"Sec-WebSocket-Protocol", b"a, b"),
        (b"Authorization", b"Basic \x80"),
        (b"Authorization", b"Bearer " + READER.encode()),
        (b"Content-Length", b"3"),
        (b"Content-Length", b"x"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Expect", b"100-continue"),
        (b"Cookie", b"x" * 20_000),
    ]
)
headers = st.tuples(
    st.lists(st.sampled_from(handshake), min_size=3, max_size=6), st.lists(others, max_size=3)
).map(lambda both: both[0] + both[1])


def mangled(frame: Frame, *, fin: bool, cut: int | None) -> bytes:
    data = bytearray(frame.serialize(mask=True))
    data[0] ^= 0x80 * (not fin)
    return bytes(data[:cut])


frames = st.builds(
    mangled,
    st.builds(
        Frame,
        st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG]),
        st.binary(max_size=125) | st.just(b'{"RefreshAccessToken": "x"}'),
    ),
    fin=st.booleans(),
    cut=st.none() | st.integers(0, 8),
)
bodies = st.lists(st.one_of(st.binary(max_size=40), frames), max_size=5).map(b"".join)
patient = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
async def hub(hub: HttpHub) -> HttpHub:
    """With an application to read."""
    await hub_put(hub)
    return hub


async def hub_put(hub: HttpHub) -> None:
    status, _ = await tell(
        hub,
        head(b"PUT", b"/api/v1/registry?", [(b"Host", b"hub"), *login(WRITER), length(DOCUMENT)])
        + DOCUMENT,
    )
    assert status == 200


def login(secret: str) -> list[Header]:
    return [(b"Authorization", f"Bearer {secret}".encode())]


def length(body: bytes) -> Header:
    return b"Content-Length", str(len(body)).encode()


def head(method: bytes, target: bytes, fields: Sequence[Header]) -> bytes:
    lines = [b" ".join((method, target, b"HTTP/1.1")), *(b": ".join(field) for field in fields)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def tell(hub: HttpHub, data: bytes) -> tuple[int | None, bytes]:
    """Say something and nothing more; gives the status of the answer, and what came behind it."""
    host, _, port = hub.plain.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        async with asyncio.timeout(20):
            try:
                answer = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None, b""
            status = int(answer.split()[1])
            if status == 101:
                writer.write_eof()
                with contextlib.suppress(ConnectionError):
                    return status, await reader.read()
            return status, b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def expect_calm(hub: HttpHub, caplog: pytest.LogCaptureFixture) -> None:
    """The hub is as it was before."""
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []

    async def is_empty() -> bool:
        return not hub.exchange._parts.observers._observers

    await eventually(is_empty)
    assert hub.exchange.queue_budget.used_bytes == 0
    async with open_socket(hub.plain, f"/a?token={READER}") as socket, asyncio.timeout(10):
        await (await socket.ping())


@patient
@given(target=targets | good_targets, fields=headers)
async def test_garbage_in_a_handshake(
    hub: HttpHub, caplog: pytest.LogCaptureFixture, target: bytes, fields: list[Header]
) -> None:
    status, _ = await tell(hub, head(b"GET", target, fields) + b"abc\r\n0\r\n\r\n")
    assert status in CALM
    await expect_calm(hub, caplog)


@patient
@given(body=bodies)
async def test_garbage_behind_a_handshake(
    hub: HttpHub, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    target = b"/a?token=" + READER.encode()
    status, said = await tell(hub, head(b"GET", target, handshake) + body)
    assert status == 101
    assert said[:1] in {b"", b"\x88", b"\x8a"}  # nothing, a goodbye, or a pong first
    await expect_calm(hub, caplog)


@patient
@given(target=targets, body=bodies)
async def test_garbage_in_a_command(
    hub: HttpHub, caplog: pytest.LogCaptureFixture, target: bytes, body: bytes
) -> None:
    path = b"/api/command/v1alpha1/apps/a/devices" + target
    for asked in (path, path + b"?command=x", b"/api/command/v1alpha1/apps" + target):
        fields = [(b"Host", b"hub"), *login(WRITER), length(body)]
        status, _ = await tell(hub, head(b"POST", asked, fields) + body)
        assert status in CALM
    await expect_calm(hub, caplog)
