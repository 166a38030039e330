import pytest
from eventually import eventually
from hand_socket import ANSWER, HandSocket
from hypothesis import given
from hypothesis import strategies as st
from litestar.exceptions import HTTPException
from websockets.frames import CloseCode, Frame, Opcode

from leafhub.http_server import websocket
from leafhub.http_server.websocket import MESSAGE_BYTES, UNREAD_BYTES, answer, text_frame
from leafhub.mqtt.limits import QueueBudget

HANDSHAKE = {
    b"host": b"hub",
    b"connection": b"Upgrade",
    b"upgrade": b"websocket",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"sec-websocket-version": b"13",
}
HELLO = text_frame(b"hello")


def request(**more: bytes | None) -> dict[str, object]:
    """The scope of an opening handshake, with other headers."""
    changed = {**HANDSHAKE, **{name.replace("_", "-").encode(): v for name, v in more.items()}}
    headers = [(name, value) for name, value in changed.items() if value is not None]
    return {"path": "/plant-a", "method": "GET", "http_version": "1.1", "headers": headers}


def test_the_answer_is_that_of_the_standards_example() -> None:  # RFC 6455 §1.3
    assert answer(request()).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer(request())


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"upgrade": None}, 426),
        ({"connection": b"keep-alive"}, 426),
        ({"upgrade": b"h2c"}, 426),
        ({"sec_websocket_key": None}, 400),
        ({"sec_websocket_key": b"short"}, 400),
        ({"sec_websocket_version": None}, 400),
        ({"sec_websocket_version": b"8"}, 400),
        ({"content_length": b"4"}, 400),
        ({"transfer_encoding": b"chunked"}, 400),
    ],
)
def test_what_is_no_opening_handshake_is_refused(
    changed: dict[str, bytes | None], status: int
) -> None:
    with pytest.raises(HTTPException) as refused:
        answer(request(**changed))
    assert refused.value.status_code == status
    assert refused.value.detail


def test_a_handshake_of_http_1_0_is_refused() -> None:
    with pytest.raises(HTTPException) as refused:
        answer(request() | {"http_version": "1.0"})
    assert refused.value.status_code == 505


async def test_the_answer_goes_before_everything_else() -> None:
    client = HandSocket()
    client.socket.send(HELLO)
    assert client.transport.written == ANSWER + HELLO
    assert client.listener.told == ["open"]
    assert [bytes(frame.data) for frame in client.heard()] == [b"hello"]


async def test_messages_of_text_and_bytes_are_told() -> None:
    client = HandSocket()
    client.say(Frame(Opcode.TEXT, b"one"), Frame(Opcode.BINARY, b"\xff"))
    assert client.listener.messages == [b"one", b"\xff"]


async def test_frames_may_come_byte_by_byte() -> None:
    client = HandSocket()
    for byte in Frame(Opcode.TEXT, b"one").serialize(mask=True):
        client.socket.data_received(bytes((byte,)))
    assert client.listener.messages == [b"one"]


async def test_a_ping_of_the_client_is_answered_and_a_pong_told() -> None:
    client = HandSocket()
    client.say(Frame(Opcode.PING, b"you?"), Frame(Opcode.PONG, b"7"))
    assert [(frame.opcode, bytes(frame.data)) for frame in client.heard()] == [
        (Opcode.PONG, b"you?")
    ]
    assert client.listener.told == ["open", "pong 7"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(Opcode.TEXT, b"\xff"), CloseCode.INVALID_DATA),
        (Frame(Opcode.CONT, b"x"), CloseCode.PROTOCOL_ERROR),
        (Frame(Opcode.TEXT, b"x", rsv1=True), CloseCode.PROTOCOL_ERROR),
        (Frame(Opcode.TEXT, b"x" * (MESSAGE_BYTES + 1)), CloseCode.MESSAGE_TOO_BIG),
        (Frame(Opcode.CLOSE, b"\x03\xe8\xff"), CloseCode.INVALID_DATA),
        (Frame(Opcode.CLOSE, b"\x03\xec"), CloseCode.PROTOCOL_ERROR),
    ],
)
async def test_whoever_breaks_the_protocol_is_told_how(frame: Frame, code: CloseCode) -> None:
    client = HandSocket()
    masked = bytearray(Frame(frame.opcode, frame.data).serialize(mask=True))
    masked[0] |= 0x40 * frame.rsv1
    client.socket.data_received(bytes(masked))
    assert client.goodbye().code == code
    assert client.listener.messages == []


