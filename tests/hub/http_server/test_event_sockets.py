import asyncio
import contextlib
import itertools
import socket as sockets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from event_sockets import end_of, next_event, open_socket, query, refusal
from eventually import eventually
from http_hub import READER, WRITER, HttpHub, http_hub
from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol as Frames
from websockets.protocol import Side

from leafhub.dialects.base import Outcome
from leafhub.errors import BusyError
from leafhub.exchange import proofs
from leafhub.http_server import websocket
from leafhub.http_server.drogue.event_socket import EXPIRED, GONE, NOT_REFRESHED, WINDOW
from leafhub.http_server.websocket import UNREAD_BYTES
from leafhub.model.device import Credential, SecretKind
from leafhub.model.event import Event
from leafhub.model.operator import ANYBODY, AccessToken, Operator, Role
from leafhub.model.registry import DeleteApplication, DeleteOperator, PutOperator

FIRST, SECOND = "drg_first_token", "drg_second_token"
DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
[[application]]
name = "attic"
dialect = "drogue"
[[application.device]]
id = "bed-1"
"""
NOT_FOUND = {"error": "NotFound", "message": "Not found"}
BASIC = {"Authorization": "Basic cmVhZGVyOnJlYWRlci10b2tlbg=="}
BEARER = {"Authorization": f"Bearer {READER}"}

_numbers = itertools.count()


def token(secret: str) -> AccessToken:
    return AccessToken(prefix=secret[:10], sha256=proofs.sha256(secret), created_us=1)


def guest(*secrets: str, **roles: Role) -> PutOperator:
    return PutOperator(
        Operator(name="guest", tokens=tuple(map(token, secrets)), role=None, roles=roles)
    )


async def store(
    hub: HttpHub,
    channel: str = "t",
    data: bytes = b"1",
    application: str = "greenhouse",
    device: str = "bed-1",
) -> None:
    """An event of a device, when it is on disk."""
    event = Event(
        id=f"event-{next(_numbers)}",
        application=application,
        device=device,
        sender=device,
        channel=channel,
        time_us=1_000_000,
        data=data,
    )
    committed: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    hub.exchange._parts.carrier.commit(Outcome(events=(event,)), committed.set_result)
    assert await committed is None


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HttpHub]:
    """With two applications, and a guest of one of them who has two tokens."""
    async with http_hub(tmp_path) as hub:
        async with httpx.AsyncClient(auth=("writer", WRITER), trust_env=False) as client:
            answer = await client.put(f"{hub.plain}/api/v1/registry", content=DOCUMENT)
            assert answer.status_code == 200, answer.text
        await hub.exchange.apply([guest(FIRST, SECOND, greenhouse=Role.READER)])
        yield hub


def hub_tls(hub: HttpHub) -> ssl.SSLContext:
    """For clients that trust the hub's CA."""
    return ssl.create_default_context(cafile=hub.folder.path / "ca.pem")


async def sees(hub: HttpHub, socket: ClientConnection, channel: str = "t") -> bool:
    """Whether a client is told of the next event."""
    await store(hub, channel)
    return bool((await next_event(socket))["subject"] == channel)


# Who reads what


async def test_an_event_is_one_message_of_text(hub: HttpHub) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={READER}") as socket:
        await store(hub, "temp", b'{"t": 21}')
        event = await next_event(socket)
    assert (event["subject"], event["data"], event["device"]) == ("temp", {"t": 21}, "bed-1")
    assert (event["specversion"], event["type"]) == ("1.0", "io.drogue.event.v1")


async def test_everybody_gets_the_events_of_the_own_application(hub: HttpHub) -> None:
    async with (
        open_socket(hub.plain, f"/greenhouse?token={READER}") as one,
        open_socket(hub.tls, f"/greenhouse?token={READER}", hub_tls(hub)) as two,
        open_socket(hub.plain, f"/attic?token={READER}") as other,
    ):
        await store(hub, "a")
        await store(hub, "b", application="attic")
        assert [(await next_event(socket))["subject"] for socket in (one, two, other)] == [
            "a",
            "a",
            "b",
        ]


