"""The way of the bytes, between a transport and a speaker that a test moves by hand."""

import asyncio
import socket
import struct
from collections.abc import Sequence

import msgspec
import pytest
from eventually import eventually

from leafhub.dialects.base import Peer
from leafhub.mqtt_server import byte_path
from leafhub.mqtt_server.byte_path import LINGER_BYTES, TURN_BYTES, BytePath
from leafhub.mqtt_server.pipes import Pipe, PipeFailedError


class HandTransport(asyncio.Transport):
    """What was written, and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_read = True
        self.ends: list[str] = []

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("192.0.2.1", 40_000) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del high, low

    def pause_reading(self) -> None:
        assert self.is_read
        self.is_read = False

    def resume_reading(self) -> None:
        assert not self.is_read
        self.is_read = True

    def is_closing(self) -> bool:
        return "close" in self.ends or "abort" in self.ends

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ends.append("eof")

    def close(self) -> None:
        self.ends.append("close")

    def abort(self) -> None:
        self.ends.append("abort")


class HandSpeaker:
    """Says what a test gives it, and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.to_say = b""
        self.closing = False
        self.wants_input = True
        self.idle = True
        self.told: list[str] = []
        self.takes_them_in = True

    def opened(self, peer: Peer, *, is_final: bool) -> bool:
        self.told.append(f"opened {peer.address} {is_final}")
        return self.takes_them_in

    def located(self, peer: Peer) -> bool:
        self.told.append(f"located {peer.address}")
        if not self.takes_them_in:
            self.failed("turned away")
        return self.takes_them_in

    def receive(self, data: bytes) -> None:
        self.heard.append(data)

    def take_output(self) -> bytes:
        output, self.to_say = self.to_say, b""
        return output

    def congested(self) -> None:
        self.told.append("congested")

    def relieved(self) -> None:
        self.told.append("relieved")

    def failed(self, reason: str) -> None:
        self.told.append(f"failed {reason}")
        self.closing = True

    def lost(self, reason: str) -> None:
        self.told.append(f"lost {reason}")
        self.path.leave()

    def parted(self) -> None:
        self.told.append("parted")

    path: BytePath


class Turning:
    """A layer that turns every byte round, and has its own first and last words."""

    established = True

    def __init__(self, name: str) -> None:
        self._name = name
        self._output = b""
        self.ended = False

    def receive(self, data: bytes) -> bytes:
        if b"!" in data:
            self._output += b"what?"
            raise PipeFailedError(f"{self._name} fails")
        self.ended = b"." in data
        return self._name.encode() + data

    def send(self, data: bytes) -> None:
        self._output += data + self._name.encode() if data else b""

    def take_output(self) -> bytes:
        output, self._output = self._output, b""
        return output

    def close(self) -> bytes:
        return self.take_output() + b"bye " + self._name.encode()

    def describe(self, peer: Peer) -> Peer:
        return msgspec.structs.replace(peer, address=f"{peer.address} {self._name}")


def opened(
    pipes: Sequence[Pipe] = (), *, takes_them_in: bool = True, **options: float
) -> tuple[BytePath, HandSpeaker, HandTransport]:
    speaker, transport = HandSpeaker(), HandTransport()
    speaker.takes_them_in = takes_them_in
    path = BytePath(
        speaker,
        pipes,
        Peer(address="", tls=False),
        address_is_hidden=bool(options.get("address_is_hidden")),
        write_buffer_bytes=1_000,
        write_time_s=options.get("write_time_s", 60),
    )
    speaker.path = path
    path.connection_made(transport)
    return path, speaker, transport


async def turn() -> None:
    await asyncio.sleep(0)


async def test_layers_are_taken_off_from_below_and_put_on_from_above() -> None:
    path, speaker, transport = opened((Turning("a"), Turning("b")))
    path.data_received(b"hello")
    assert speaker.heard == [b"bahello"]
    speaker.to_say = b"hello"
    path.flush()
    assert transport.written == b"helloba"
    assert path.peer.address == "192.0.2.1 a b"


async def test_all_that_is_said_in_one_turn_is_written_at_once() -> None:
    path, speaker, transport = opened()
    speaker.to_say = b"one"
    path.flush_soon()
    path.flush_soon()
    assert transport.written == b""
    speaker.to_say += b"two"
    await turn()
    assert transport.written == b"onetwo"


async def test_a_layer_that_fails_says_its_last_word_and_ends_it() -> None:
    path, speaker, transport = opened((Turning("a"),))
    path.data_received(b"!")
    assert speaker.told[1:] == ["failed a fails", "lost closed"]
    assert transport.written == b"what?bye a"
    assert transport.ends == ["eof"]


async def test_much_at_a_time_is_taken_in_turns() -> None:
    path, speaker, transport = opened()
    data = bytes(3 * TURN_BYTES + 5)
    path.data_received(data)
    assert [len(each) for each in speaker.heard] == [TURN_BYTES]
    assert not transport.is_read
    path.eof_received()
    for _ in range(4):
        await turn()
    assert b"".join(speaker.heard) == data
    assert speaker.told[1:] == ["lost connection closed"]