async def test_a_frame_that_is_not_masked_is_refused() -> None:  # RFC 6455 §5.1
    client = HandSocket()
    client.socket.data_received(HELLO)
    assert client.goodbye().code == CloseCode.PROTOCOL_ERROR
    assert client.transport.is_ended


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
async def test_a_message_in_pieces_drops_the_client(opcode: Opcode) -> None:
    client = HandSocket()
    client.say(Frame(opcode, b"one", fin=False), Frame(Opcode.CONT, b"two"))
    assert client.transport.was_aborted
    assert client.listener.messages == []


async def test_the_clients_goodbye_is_returned_and_nothing_is_told_after_it() -> None:
    client = HandSocket()
    client.say(Frame(Opcode.CLOSE, b"\x03\xe8bye"), Frame(Opcode.TEXT, b"late"))
    assert str(client.goodbye()) == "1000 (OK) bye"
    assert client.transport.is_ended
    assert not client.transport.was_aborted
    assert client.listener.messages == []
    client.socket.send(HELLO)
    assert client.heard() == []


async def test_a_goodbye_waits_for_that_of_the_client() -> None:
    client = HandSocket()
    client.socket.close(CloseCode.POLICY_VIOLATION, "no more")
    assert str(client.goodbye()) == "1008 (policy violation) no more"
    assert not client.transport.is_ended
    client.say(Frame(Opcode.TEXT, b"late"), Frame(Opcode.CLOSE, b"\x03\xf0"))
    assert client.transport.is_ended
    assert client.listener.messages == []


async def test_a_goodbye_that_is_not_returned_ends_in_time() -> None:
    client = HandSocket()
    client.socket.close(CloseCode.POLICY_VIOLATION, "no more", time_s=0.01)

    async def is_over() -> bool:
        return client.transport.was_aborted

    await eventually(is_over)


async def test_only_one_goodbye_is_said() -> None:
    client = HandSocket()
    client.socket.close(CloseCode.POLICY_VIOLATION, "no more")
    client.socket.close(CloseCode.INTERNAL_ERROR, "and again")
    client.socket.leave(1)
    assert len(client.heard()) == 1


async def test_a_long_reason_is_cut_between_characters() -> None:
    client = HandSocket()
    client.socket.close(CloseCode.PROTOCOL_ERROR, "ä" * 100)
    assert client.goodbye().reason == "ä" * 61


async def test_a_client_is_pinged_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "PING_S", 0.01)
    client = HandSocket()
    pings: list[Frame] = []

    async def is_pinged() -> bool:
        pings.extend(client.heard())
        return len(pings) >= 3

    await eventually(is_pinged)
    assert {(frame.opcode, bytes(frame.data)) for frame in pings} == {(Opcode.PING, b"PING")}
    client.lose()


@pytest.mark.parametrize("sign", [Frame(Opcode.PONG, b"PING"), Frame(Opcode.PING, b"")])
async def test_a_client_without_a_sign_of_life_is_dropped(sign: Frame) -> None:
    client = HandSocket()
    client.socket._heard_s -= websocket.SILENCE_S
    client.say(sign)
    client.socket._beat()
    assert not client.transport.is_ended
    client.socket._heard_s -= websocket.SILENCE_S
    client.socket._beat()
    assert client.transport.was_aborted
    client.lose()


