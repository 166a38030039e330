"""A connected socket, with TLS or without, on which nothing ever waits past its deadline.

umqtt.simple reads and writes this instead of a socket. A socket's own timeout is no help: umqtt
erases it by ``setblocking(True)``, and TLS sockets have none. So the socket never blocks; what
waits is a poll of the plain socket below TLS, with the time that is left.
"""

import errno
import select
import socket
import time

from micropython import const

from leaf.errors import HungUp, LinkLost

_TX_SIZE = const(512)  # bytes; umqtt writes a packet in five pieces, this sends it in one
_RX_MAX = const(8192)  # bytes in one piece (topic or payload); more is a mistake or an attack
_DRAIN_MS = const(20)  # how exactly the end of draining is timed
_SLICE_MS = const(100)  # TLS may wait for another direction than we: look again after this


class Stream:
    """One connection to ``host``: made, guarded and closed here.

    ``received`` counts the bytes that came, ``last_rx`` and ``last_tx`` are the ticks (ms) of the
    last traffic, ``idle`` tells that a read without patience found nothing.
    """

    def __init__(self):
        self._tx = bytearray(_TX_SIZE)
        self._tx_view = memoryview(self._tx)
        self._one = bytearray(1)
        self._filled = 0
        self._patient = True
        self._shaking = False
        self._socket = self._io = None
        self._poll = select.poll()
        self.received = 0
        self.idle = False
        self._deadline = self.last_rx = self.last_tx = time.ticks_ms()

    def allow(self, ms):
        """Let all that follows, taken together, wait at most ``ms`` from now."""
        self._deadline = time.ticks_add(time.ticks_ms(), ms)

    def open(self, host, port, context=None, server_name=None):
        """Connect; with ``context`` by TLS, and only to who proves to be ``server_name``.

        Raises:
            LinkLost: Unknown name, nobody there, or no answer in time.
        """
        try:
            address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        except (OSError, IndexError):
            raise LinkLost("the name %s is not known" % host)
        self._socket = raw = socket.socket()
        raw.setblocking(False)
        self._poll.register(raw, select.POLLOUT)
        try:
            raw.connect(address)
        except OSError as exc:
            if exc.errno != errno.EINPROGRESS:
                raise LinkLost(in_words(exc))
            while not self._wait(select.POLLOUT):
                pass
        self.last_rx = self.last_tx = time.ticks_ms()
        self._io = raw
        # TLS shakes hands with the first bytes written: then the deadline covers it, too.
        self._shaking = context is not None
        if self._shaking:
            try:
                self._io = context.wrap_socket(
                    raw, server_hostname=server_name, do_handshake_on_connect=False
                )
            except (OSError, ValueError) as exc:
                raise LinkLost(in_words(exc))

    def wait_readable(self, ms):
        """Sleep until something comes in, at most ``ms``. Read first: TLS may hold bytes back."""
        self._poll.modify(self._socket, select.POLLIN)
        self._poll.poll(ms)

    def read(self, count):
        """Return exactly ``count`` bytes; with ``setblocking(False)`` None if there is not one.

        The buffer for a single byte is used again by the next read.

        Raises:
            LinkLost: Deadline, end of the connection, or more than is sane.
        """
        self.flush()
        if not 0 <= count <= _RX_MAX:
            raise LinkLost("a message of the hub is too large")
        buffer = self._one if count == 1 else bytearray(count)
        view = memoryview(buffer)
        done = 0
        while done < count:
            try:
                got = self._io.readinto(view[done:])
            except (OSError, ValueError) as exc:
                reset = isinstance(exc, OSError) and abs(exc.errno or 0) == errno.ECONNRESET
                raise (HungUp if reset else LinkLost)(in_words(exc))
            if got:
                done += got
                self.received += got
                self.last_rx = time.ticks_ms()
            elif got is not None:
                raise HungUp("the hub has closed the connection")
            elif self._patient or done:
                self._wait(select.POLLIN)
            else:
                self.idle = True
                return None
        return buffer

    def write(self, data, count=None):
        """Take ``data`` (its first ``count`` bytes); it leaves with the next read or flush."""
        count = len(data) if count is None else count
        start = 0
        while start < count:
            if self._filled == _TX_SIZE:
                self.flush()
            size = min(count - start, _TX_SIZE - self._filled)
            end = self._filled + size
            self._tx_view[self._filled : end] = memoryview(data)[start : start + size]
            self._filled = end
            start += size
        return count

    def flush(self):
        """Send all that was written.

        Raises:
            LinkLost: Deadline, end of the connection, or a certificate that proves nothing.
        """
        start = 0
        while start < self._filled:
            try:
                sent = self._io.write(self._tx_view[start : self._filled])
            except (OSError, ValueError) as exc:
                raise LinkLost(in_words(exc))
            if sent is None:
                self._wait(select.POLLIN if self._shaking else select.POLLOUT)
            else:
                self._shaking = False
                start += sent
                self.last_tx = time.ticks_ms()
        self._filled = 0

    def discard(self):
        """Forget what is still to be sent: Ctrl-C may come after it was and before we note it."""
        self._filled = 0

    def drain(self):
        """Read and forget until the other side closes, or until the deadline.

        To close with something unread would reset the connection, and what we sent last be lost.
        """
        scrap = bytearray(64)
        while time.ticks_diff(self._deadline, time.ticks_ms()) > 0:
            try:
                got = self._io.readinto(scrap)
            except (OSError, ValueError):  # reset, as good as closed
                return
            if got == 0:
                return
            if got is None:
                self._poll.modify(self._socket, select.POLLIN)
                self._poll.poll(_DRAIN_MS)

    def close(self):
        """Give the socket back to the system, whatever its state."""
        outermost = self._io or self._socket  # TLS closes the socket below it
        self._io = self._socket = None
        try:
            if outermost is not None:
                outermost.close()
        except OSError:  # it was dead already
            pass

    def setblocking(self, flag):
        """Take umqtt's wish for patience; the deadline stays."""
        self._patient = flag

    def settimeout(self, _seconds):
        """Ignore umqtt's timeout (1.5 and later): ours is stricter."""

    def connect(self, _address):
        """Do nothing: ``open`` has connected already."""

    def _wait(self, events):
        """Wait for ``events`` on the plain socket for a moment, or until the deadline."""
        left = time.ticks_diff(self._deadline, time.ticks_ms())
        if left <= 0:
            raise LinkLost("the hub does not answer in time")
        self._poll.modify(self._socket, events)
        return self._poll.poll(min(left, _SLICE_MS))


def in_words(exc):
    """Return in one line what a socket's or TLS's exception means."""
    if isinstance(exc, ValueError):  # so TLS reports a certificate that proves nothing
        return "the hub's certificate is refused: " + " ".join(str(exc).split())
    if len(exc.args) > 1:
        return str(exc.args[1])
    code = abs(exc.errno or 0)
    return errno.errorcode.get(code, "error %d" % code)
