"""The server's end of a WebSocket that mostly sends (RFC 6455): frames of ``websockets``.

Nothing is kept for a client but what the transport holds, and that is bounded: whoever does not
read what it is sent, or shows no sign of life, is dropped. Nobody else waits for that.
"""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from litestar.exceptions import HTTPException
from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol as Frames
from websockets.protocol import Side, State
from websockets.server import ServerProtocol

from leafhub.http_server.successors import Successor
from leafhub.mqtt.limits import QueueBudget

PING_S: Final = 5.0  # as Drogue Cloud does it
PING: Final = b"PING"
SILENCE_S: Final = 10.0
"""Whoever has sent nothing for so long, not even a pong, nor read anything, is gone."""
UNREAD_BYTES: Final = 1_048_576
"""Where more waits for one client, it gets nothing further: a burst is less, for it reads."""
MESSAGE_BYTES: Final = 65_536
"""No message of a client is longer; they say little."""
GOODBYE_S: Final = 2.0
"""After a Close frame a client has so long for its own, and to read what was sent before."""
_REASON_BYTES: Final = 123  # in a Close frame, beside its code (§5.5)

_log = logging.getLogger(__name__)
_library_log = logging.getLogger("websockets.server")
_library_log.setLevel(logging.WARNING)  # below that it repeats what is said here


class Listener(Protocol):
    """Who is behind a WebSocket; called in the event loop's thread, and returns at once."""

    def on_open(self) -> None:
        """It is open."""
        ...

    def on_message(self, data: bytes) -> None:
        """A message, of text or bytes; text is UTF-8."""
        ...

    def on_pong(self, payload: bytes) -> None:
        """The client has what was sent before the ping with that payload."""
        ...

    def on_room(self) -> None:
        """The client reads again."""
        ...

    def on_end(self) -> None:
        """Nothing more comes, and nothing more can be sent."""
        ...


def answer(scope: Mapping[str, Any]) -> bytes:
    """The answer that switches a request to WebSocket, as it goes over the wire (§4.2.2).

    Raises:
        HTTPException: It is no opening handshake of a WebSocket, version 13.
    """
    headers = Headers(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    )
    if headers.get_all("Transfer-Encoding") or headers.get("Content-Length", "0") != "0":
        raise HTTPException("The opening handshake has no body.", status_code=400)
    protocol = f"HTTP/{scope['http_version']}"
    request = Request(scope["path"], headers, scope["method"], protocol)
    response = ServerProtocol(logger=_library_log).accept(request)
    status = response.status_code
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        return response.serialize()
    if status == HTTPStatus.UPGRADE_REQUIRED:
        raise HTTPException(
            "This is served by WebSocket: connect to this address with ws:// or wss:// in place "
            "of http:// or https://.",
            status_code=status,
            headers={"Upgrade": "websocket"},
        )
    raise HTTPException((response.body or b"").decode().strip(), status_code=status)


