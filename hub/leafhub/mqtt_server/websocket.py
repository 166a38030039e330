"""MQTT over WebSocket (MQTT 5.0 and 3.1.1 §6; RFC 6455): frames and handshake of ``websockets``.

A frame is only a piece of the stream: packets begin and end in it where they like.
"""

import logging
from collections.abc import Callable
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from leafhub.dialects.base import Peer
from leafhub.mqtt_server.pipes import PipeFailedError

HEADER_BYTES = 16_384
"""A request's header is no longer; cookies of other services on the same host may come with it."""
FRAME_SLACK_BYTES = 65_536
"""What a frame may hold above one largest packet: some smaller packets that go with it."""
_SUBPROTOCOLS = [Subprotocol("mqtt"), Subprotocol("mqttv3.1")]
_PIECES = frozenset({Opcode.BINARY, Opcode.CONT})

_library_log = logging.getLogger("websockets.server")
_library_log.setLevel(
    logging.WARNING
)  # its line for each connection says nothing that ours do not


class WebSocketPipe:
    """The server's end of one WebSocket connection; see ``Pipe``.

    Args:
        path: The one path that is served; ``None``: any.
        maximum_packet_bytes: Tells the longest packet that the client may send now.

    Attributes:
        established: Whether the handshake is over.
        ended: Whether the peer said that nothing more comes.
    """

    __slots__ = (
        "_failed",
        "_maximum_packet_bytes",
        "_path",
        "_protocol",
        "_unfinished_bytes",
        "ended",
        "established",
    )

    def __init__(self, path: str | None, maximum_packet_bytes: Callable[[], int]) -> None:
        self._path = path
        self._maximum_packet_bytes = maximum_packet_bytes
        self._protocol = ServerProtocol(
            subprotocols=_SUBPROTOCOLS, max_size=None, logger=_library_log
        )
        self._unfinished_bytes = 0
        self._failed = False
        self.established = False
        self.ended = False

    def receive(self, data: bytes) -> bytes:
        """See ``Pipe``."""
        if self.ended or self._failed or not data:
            return b""
        self._protocol.receive_data(data)
        events = self._protocol.events_received()
        self._unfinished_bytes = 0 if events else self._unfinished_bytes + len(data)
        pieces: list[bytes] = []
        for event in events:
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._take(event, pieces)
        self._refuse_what_is_none()
        return b"".join(pieces)

    def _take(self, frame: Frame, pieces: list[bytes]) -> None:
        if frame.opcode in _PIECES:
            pieces.append(bytes(frame.data))
        elif frame.opcode is Opcode.TEXT:
            self._protocol.fail(CloseCode.UNSUPPORTED_DATA, "MQTT comes in binary frames")
            raise self._failure("a text frame, where MQTT comes in binary ones (MQTT-6.0.0-1)")
        elif frame.opcode is Opcode.CLOSE:
            self.ended = True

    def _refuse_what_is_none(self) -> None:
        protocol = self._protocol
        if protocol.parser_exc is not None:
            raise self._failure(str(protocol.parser_exc) or "a broken frame")
        if not self.established:
            if protocol.handshake_exc is not None:
                raise self._failure(str(protocol.handshake_exc))
            if self._unfinished_bytes > HEADER_BYTES:
                raise self._failure(f"a header of more than {HEADER_BYTES} bytes")
        elif self._unfinished_bytes > self._maximum_packet_bytes() + FRAME_SLACK_BYTES:
            protocol.fail(CloseCode.MESSAGE_TOO_BIG, "longer than any packet may be")
            raise self._failure("a frame that is longer than any packet may be")

    def _shake_hands(self, request: Request) -> None:
        response = self._answer(request)
        self._protocol.send_response(response)
        self.established = response.status_code == HTTPStatus.SWITCHING_PROTOCOLS
        if not self.established:
            reason = self._protocol.handshake_exc or f"nothing is served at {request.path!r}"
            raise self._failure(str(reason))

    def _answer(self, request: Request) -> Response:
        if self._path is not None and request.path.partition("?")[0] != self._path:
            return self._protocol.reject(
                HTTPStatus.NOT_FOUND, f"MQTT over WebSocket is served at {self._path}.\n"
            )
        response = self._protocol.accept(request)
        if response.status_code == HTTPStatus.UPGRADE_REQUIRED:
            response = self._protocol.reject(
                HTTPStatus.UPGRADE_REQUIRED,
                "This is MQTT over WebSocket: connect with an MQTT client, like MQTT.js, to this "
                "address with ws:// or wss:// in place of http:// or https://.\n",
            )
            response.headers.update(Headers(Upgrade="websocket"))
        return response

    def _failure(self, reason: str) -> PipeFailedError:
        self._failed = True
        return PipeFailedError(f"no WebSocket: {reason}")

    def send(self, data: bytes) -> None:
        """See ``Pipe``."""
        if data and self._protocol.state is State.OPEN:
            self._protocol.send_binary(data)

    def take_output(self) -> bytes:
        """See ``Pipe``."""
        return b"".join(self._protocol.data_to_send())

    def close(self) -> bytes:
        """Take leave (RFC 6455 §7.1.2); the answer is not waited for."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
        output = self.take_output()
        self._protocol.reader.discard()
        self._protocol.parser.close()  # it holds the protocol, which nobody else does
        return output

    def describe(self, peer: Peer) -> Peer:
        """Add nothing: that it is a WebSocket makes no difference to who it is."""
        return peer