async def test_who_does_not_read_is_not_read() -> None:
    """Answers of the layers, to pings say, would pile up."""
    path, speaker, transport = opened()
    path.pause_writing()
    assert (path.is_congested, transport.is_read) == (True, False)
    path.resume_writing()
    await turn()
    assert speaker.told[1:] == ["congested", "relieved"]
    path.flush()
    assert (path.is_congested, transport.is_read) == (False, True)


async def test_who_takes_nothing_is_cut() -> None:
    path, speaker, transport = opened(write_time_s=0.05)
    path.pause_writing()
    await asyncio.sleep(0.1)
    assert speaker.told[2:] == ["failed took nothing for write_time_s", "lost closed"]
    assert transport.ends == ["eof", "abort"]
    path.connection_lost(None)


async def test_reading_follows_what_the_speaker_wants() -> None:
    path, speaker, transport = opened()
    speaker.wants_input = False
    path.flush()
    assert not transport.is_read
    speaker.wants_input = True
    path.flush()
    assert transport.is_read


async def test_after_the_end_what_was_on_its_way_may_come_and_is_not_heard() -> None:
    path, speaker, transport = opened()
    speaker.wants_input = False
    path.flush()
    speaker.closing, speaker.to_say = True, b"last words"
    path.flush()
    assert (transport.written, transport.ends, transport.is_read) == (b"last words", ["eof"], True)
    path.data_received(b"x" * LINGER_BYTES)
    assert transport.ends == ["eof"]
    path.data_received(b"x")
    assert transport.ends == ["eof", "abort"]
    assert speaker.heard == []


async def test_a_client_that_cuts_it_before_the_hub_takes_leave_is_no_mistake() -> None:
    speaker = HandSpeaker()
    speaker.path = BytePath(
        speaker, (), Peer(address="", tls=False), write_buffer_bytes=1_000, write_time_s=60
    )

    async def told(what: str) -> bool:
        return any(one.startswith(what) for one in speaker.told)

    server = await asyncio.get_running_loop().create_server(lambda: speaker.path, "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    await eventually(lambda: told("opened"))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()  # a reset, which the loop has not seen yet
    speaker.path.leave()
    await eventually(lambda: told("parted"))
    server.close()
    await server.wait_closed()


async def test_after_both_ends_the_transport_closes() -> None:
    path, speaker, _ = opened()
    speaker.closing = True
    path.flush()
    assert path.eof_received() is False


async def test_who_stays_after_the_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_path, "CLOSE_GRACE_S", 0.05)
    path, speaker, transport = opened()
    speaker.closing = True
    path.flush()
    await asyncio.sleep(0.1)
    assert transport.ends == ["eof", "abort"]
    path.connection_lost(None)
    assert speaker.told[-1] == "parted"


async def test_a_client_that_said_all_is_answered_then_left() -> None:
    path, speaker, transport = opened()
    speaker.idle = False
    path.data_received(b"question")
    assert path.eof_received() is True
    await turn()
    assert (transport.ends, transport.is_read) == ([], False)
    speaker.idle, speaker.to_say = True, b"answer"
    path.flush()
    assert (transport.written, transport.ends) == (b"answer", ["close"])


async def test_a_layer_that_heard_the_end_ends_it() -> None:
    path, speaker, transport = opened((Turning("a"), Turning("b")))
    path.data_received(b"all.")
    assert speaker.heard == [b"baall."]
    assert speaker.told[1:] == ["lost connection closed"]
    assert transport.ends == ["close"]


async def test_who_is_turned_away_hears_nothing() -> None:
    path, speaker, transport = opened(takes_them_in=False)
    assert transport.ends == ["abort"]
    path.data_received(b"hello?")
    path.connection_lost(None)
    assert (speaker.heard, speaker.told) == ([], ["opened 192.0.2.1 True", "parted"])


@pytest.mark.parametrize("takes_them_in", [False, True])
async def test_a_hidden_address_is_told_before_the_next_layer_hears_anything(
    *, takes_them_in: bool
) -> None:
    path, speaker, _ = opened((Turning("a"), Turning("b")), address_is_hidden=True)
    speaker.takes_them_in = takes_them_in
    path.data_received(b"hello")
    assert speaker.told[:2] == ["opened 192.0.2.1 False", "located 192.0.2.1 a"]
    assert speaker.heard == ([b"bahello"] if takes_them_in else [])
    path.data_received(b"more")
    assert speaker.told.count("located 192.0.2.1 a") == 1


async def test_last_words_reach_a_client_that_was_still_sending() -> None:
    """A socket that is closed with bytes unread takes back what the client has not read yet."""
    paths: list[BytePath] = []

    def new() -> BytePath:
        speaker = HandSpeaker()
        speaker.path = BytePath(
            speaker,
            (),
            Peer(address="", tls=False),
            write_buffer_bytes=1_000,
            write_time_s=60,
        )
        speaker.closing, speaker.to_say = True, b"last words"
        paths.append(speaker.path)
        return speaker.path

    server = await asyncio.get_running_loop().create_server(new, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def talk() -> bytes:
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            for _ in range(4):
                client.sendall(bytes(100_000))
            found = b""
            while data := client.recv(100):
                found += data
            return found

    assert await asyncio.to_thread(talk) == b"last words"
    server.close()
    await server.wait_closed()
