"""The server's end of a WebSocket on a transport that a test holds in its hand."""

import asyncio

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol as Frames
from websockets.protocol import Side

from leafhub.http_server.websocket import WebSocket
from leafhub.mqtt.limits import QueueBudget

ANSWER = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class HandTransport(asyncio.Transport):
    """Keeps what is written.

    Attributes:
        waits: Bytes that the peer has not read.
        is_paused: Whether nothing is read from the peer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.socket: WebSocket | None = None
        self.written = b""
        self.waits = 0
        self.is_paused = False
        self.is_ended = False
        self.was_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.waits

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def is_closing(self) -> bool:
        return self.is_ended

    def close(self) -> None:
        self.is_ended = True

    def abort(self) -> None:
        self.is_ended = self.was_aborted = True


class HandListener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.messages: list[bytes] = []

    def on_open(self) -> None:
        self.told.append("open")

    def on_message(self, data: bytes) -> None:
        self.messages.append(data)

    def on_pong(self, payload: bytes) -> None:
        self.told.append(f"pong {payload.decode()}")

    def on_room(self) -> None:
        self.told.append("room")

    def on_end(self) -> None:
        self.told.append("end")


class HandSocket:
    """An open socket, and the client's view of it."""

    def __init__(self, budget: QueueBudget | None = None) -> None:
        self.budget = budget or QueueBudget()
        self.listener = HandListener()
        self.transport = HandTransport()
        self.is_lost = False
        self.socket = WebSocket(ANSWER, self.budget, "ada@192.0.2.1")
        self.socket.listener = self.listener
        self.socket.on_lost = self._lost
        self.socket.connection_made(self.transport)
        self._client = Frames(Side.CLIENT)
        self._read = len(ANSWER)

    def say(self, *frames: Frame) -> None:
        """Let the client send frames in one go."""
        self.socket.data_received(b"".join(frame.serialize(mask=True) for frame in frames))

    def heard(self) -> list[Frame]:
        """What the client was sent since it last looked."""
        data, self._read = self.transport.written[self._read :], len(self.transport.written)
        self._client.receive_data(data)
        return [event for event in self._client.events_received() if isinstance(event, Frame)]

    def goodbye(self) -> Close:
        """The close frame that the client was sent."""
        last = self.heard()[-1]
        assert last.opcode is Opcode.CLOSE
        return Close.parse(last.data)

    def lose(self) -> None:
        """The connection is gone."""
        self.socket.connection_lost(None)

    def _lost(self) -> None:
        self.is_lost = True
