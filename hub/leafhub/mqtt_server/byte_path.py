"""The way of the bytes of one connection: a transport, layers upon it, and a speaker on top."""

import asyncio
from collections.abc import Sequence
from typing import Protocol, cast

import msgspec

from leafhub.dialects.base import Peer
from leafhub.mqtt_server.pipes import Pipe, PipeFailedError

CLOSE_GRACE_S = 3.0
"""How long the last bytes may take to leave, and the client to go, before the transport is cut."""
LINGER_BYTES = 1_048_576
"""What a client may still send while it is left; it was on its way, and nobody reads it."""
TURN_BYTES = 65_536
"""Bytes of one connection that are handled before others have their turn: deciphering them takes
some 2 ms on a Raspberry Pi without AES instructions."""


class Speaker(Protocol):
    """What stands on top: it takes what the client said, and has something to say."""

    @property
    def closing(self) -> bool:
        """Whether the connection is to end once all is said."""
        ...

    @property
    def wants_input(self) -> bool:
        """Whether it can take more."""
        ...

    @property
    def idle(self) -> bool:
        """Whether nothing that the client said is still unanswered."""
        ...

    def opened(self, peer: Peer, *, is_final: bool) -> bool:
        """A client is there; ``False`` turns it away without a word.

        Args:
            peer: How it reached the hub.
            is_final: Whether the address is its own; else ``located`` brings that.
        """
        ...

    def located(self, peer: Peer) -> bool:
        """The client's own address is known; ``False`` cuts it off."""
        ...

    def receive(self, data: bytes) -> None:
        """Bytes came."""
        ...

    def take_output(self) -> bytes:
        """Take what is to be said now."""
        ...

    def congested(self) -> None:
        """The client does not read."""
        ...

    def relieved(self) -> None:
        """The client reads again."""
        ...

    def failed(self, reason: str) -> None:
        """The connection cannot go on; ``closing`` is true when this returns."""
        ...

    def lost(self, reason: str) -> None:
        """Nothing more can be heard or said, unless the speaker ended it itself."""
        ...

    def parted(self) -> None:
        """The transport is gone; the last call there is."""
        ...