@pytest.mark.parametrize(
    ("path", "channel"), [("temp", "temp"), ("a%2Fb", "a/b"), ("%C3%A4%20%25", "ä %")]
)
async def test_a_channel_is_one_exactly(hub: HttpHub, path: str, channel: str) -> None:
    async with open_socket(hub.plain, f"/greenhouse/{path}?token={READER}") as socket:
        for other in (f"{channel}/x", channel.upper() + "x", ""):
            await store(hub, other)
        assert await sees(hub, socket, channel)


async def test_the_name_of_an_application_may_be_percent_encoded(hub: HttpHub) -> None:
    async with open_socket(hub.plain, f"/green%68ouse?token={READER}") as socket:
        assert await sees(hub, socket)


# Who may


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/greenhouse", BASIC),
        ("/greenhouse", BEARER),
        (f"/greenhouse?token={READER}", {}),
        (f"/greenhouse{query(username='reader', api_key=READER)}", {}),
        (f"/greenhouse{query(username='guest', api_key=SECOND)}", {}),
        (f"/greenhouse?token={FIRST}", {}),
    ],
)
async def test_every_form_of_login_lets_in(
    hub: HttpHub, path: str, headers: dict[str, str]
) -> None:
    async with open_socket(hub.plain, path, additional_headers=headers) as socket:
        assert await sees(hub, socket)


@pytest.mark.parametrize(
    ("path", "headers", "status", "error"),
    [
        (f"/greenhouse?token={READER}", BASIC, 403, "Forbidden"),
        (f"/greenhouse?token={READER}&username=reader&api_key={READER}", {}, 403, "Forbidden"),
        ("/greenhouse?token=wrong", {}, 403, "Forbidden"),
        (f"/greenhouse?username=writer&api_key={READER}", {}, 403, "Forbidden"),
        ("/greenhouse", {"Authorization": "Basic !"}, 403, "Forbidden"),
        ("/greenhouse", {}, 404, "NotFound"),
        (f"/nowhere?token={READER}", {}, 404, "NotFound"),
        (f"/attic?token={FIRST}", {}, 404, "NotFound"),
        (f"/%FF?token={READER}", {}, 404, "NotFound"),
    ],
)
async def test_whoever_may_not_read_is_refused(
    hub: HttpHub, path: str, headers: dict[str, str], status: int, error: str
) -> None:
    found, body = await refusal(hub.plain, path, additional_headers=headers)
    assert (found, body["error"]) == (status, error)


async def test_anybody_may_where_the_application_says_so(hub: HttpHub) -> None:
    anybody = Operator(name=ANYBODY.name, role=None, roles={"greenhouse": Role.READER})
    await hub.exchange.apply([PutOperator(anybody)])
    async with open_socket(hub.plain, "/greenhouse") as socket:
        assert await sees(hub, socket)
        await hub.exchange.apply([DeleteOperator(ANYBODY.name)])
        assert await end_of(socket) == (1008, EXPIRED)


async def test_what_is_no_handshake_is_told_what_to_do(hub: HttpHub) -> None:
    async with httpx.AsyncClient(headers=BASIC, trust_env=False) as client:
        plain = await client.get(f"{hub.plain}/greenhouse")
        assert (plain.status_code, plain.headers["upgrade"]) == (426, "websocket")
        assert "ws://" in plain.json()["message"]
        upgrade = {"connection": "upgrade", "upgrade": "websocket"}
        broken = await client.get(f"{hub.plain}/greenhouse/t", headers=upgrade)
        assert (broken.status_code, broken.json()["error"]) == (400, "BadRequest")
        elsewhere = await client.get(f"{hub.plain}/healthz", headers=upgrade)
        assert elsewhere.text == "ok\n"
        assert (await client.get(f"{hub.plain}/a/b/c", headers=upgrade)).status_code == 404
        assert (await client.post(f"{hub.plain}/greenhouse", headers=upgrade)).status_code == 405
        # the connection served all of them, and serves on
        assert (await client.get(f"{hub.plain}/healthz")).text == "ok\n"


