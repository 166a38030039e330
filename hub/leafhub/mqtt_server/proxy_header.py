"""The header that a proxy puts before a connection: where it comes from (PROXY protocol 1 and 2).

haproxy's ``send-proxy-v2`` and ``send-proxy``, nginx's ``proxy_protocol on``; sections are those
of haproxy's proxy-protocol.txt.
"""

import ipaddress
from collections.abc import Iterator

import msgspec

from leafhub.dialects.base import Peer
from leafhub.mqtt_server.pipes import PipeFailedError

MAXIMUM_BYTES = 16_384
"""A header is no longer: addresses take 216 bytes, and a client's certificate some thousand."""
_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED_BYTES = 16
_MAXIMUM_LINE_BYTES = 107  # version 1, §2.1
_ADDRESS_BYTES = {0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216}
"""By family and protocol (§2.2): unspecified, TCP over IPv4, over IPv6, UNIX stream."""
_AUTHORITY, _SSL = 0x02, 0x20
_CLIENT_CERTIFICATE = 0x28
_IS_TLS, _HAS_CERTIFICATE = 0x01, 0x02


class ProxyPipe:
    """Takes the header off; see ``Pipe``.

    Attributes:
        established: Whether the header is over.
        ended: Never: a header cannot say that.
    """

    __slots__ = ("_buffer", "_learned", "_output", "established")

    ended = False

    def __init__(self) -> None:
        self._buffer = b""
        self._output = b""
        self._learned: dict[str, object] = {}
        self.established = False

    def receive(self, data: bytes) -> bytes:
        """See ``Pipe``."""
        if self.established:
            return data
        self._buffer += data
        start = self._buffer[: len(_SIGNATURE)]
        if start == _SIGNATURE:
            end = self._read_binary()
        elif _SIGNATURE.startswith(start):
            end = 0
        elif b"PROXY ".startswith(start[:6]):
            end = self._read_line()
        else:
            raise _failure("it does not start with one; is the client connected to the proxy?")
        if not end:
            return b""
        self.established = True
        rest, self._buffer = self._buffer[end:], b""
        return rest

    def _read_binary(self) -> int:
        """Version 2; gives where it ends, 0 while bytes are missing."""
        head = self._buffer[:_FIXED_BYTES]
        if len(head) < _FIXED_BYTES:
            return 0
        version, command = head[12] >> 4, head[12] & 0x0F
        if version != 2 or command > 1:
            raise _failure(f"version {version}, command {command}; 2 and 0 or 1 are known")
        end = _FIXED_BYTES + int.from_bytes(head[14:16])
        if end > MAXIMUM_BYTES:
            raise _failure(f"{end} bytes; {MAXIMUM_BYTES} are taken")
        if len(self._buffer) < end:
            return 0
        if command == 1:  # else the proxy itself connects, to see whether the hub is there
            self._read_addresses(head[13], self._buffer[_FIXED_BYTES:end])
        return end

    def _read_addresses(self, family: int, block: bytes) -> None:
        length = _ADDRESS_BYTES.get(family)
        if length is None or length > len(block):
            raise _failure(f"address family {family:#04x} with {len(block)} bytes")
        if family == 0x11:
            self._learned["address"] = str(ipaddress.IPv4Address(block[:4]))
        elif family == 0x21:
            self._learned["address"] = str(ipaddress.IPv6Address(block[:16]))
        elif family == 0x31:
            self._learned["address"] = "unix"
        for kind, value in _entries(block[length:]):
            if kind == _AUTHORITY:
                self._learned["server_name"] = value.decode("utf-8", "replace").lower()
            elif kind == _SSL:
                self._read_tls(value)

    def _read_tls(self, block: bytes) -> None:
        """§2.2.6: what the proxy knows from the TLS between the client and itself."""
        if len(block) < 5:
            raise _failure("an entry about TLS that is cut off")
        self._learned["tls"] = bool(block[0] & _IS_TLS)
        if block[0] & _HAS_CERTIFICATE:
            shown = [value for kind, value in _entries(block[5:]) if kind == _CLIENT_CERTIFICATE]
            self._learned["certificates"] = tuple(shown[:1])

    def _read_line(self) -> int:
        """Version 1; gives where it ends, 0 while bytes are missing."""
        line, found, _ = self._buffer[:_MAXIMUM_LINE_BYTES].partition(b"\r\n")
        if not found:
            if len(self._buffer) >= _MAXIMUM_LINE_BYTES:
                raise _failure("a line without an end")
            return 0
        words = line.decode("ascii", "replace").split(" ")
        if words[1] == "UNKNOWN":
            return len(line) + 2
        try:
            _, family, source, _target, _port, _target_port = words
            version = {"TCP4": 4, "TCP6": 6}[family]
            address = ipaddress.ip_address(source)
        except (ValueError, KeyError) as exc:
            raise _failure(f"a line that is none: {exc}") from exc
        if address.version != version:
            raise _failure(f"{source} is no address of {family}")
        self._learned["address"] = str(address)
        return len(line) + 2

    def send(self, data: bytes) -> None:
        """See ``Pipe``: the way back has no header."""
        self._output += data

    def take_output(self) -> bytes:
        """See ``Pipe``."""
        output, self._output = self._output, b""
        return output

    def close(self) -> bytes:
        """See ``Pipe``."""
        return self.take_output()

    def describe(self, peer: Peer) -> Peer:
        """Put in the client's address for the proxy's, and what the proxy knows of it."""
        return msgspec.structs.replace(peer, **self._learned)


def _entries(block: bytes) -> Iterator[tuple[int, bytes]]:
    """The entries of type, length and value (§2.2)."""
    while block:
        end = 3 + int.from_bytes(block[1:3])
        if len(block) < max(3, end):
            raise _failure("an entry that is cut off")
        yield block[0], block[3:end]
        block = block[end:]


def _failure(reason: str) -> PipeFailedError:
    return PipeFailedError(f"no header of the PROXY protocol: {reason}")
