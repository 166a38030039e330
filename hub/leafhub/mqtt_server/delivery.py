"""Messages on their way to one client: as fast as it reads, and others have their turn."""

import asyncio
import time
from collections.abc import Iterator

from leafhub.mqtt.session import Connection, OutgoingMessage, SendResult
from leafhub.mqtt_server.byte_path import BytePath


class Delivery:
    """Gives messages to the protocol, and sees that they are written before they pile up.

    Args:
        connection: The protocol.
        path: Where its bytes go.
        write_buffer_bytes: Messages sent in one turn of the loop are written once they come to
            more than that.

    Attributes:
        dropped: Messages that were lost on the client since it last read.
    """

    __slots__ = (
        "_connection",
        "_fill_is_due",
        "_loop",
        "_path",
        "_unsaid_bytes",
        "_write_buffer_bytes",
        "dropped",
    )

    def __init__(self, connection: Connection, path: BytePath, write_buffer_bytes: int) -> None:
        self._connection = connection
        self._path = path
        self._write_buffer_bytes = write_buffer_bytes
        self._loop = asyncio.get_running_loop()
        self._unsaid_bytes = 0
        self._fill_is_due = False
        self.dropped = 0

    def send(self, message: OutgoingMessage) -> SendResult:
        """Give the client a message; a QoS 0 message is lost on a client that does not read."""
        if self._path.is_congested and message.qos == 0:
            result = SendResult.DROPPED
            if self._connection.state is not None:
                self._connection.state.dropped += 1
        else:
            result = self._connection.send(message, time.monotonic())
            self._unsaid_bytes += message.held_bytes
        if self._unsaid_bytes > self._write_buffer_bytes:
            self._path.write()  # a thousand messages may be sent in one turn of the loop
        self._path.flush_soon()
        if result is SendResult.DROPPED:
            self.dropped += 1
        return result

    def add_backlog(self, topic_filter: str, messages: Iterator[OutgoingMessage | None]) -> None:
        """Give the client many messages, as fast as it takes them."""
        self._connection.add_backlog(topic_filter, messages, time.monotonic())
        self._path.flush_soon()

    def take_output(self) -> bytes:
        """Take what is to be said now; more of a backlog follows when others had their turn."""
        self._unsaid_bytes = 0
        output = self._connection.take_output()
        if self._connection.can_fill and not (self._fill_is_due or self._path.is_congested):
            self._fill_is_due = True
            self._loop.call_soon(self._fill)
        return output

    def _fill(self) -> None:
        self._fill_is_due = False
        if not self._connection.closing and not self._path.is_congested:
            self._connection.fill(time.monotonic())
            self._path.flush()