async def test_the_openapi_document_tells_of_them(hub: HttpHub) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        paths = (await client.get(f"{hub.plain}/schema")).json()["paths"]
    for path in ("/{application}", "/{application}/{channel}"):
        call = paths[path]["get"]
        assert {"101", "400", "403", "404", "426", "429", "503"} <= set(call["responses"])
        assert call["parameters"][-1]["name"] == "group_id"
    command = paths["/api/command/v1alpha1/apps/{application}/devices/{device}"]["post"]
    assert {"200", "202", "400", "403", "404", "406", "413", "503"} <= set(command["responses"])
    assert "*/*" in command["requestBody"]["content"]


# How it ends


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("hi", "JSON is malformed"),
        ("", "truncated"),
        ("{}", "missing required field"),
        ("[]", "Expected `object`"),
        ('{"RefreshAccessToken": 1}', "Expected `str`"),
        ('{"RefreshAccessToken": "a", "more": 1}', "unknown field"),
        (b"\xff", "JSON is malformed"),
        (b'{"RefreshAccessToken": "\xff"}', "utf-8"),
        ("[" * 60_000, "Expected `object`"),
    ],
)
async def test_what_nobody_understands_ends_it(
    hub: HttpHub, message: str | bytes, reason: str
) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={READER}") as socket:
        await socket.send(message)
        code, said = await end_of(socket)
    assert code == 1002
    assert reason in said


async def test_a_message_in_pieces_is_dropped(hub: HttpHub) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={READER}") as socket:
        await socket.send(["{", "}"])
        assert await end_of(socket) == (1006, "")


Change = Callable[[HttpHub], Awaitable[None]]


async def without_the_token(hub: HttpHub) -> None:
    await hub.exchange.apply([guest(SECOND, greenhouse=Role.READER)])


async def without_the_role(hub: HttpHub) -> None:
    await hub.exchange.apply([guest(FIRST, SECOND, attic=Role.ADMIN)])


async def without_the_operator(hub: HttpHub) -> None:
    await hub.exchange.apply([DeleteOperator("guest")])


@pytest.mark.parametrize("change", [without_the_token, without_the_role, without_the_operator])
async def test_a_login_that_is_taken_away_ends_it_at_once(hub: HttpHub, change: Change) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={FIRST}") as socket:
        assert await sees(hub, socket)
        await change(hub)
        await store(hub, "too late")
        with pytest.raises(Exception, match="1008") as told:
            await next_event(socket)
        assert EXPIRED in str(told.value)


async def test_other_changes_of_an_operator_end_nothing(hub: HttpHub) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={FIRST}") as socket:
        await hub.exchange.apply([guest(FIRST, "drg_third", greenhouse=Role.ADMIN)])
        assert await sees(hub, socket)


async def test_a_password_that_is_replaced_ends_it(hub: HttpHub) -> None:
    def person(*passwords: str) -> PutOperator:
        hashes = (proofs.hash_secret(password) for password in passwords)
        credentials = (Credential(kind=SecretKind.ARGON2ID, secret=one) for one in hashes)
        return PutOperator(Operator(name="ada", credentials=tuple(credentials)))

    await hub.exchange.apply([person("open sesame")])
    path = f"/greenhouse{query(username='ada', api_key='open sesame')}"
    async with open_socket(hub.plain, path) as socket:
        assert await sees(hub, socket)
        await hub.exchange.apply([person("another one")])
        assert await end_of(socket) == (1008, EXPIRED)


async def test_an_application_that_is_deleted_ends_it(hub: HttpHub) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={READER}") as socket:
        await hub.exchange.apply([DeleteApplication("greenhouse")])
        assert await end_of(socket) == (1011, GONE)


# Another token


def refresh(secret: str) -> str:
    return f'{{"RefreshAccessToken": "{secret}"}}'


async def test_another_token_takes_the_place_of_the_first(hub: HttpHub) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={FIRST}") as socket:
        await socket.send(refresh(SECOND))
        await settle(socket)
        await hub.exchange.apply([guest(SECOND, greenhouse=Role.READER)])
        assert await sees(hub, socket)
        await hub.exchange.apply([guest(FIRST, greenhouse=Role.READER)])
        assert await end_of(socket) == (1008, EXPIRED)