async def test_a_hub_that_stood_still_takes_nobody_for_gone() -> None:
    client = HandSocket()
    client.socket._heard_s -= 10 * websocket.SILENCE_S
    client.socket._beat_due_s -= 10 * websocket.SILENCE_S
    client.socket._beat()
    assert [bytes(frame.data) for frame in client.heard()] == [b"PING"]
    client.socket._beat()
    assert client.transport.was_aborted
    client.lose()


async def test_a_client_that_does_not_read_is_dropped_at_its_bound() -> None:
    client = HandSocket(budget := QueueBudget())
    client.transport.waits = UNREAD_BYTES
    client.socket.send(HELLO)
    assert not client.transport.is_ended
    client.transport.waits = UNREAD_BYTES + 1
    client.socket.send(HELLO)
    assert client.transport.was_aborted
    assert budget.dropped == 1


async def test_a_client_that_reads_gets_what_is_longer_than_any_bound() -> None:
    client = HandSocket(QueueBudget(1))
    client.socket.send(text_frame(b"x" * (UNREAD_BYTES + 1)))
    assert not client.transport.is_ended


async def test_what_waits_is_counted_with_that_of_all_others() -> None:
    budget = QueueBudget(1_000)
    first, second = HandSocket(budget), HandSocket(budget)
    first.transport.waits = 900
    first.socket.send(HELLO)
    assert budget.used_bytes == 900
    second.transport.waits = 99
    second.socket.send(text_frame(b"x" * 200))
    assert second.transport.was_aborted
    first.transport.waits = 20
    first.socket.resume_writing()
    assert budget.used_bytes == 20
    first.lose()
    second.lose()
    assert budget.used_bytes == 0


async def test_there_is_room_as_long_as_the_client_reads() -> None:
    client = HandSocket()
    assert client.socket.has_room
    client.socket.pause_writing()
    assert not client.socket.has_room
    client.socket.resume_writing()
    assert client.socket.has_room
    assert client.listener.told == ["open", "room"]


async def test_nothing_is_read_from_a_client_that_does_not_read() -> None:
    client = HandSocket()
    client.socket.pause_writing()
    assert client.transport.is_paused
    client.socket.resume_writing()
    assert not client.transport.is_paused


async def test_a_client_that_reads_what_is_in_front_of_the_ping_is_alive() -> None:
    client = HandSocket()
    client.transport.waits = UNREAD_BYTES
    client.socket.send(HELLO)
    for waits in (UNREAD_BYTES - 1, UNREAD_BYTES // 2):
        client.transport.waits = waits
        client.socket._heard_s -= websocket.SILENCE_S
        client.socket._beat()
        assert not client.transport.is_ended
    client.socket._heard_s -= websocket.SILENCE_S
    client.socket._beat()
    assert client.transport.was_aborted
    client.lose()


async def test_a_stopping_server_says_that_it_goes() -> None:
    client = HandSocket()
    client.socket.leave(1)
    assert client.goodbye().code == CloseCode.GOING_AWAY


async def test_the_end_is_told_once_and_nothing_is_sent_after_it() -> None:
    client = HandSocket()
    written = client.transport.written
    client.lose()
    assert client.is_lost
    assert client.listener.told == ["open", "end"]
    client.socket.send(HELLO)
    client.socket.ping(b"")
    client.socket.close(CloseCode.NORMAL_CLOSURE, "")
    client.socket.drop("late")
    client.socket.leave(1)
    assert client.transport.written == written


@given(st.lists(st.binary(max_size=300), max_size=20))
async def test_whatever_comes_ends_in_a_message_a_goodbye_or_patience(pieces: list[bytes]) -> None:
    client = HandSocket()
    for piece in pieces:
        if not client.transport.is_ended:
            client.socket.data_received(piece)
    sent = client.heard()
    assert all(frame.opcode in {Opcode.CLOSE, Opcode.PONG} for frame in sent)
    client.lose()
