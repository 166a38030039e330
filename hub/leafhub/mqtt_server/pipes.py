"""What may stand between a transport and MQTT: layers of bytes in and bytes out.

Listed from the transport upwards, what a client sends goes through each layer's ``receive``, and
what the hub says through each one's ``send`` the other way. No layer knows the next one, none does
any I/O, so each is tested with bytes alone.
"""

from typing import Protocol

from leafhub.dialects.base import Peer


class PipeFailedError(Exception):
    """The peer does not speak this layer as it should; the text is a sentence for the log."""


class Pipe(Protocol):
    """One layer of one connection, the server's end."""

    @property
    def established(self) -> bool:
        """Whether the handshake of this layer is over, so that ``describe`` tells all."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the peer said that nothing more comes."""
        ...

    def receive(self, data: bytes) -> bytes:
        """Take what came from below; gives what the peer meant by it.

        Raises:
            PipeFailedError: Why it cannot go on; ``take_output`` may hold a last word to the peer.
        """
        ...

    def send(self, data: bytes) -> None:
        """Wrap up what is to be said; after an end or a failure nothing is."""
        ...

    def take_output(self) -> bytes:
        """Take the bytes that the layer below is to send now."""
        ...

    def close(self) -> bytes:
        """Take leave; gives all that is still to be sent."""
        ...

    def describe(self, peer: Peer) -> Peer:
        """Add what this layer knows of the peer."""
        ...