class BytePath(asyncio.Protocol):
    """A transport's bytes through layers to a speaker, and back.

    Args:
        speaker: What stands on top.
        pipes: The layers, from the transport upwards.
        peer: How the client reached the hub, but for the address and what the layers will tell.
        address_is_hidden: Whether the lowest layer tells the client's own address.
        write_buffer_bytes: Unsent bytes from which on the speaker is congested.
        write_time_s: A congested client that takes no byte for so long is cut off.
    """

    __slots__ = (
        "_address_is_hidden",
        "_cutter",
        "_flush_is_due",
        "_left",
        "_loop",
        "_passed_bytes",
        "_peer",
        "_pipes",
        "_reading",
        "_said_all",
        "_speaker",
        "_transport",
        "_waiting",
        "_write_buffer_bytes",
        "_write_time_s",
        "_write_timer",
        "_written_bytes",
    )

    def __init__(
        self,
        speaker: Speaker,
        pipes: Sequence[Pipe],
        peer: Peer,
        *,
        address_is_hidden: bool = False,
        write_buffer_bytes: int,
        write_time_s: float,
    ) -> None:
        self._speaker = speaker
        self._pipes = pipes
        self._peer = peer
        self._address_is_hidden = address_is_hidden
        self._write_buffer_bytes = write_buffer_bytes
        self._write_time_s = write_time_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._write_timer: asyncio.TimerHandle | None = None  # runs while the client does not read
        self._cutter: asyncio.TimerHandle | None = None
        self._waiting = b""  # came in one piece that is too long for one turn
        self._written_bytes = 0
        self._passed_bytes = 0
        self._flush_is_due = False
        self._reading = True
        self._said_all = False
        self._left = False

    # ---- for the speaker

    @property
    def peer(self) -> Peer:
        """How the client reached the hub, as far as it is known yet."""
        peer = self._peer
        for pipe in self._pipes:
            peer = pipe.describe(peer)
        return peer

    @property
    def is_congested(self) -> bool:
        """Whether the client does not read."""
        return self._write_timer is not None

    def flush_soon(self) -> None:
        """Write once for all that is said in this turn of the loop."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self.flush)

    def write(self) -> None:
        """Write what the speaker has to say; nothing else follows from it yet."""
        if not self._left:
            self._write(self._take_output())

    def flush(self) -> None:
        """Write what the speaker has to say, read on if it can take more, end if it is to end."""
        self._flush_is_due = False
        if self._transport is None or self._left:
            return
        self._write(self._take_output())
        if self._speaker.closing:
            self._speaker.lost("closed")
        elif self._said_all and not self._waiting and self._speaker.idle:
            self._speaker.lost("connection closed")
        else:
            self._update_reading()

    def leave(self) -> None:
        """Write what is left, take leave and close; the speaker hears nothing more."""
        if self._left:
            return
        self._left = True
        self._waiting = b""
        self._stop_watching()
        transport = self._transport
        if transport is None:
            return
        self._write(self._take_output(leaving=True))
        if self._said_all or transport.is_closing() or not transport.can_write_eof():
            transport.close()
        else:  # a transport that is closed with bytes unread takes back what was written last
            try:
                transport.write_eof()
            except OSError:  # the client was quicker, and cut it
                transport.abort()
                return
            if not self._reading:
                transport.resume_reading()
        self._cutter = self._loop.call_later(CLOSE_GRACE_S, transport.abort)

    def abort(self) -> None:
        """Cut it, whatever is still to be written."""
        if self._transport is not None:
            self._transport.abort()

    # ---- for the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport = transport
        peername = transport.get_extra_info("peername")
        address = str(peername[0]) if peername else "unknown"
        self._peer = msgspec.structs.replace(self._peer, address=address)
        if not self._speaker.opened(self._peer, is_final=not self._address_is_hidden):
            self._left = True
            transport.abort()
            return
        transport.set_write_buffer_limits(high=self._write_buffer_bytes)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._left:
            self._let_pass(data)
            return
        self._waiting = data[TURN_BYTES:]
        if self._waiting:
            data = data[:TURN_BYTES]
            self._loop.call_soon(self._take_waiting)
        data = self._unwrap(data)
        if data:
            self._speaker.receive(data)
        self.flush()

    def eof_received(self) -> bool:
        """The client will send no more; what it sent is handled, then the connection ends."""
        self._said_all = True
        self.flush_soon()
        return not self._left

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone."""
        self._transport = None
        if self._cutter is not None:
            self._cutter.cancel()
        if not self._left:
            self._speaker.lost(f"connection lost: {exc}" if exc else "connection closed")
        self._speaker.parted()
        self._pipes = ()
        del self._speaker  # else rings keep TLS and buffers until the garbage collector comes

    def pause_writing(self) -> None:
        """The client does not read; neither do we, until it does, or too long passed."""
        self._speaker.congested()
        self._watch_client_read()
        self._update_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_watching()
        self._loop.call_soon(self._speaker.relieved)

    # ---- inside

    def _let_pass(self, data: bytes) -> None:
        self._passed_bytes += len(data)
        if self._passed_bytes > LINGER_BYTES and self._transport is not None:
            self._transport.abort()

    def _take_waiting(self) -> None:
        if self._waiting:
            self.data_received(self._waiting)

    def _unwrap(self, data: bytes) -> bytes:
        """Take the layers off; what is none of theirs ends the connection."""
        try:
            for pipe in self._pipes:
                data = pipe.receive(data)
                self._said_all = self._said_all or pipe.ended
                if self._address_is_hidden and pipe.established:
                    self._address_is_hidden = False
                    if not self._speaker.located(pipe.describe(self._peer)):
                        return b""
        except PipeFailedError as exc:
            self._speaker.failed(str(exc))
            return b""
        return data

    def _take_output(self, *, leaving: bool = False) -> bytes:
        output = self._speaker.take_output()
        for pipe in reversed(self._pipes):
            pipe.send(output)
            output = pipe.close() if leaving else pipe.take_output()
        return output

    def _write(self, output: bytes) -> None:
        if output and self._transport is not None and not self._transport.is_closing():
            self._written_bytes += len(output)
            self._transport.write(output)

    def _update_reading(self) -> None:
        """Read only while the client's packets need not wait."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        reading = not (self._said_all or self._waiting or self.is_congested)
        reading = reading and self._speaker.wants_input
        if reading and not self._reading:
            transport.resume_reading()
        elif self._reading and not reading:
            transport.pause_reading()
        self._reading = reading

    def _watch_client_read(self) -> None:
        """Cut a client that takes no byte for ``write_time_s``; a slow one is let be."""
        if self._transport is None or self._left:
            return
        taken_bytes = self._written_bytes - self._transport.get_write_buffer_size()
        self._write_timer = self._loop.call_later(
            self._write_time_s, self._on_write_timer, taken_bytes
        )

    def _on_write_timer(self, taken_before_bytes: int) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._written_bytes - transport.get_write_buffer_size() > taken_before_bytes:
            self._watch_client_read()
            return
        self._speaker.failed("took nothing for write_time_s")
        self.flush()
        transport.abort()

    def _stop_watching(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