async def test_many_tokens_in_one_go_are_judged_to_the_last(hub: HttpHub) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={FIRST}") as socket:
        frames = [Frame(Opcode.TEXT, refresh(READER).encode()) for _ in range(50)]
        frames.append(Frame(Opcode.TEXT, refresh(SECOND).encode()))
        socket.transport.write(b"".join(frame.serialize(mask=True) for frame in frames))
        await settle(socket)
        await hub.exchange.apply([guest(SECOND, greenhouse=Role.READER)])
        assert await sees(hub, socket)
        await hub.exchange.apply([guest(greenhouse=Role.READER)])
        assert await end_of(socket) == (1008, EXPIRED)


@pytest.mark.parametrize("shown", ["wrong", "", SECOND])
async def test_a_token_that_does_not_fit_ends_it(hub: HttpHub, shown: str) -> None:
    async with open_socket(hub.plain, f"/attic?token={READER}") as socket:
        await socket.send(refresh(shown))
        assert await end_of(socket) == (1008, NOT_REFRESHED)


@pytest.mark.parametrize("mistake", [BusyError("too many"), ValueError("a mistake")])
async def test_a_token_that_cannot_be_judged_ends_it(
    hub: HttpHub, monkeypatch: pytest.MonkeyPatch, mistake: Exception
) -> None:
    async def fail(*_: object) -> None:
        raise mistake

    async with open_socket(hub.plain, f"/greenhouse?token={READER}") as socket:
        monkeypatch.setattr(hub.exchange._doorkeeper, "operator", fail)
        await socket.send(refresh(READER))
        assert await end_of(socket) == (1011, NOT_REFRESHED)


async def settle(socket: ClientConnection) -> None:
    """Until the hub is through with what a client sent before."""
    async with asyncio.timeout(10):
        await (await socket.ping())
    await asyncio.sleep(0)  # a token that the hub made is judged at once


# Many, and slow ones


async def test_no_more_than_there_may_be(tmp_path: Path) -> None:
    async with http_hub(tmp_path, maximum_sockets=2) as hub:
        async with httpx.AsyncClient(auth=("writer", WRITER), trust_env=False) as client:
            await client.put(f"{hub.plain}/api/v1/registry", content=DOCUMENT)
        async with open_socket(hub.plain, f"/greenhouse?token={READER}") as first:
            async with open_socket(hub.plain, f"/attic?token={READER}"):
                status, body = await refusal(hub.plain, f"/greenhouse?token={READER}")
                assert status == 503
                assert "maximum_sockets" in body["message"]

            async def has_room() -> bool:
                with contextlib.suppress(AssertionError):
                    await refusal(hub.plain, f"/greenhouse?token={READER}")
                    return False
                return True

            await eventually(has_room)
            assert await sees(hub, first)