def text_frame(text: bytes) -> bytes:
    """A message of text, UTF-8, as it goes over the wire; the same for every client."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class WebSocket(Successor):
    """One connection.

    Args:
        answer: What switches it.
        budget: What waits for all clients of the hub.

    Attributes:
        listener: Who is behind it; set before it is connected.
        name: How the log calls it.
    """

    listener: Listener

    def __init__(self, answer: bytes, budget: QueueBudget, name: str) -> None:
        self.name = name
        self._answer = answer
        self._budget = budget
        self._frames = Frames(
            Side.SERVER, state=State.OPEN, max_size=MESSAGE_BYTES, logger=_library_log
        )
        self._transport: asyncio.Transport | None = None
        self._unread_bytes = 0
        self._is_full = False
        self._heard_s = 0.0
        self._beat_due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether something may be sent."""
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and self._frames.state is State.OPEN
        )

    @property
    def has_room(self) -> bool:
        """Whether the client has read most of what it was sent."""
        return self.is_open and not self._is_full

    def send(self, frame: bytes) -> None:
        """Send a frame, or drop the client where too much waits for it already."""
        if not self.is_open or self._transport is None:
            return
        waits = self._transport.get_write_buffer_size()
        if waits > UNREAD_BYTES or (waits and not self._budget.has_room(len(frame))):
            self._budget.dropped += 1
            self.drop(f"it does not read: {waits} bytes wait for it")
            return
        self._transport.write(frame)
        self._count()

    def ping(self, payload: bytes) -> None:
        """Ask for a sign of life, or for the news that all before it has come; 125 bytes."""
        if self.is_open:
            self._frames.send_ping(payload)
            self._write()

    def close(self, code: CloseCode, reason: str, time_s: float = GOODBYE_S) -> None:
        """Say goodbye (§7.1.2), and end within that time."""
        if not self.is_open:
            return
        self._frames.send_close(code, _clipped(reason))
        self._write()
        self._end_within(time_s)
        _log.info("%s: closed with %d %s", self.name, code, reason)

    def drop(self, why: str) -> None:
        """End at once, without a word."""
        if self._transport is not None:
            _log.info("%s: dropped: %s", self.name, why)
            self._transport.abort()

    def leave(self, time_s: float) -> None:
        """See ``Successor``."""
        if self.is_open:
            self.close(CloseCode.GOING_AWAY, "the hub is stopping", time_s)
        elif self._transport is not None:
            self._end_within(time_s)

    # What the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is this one's from now on."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._answer)
        self._answer = b""
        self._heard_s = asyncio.get_running_loop().time()
        self._beat_later()
        self.listener.on_open()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._heard_s = asyncio.get_running_loop().time()
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            if isinstance(event, Frame):
                self._take(event)
        self._write()
        if self._frames.parser_exc is not None:
            _log.info("%s: broke the protocol: %s", self.name, self._frames.parser_exc)
        if self._frames.close_expected() and self._frames.eof_sent and self._transport is not None:
            self._transport.close()
            self._end_within(GOODBYE_S)

    def eof_received(self) -> None:
        """The client sends nothing more: neither does the hub."""

    def pause_writing(self) -> None:
        """The client does not read: it gets no answers to still more pings either."""
        self._is_full = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads."""
        self._is_full = False
        self._count()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        if self.is_open:
            self.listener.on_room()

    def connection_lost(self, _: Exception | None) -> None:
        """The connection is gone."""
        self._stop_timer()
        self._budget.used_bytes -= self._unread_bytes
        self._unread_bytes = 0
        self._transport = None
        self._frames.parser.close()  # each holds the other
        self.on_lost()
        self.listener.on_end()

    # Behind

    def _take(self, frame: Frame) -> None:
        if not self.is_open:
            return  # it has been told goodbye, or said so
        if frame.opcode is Opcode.PONG:
            self.listener.on_pong(bytes(frame.data))
        elif frame.opcode in {Opcode.TEXT, Opcode.BINARY} and not frame.fin:
            self.drop("it sends its message in pieces")  # as Drogue Cloud does it
        elif frame.opcode is Opcode.TEXT and not _is_utf8(frame.data):
            self.close(CloseCode.INVALID_DATA, "text is UTF-8")
        elif frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self.listener.on_message(bytes(frame.data))

    def _write(self) -> None:
        data = b"".join(self._frames.data_to_send())
        if data and self._transport is not None:
            self._transport.write(data)
            self._count()

    def _count(self) -> None:
        """Keep the account of what waits for all clients."""
        waits = 0 if self._transport is None else self._transport.get_write_buffer_size()
        self._budget.used_bytes += waits - self._unread_bytes
        self._unread_bytes = waits

    def _beat_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._beat_due_s = loop.time() + PING_S
        self._timer = loop.call_at(self._beat_due_s, self._beat)

    def _beat(self) -> None:
        now_s = asyncio.get_running_loop().time()
        waited = self._unread_bytes
        self._count()
        if self._unread_bytes < waited:
            self._heard_s = now_s  # it reads what is in front of the ping
        silence_s = now_s - self._heard_s
        is_late = now_s - self._beat_due_s > PING_S  # the hub stood still: it may have to read yet
        if silence_s >= SILENCE_S and not is_late:
            self.drop(f"no sign of life for {silence_s:.0f} s")
        else:
            self.ping(PING)
            self._beat_later()

    def _end_within(self, time_s: float) -> None:
        self._stop_timer()
        if self._transport is not None:
            self._timer = asyncio.get_running_loop().call_later(time_s, self._transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _is_utf8(data: bytes | bytearray | memoryview) -> bool:
    try:
        bytes(data).decode()
    except UnicodeDecodeError:
        return False
    return True


def _clipped(reason: str) -> str:
    """As much of it as a Close frame holds."""
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore")