async def handshake(hub: HttpHub, path: str, behind: bytes = b"") -> sockets.socket:
    """A client that takes little at a time, and has read the answer to its handshake."""
    host, _, port = hub.plain.removeprefix("http://").rpartition(":")
    client = sockets.socket()
    client.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    client.connect((host, int(port)))
    client.setblocking(False)  # noqa: FBT003 - the standard library takes it by place
    loop = asyncio.get_running_loop()
    head = (
        f"GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await loop.sock_sendall(client, head.encode() + behind)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await loop.sock_recv(client, 1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return client


async def test_a_client_that_does_not_read_is_dropped_and_holds_nobody_up(hub: HttpHub) -> None:
    path = f"/greenhouse?token={READER}"
    big = b'"' + b"x" * 100_000 + b'"'
    async with open_socket(hub.plain, path, max_queue=None) as reader:
        deaf = await handshake(hub, path)
        for count in range(5 * UNREAD_BYTES // len(big) + 200):  # the system's buffers come first
            await store(hub, str(count), big)
            assert (await next_event(reader))["subject"] == str(count)
            if hub.exchange.queue_budget.dropped:
                break
        assert hub.exchange.queue_budget.dropped == 1
        assert hub.exchange.queue_budget.used_bytes == 0
        assert await sees(hub, reader)
        deaf.close()


async def test_a_client_that_does_not_read_is_dropped_over_tls_too(hub: HttpHub) -> None:
    path = f"/greenhouse?token={READER}"
    big = b'"' + b"x" * 100_000 + b'"'
    deaf = open_socket(hub.tls, path, hub_tls(hub), max_queue=1, close_timeout=0.1)
    async with open_socket(hub.tls, path, hub_tls(hub), max_queue=None) as reader, deaf:
        for count in range(5 * UNREAD_BYTES // len(big) + 200):
            await store(hub, str(count), big)
            assert (await next_event(reader))["subject"] == str(count)
            if hub.exchange.queue_budget.dropped:
                break
        assert hub.exchange.queue_budget.dropped == 1
        assert hub.exchange.queue_budget.used_bytes == 0
        assert await sees(hub, reader)


async def test_a_client_that_pings_and_never_reads_is_held_up_and_dropped(
    hub: HttpHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PING_S", 0.1)
    monkeypatch.setattr(websocket, "SILENCE_S", 0.5)
    deaf = await handshake(hub, f"/greenhouse?token={READER}")
    pings = Frame(Opcode.PING, b"x" * 125).serialize(mask=True) * 1_000

    async def ping_on() -> None:
        async with asyncio.timeout(20):
            while True:
                await asyncio.get_running_loop().sock_sendall(deaf, pings)
                assert hub.exchange.queue_budget.used_bytes < UNREAD_BYTES

    with pytest.raises(ConnectionError):
        await ping_on()
    deaf.close()


async def test_what_comes_right_behind_the_handshake_is_taken(hub: HttpHub) -> None:
    hi = Frame(Opcode.TEXT, b"hi").serialize(mask=True)
    client = await handshake(hub, f"/greenhouse?token={READER}", behind=hi)
    async with asyncio.timeout(10):
        said = await asyncio.get_running_loop().sock_recv(client, 1000)
    assert said[:4] == bytes((0x88, len(said) - 2)) + (1002).to_bytes(2)
    client.close()


async def test_a_client_that_pings_is_answered(hub: HttpHub) -> None:
    async with open_socket(hub.plain, f"/greenhouse?token={READER}") as socket:
        async with asyncio.timeout(10):
            await (await socket.ping(b"there?"))


async def test_a_silent_client_is_pinged_and_dropped(
    hub: HttpHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PING_S", 0.05)
    monkeypatch.setattr(websocket, "SILENCE_S", 0.2)
    silent = await handshake(hub, f"/greenhouse?token={READER}")
    said = b""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError):
            while more := await asyncio.get_running_loop().sock_recv(silent, 1000):
                said += more
    ping = Frame(Opcode.PING, b"PING").serialize(mask=False)
    assert said.startswith(ping)
    assert said.replace(ping, b"") == b""
    silent.close()


# In a group

IN_GROUP = f"/greenhouse?group_id=night+shift&token={READER}"


async def test_members_of_a_group_share_its_events(hub: HttpHub) -> None:
    async with (
        open_socket(hub.plain, IN_GROUP) as one,
        open_socket(hub.tls, IN_GROUP, hub_tls(hub)) as two,
        open_socket(hub.plain, f"/greenhouse?token={READER}") as outside,
    ):
        names = [f"bed-{number}" for number in range(40)]
        for name in names:
            await store(hub, device=name)
        shares: list[list[str]] = [[], []]

        async def read(socket: ClientConnection, share: list[str]) -> None:
            while True:
                share.append((await next_event(socket))["device"])

        async def is_shared_out() -> bool:
            return len(shares[0]) + len(shares[1]) >= len(names)

        async with asyncio.TaskGroup() as tasks:
            readers = [
                tasks.create_task(read(socket, share))
                for socket, share in zip((one, two), shares, strict=True)
            ]
            await eventually(is_shared_out)
            for reader in readers:
                reader.cancel()
        assert all(shares)
        assert sorted(shares[0] + shares[1]) == sorted(names)
        assert [(await next_event(outside))["device"] for _ in names] == names


async def test_a_group_goes_on_where_it_stopped(hub: HttpHub) -> None:
    async with open_socket(hub.plain, IN_GROUP) as socket:
        await store(hub, "first")
        assert (await next_event(socket))["subject"] == "first"
        await settle(socket)
    await store(hub, "second")
    async with open_socket(hub.plain, IN_GROUP) as socket:
        assert (await next_event(socket))["subject"] == "second"


async def test_a_group_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with http_hub(tmp_path) as hub:
        async with httpx.AsyncClient(auth=("writer", WRITER), trust_env=False) as client:
            await client.put(f"{hub.plain}/api/v1/registry", content=DOCUMENT)
        async with open_socket(hub.plain, IN_GROUP) as socket:
            await store(hub, "first")
            assert (await next_event(socket))["subject"] == "first"
            await settle(socket)
        await store(hub, "second")
    async with http_hub(tmp_path) as hub, open_socket(hub.plain, IN_GROUP) as socket:
        assert (await next_event(socket))["subject"] == "second"


async def test_what_no_pong_has_confirmed_comes_again(hub: HttpHub) -> None:
    mute = await handshake(hub, IN_GROUP)
    await store(hub, "again")
    async with asyncio.timeout(10):
        assert b"again" in await asyncio.get_running_loop().sock_recv(mute, 10_000)
    mute.close()
    async with open_socket(hub.plain, IN_GROUP) as socket:
        assert (await next_event(socket))["subject"] == "again"


async def test_a_member_that_confirms_nothing_gets_so_many_and_no_more(hub: HttpHub) -> None:
    mute = await handshake(hub, IN_GROUP)
    loop = asyncio.get_running_loop()
    frames = Frames(Side.CLIENT)
    texts: list[bytes] = []
    pings: list[bytes] = []

    async def read() -> None:
        while data := await loop.sock_recv(mute, 4096):
            frames.receive_data(data)
            for event in frames.events_received():
                assert isinstance(event, Frame)
                (texts if event.opcode is Opcode.TEXT else pings).append(bytes(event.data))

    reading = asyncio.create_task(read())

    async def has_so_many() -> bool:
        return len(texts) >= WINDOW

    for number in range(WINDOW + 10):
        await store(hub, str(number))
    await eventually(has_so_many)
    assert len(pings) == 1  # one at a time
    await loop.sock_sendall(mute, Frame(Opcode.PONG, b"not this").serialize(mask=True))
    await loop.sock_sendall(mute, Frame(Opcode.PONG, pings[0]).serialize(mask=True))

    async def has_more() -> bool:
        return len(texts) > WINDOW

    await eventually(has_more)
    assert len(texts) == WINDOW + 1  # the pong confirmed the first
    reading.cancel()
    mute.close()


async def test_a_group_passes_over_other_channels(hub: HttpHub) -> None:
    path = IN_GROUP.replace("?", "/wanted?")
    async with open_socket(hub.plain, path) as socket:
        for number in range(3 * WINDOW):
            await store(hub, "wanted" if number % WINDOW == 0 else "other", str(number).encode())
        seen = [(await next_event(socket))["data"] for _ in range(3)]
        await settle(socket)
    assert seen == [0, WINDOW, 2 * WINDOW]
    await store(hub, "other")
    await store(hub, "wanted", b"3")
    async with open_socket(hub.plain, path) as socket:
        assert (await next_event(socket))["data"] == 3


async def test_a_member_that_reads_slowly_loses_nothing(hub: HttpHub) -> None:
    big = b'"' + b"x" * 50_000 + b'"'
    async with open_socket(hub.plain, IN_GROUP, max_queue=1) as socket:
        for number in range(60):
            await store(hub, str(number), big)
        seen = [(await next_event(socket))["subject"] for _ in range(60)]
    assert seen == [str(number) for number in range(60)]
    assert hub.exchange.queue_budget.dropped == 0


# The server stops


@pytest.mark.parametrize("answers", [True, False])
async def test_a_stop_says_goodbye_and_waits_no_longer_than_it_may(
    tmp_path: Path, *, answers: bool
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with http_hub(tmp_path, stop_time_s=1) as hub:
            async with httpx.AsyncClient(auth=("writer", WRITER), trust_env=False) as client:
                await client.put(f"{hub.plain}/api/v1/registry", content=DOCUMENT)
            path = f"/greenhouse?token={READER}"
            if answers:
                polite = await stack.enter_async_context(open_socket(hub.plain, path))
            else:
                deaf = await handshake(hub, path)
        if answers:
            assert await end_of(polite) == (1001, "the hub is stopping")
        else:
            said = await asyncio.get_running_loop().sock_recv(deaf, 100)
            assert said[2:4] == (1001).to_bytes(2)
            deaf.close()
