"""Every error Leafhub raises on purpose, under one root.

Four families, by who can put it right: the peer (it broke the protocol), whoever wrote the
payload, the machine (a resource is away: try again), and the person at the keyboard (something
asked for or configured is wrong).
"""


class HubError(Exception):
    """Root of the tree; catch it only at the outermost border."""


class ProtocolError(HubError):
    """The peer broke MQTT.

    Args:
        reason: What was wrong, for the log.
        section: Section of the standard that says so, like ``"3.3.2.1"``.
        reason_code: MQTT 5.0 reason code (§2.4) for DISCONNECT or CONNACK, 0x80..0xA2.
    """

    default_reason_code = 0x82  # Protocol Error

    def __init__(self, reason: str, *, section: str, reason_code: int | None = None) -> None:
        super().__init__(f"{reason} (MQTT §{section})")
        self.reason = reason
        self.section = section
        self.reason_code = self.default_reason_code if reason_code is None else reason_code


class MalformedPacketError(ProtocolError):
    """The bytes are not a packet (MQTT 5.0 §1.2, Malformed Packet)."""

    default_reason_code = 0x81


class PacketTooLargeError(ProtocolError):
    """The packet is longer than the receiver accepts (MQTT 5.0 §3.1.2.11.4)."""

    default_reason_code = 0x95


class UnsupportedProtocolError(ProtocolError):
    """A CONNECT with a protocol name or level that nobody here speaks (MQTT 5.0 §3.1.2.2).

    Args:
        protocol_name: What the client calls it.
        protocol_level: The level it asks for, 0..255.
    """

    default_reason_code = 0x84

    def __init__(self, protocol_name: str, protocol_level: int) -> None:
        super().__init__(
            f"protocol {protocol_name[:16]!r} level {protocol_level}", section="3.1.2.2"
        )
        self.protocol_name = protocol_name
        self.protocol_level = protocol_level


class PayloadError(HubError):
    """A payload is not what its vendor documents.

    Args:
        where: Dialect and topic.
        reason: What was expected.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


class UnavailableError(HubError):
    """Something the hub needs is away for the moment; the same request may go through later."""


class StoreUnavailableError(UnavailableError):
    """The store did not take what it was given: full, locked or gone. Nothing of it was stored."""


class BusyError(UnavailableError):
    """A named bound is reached: a queue, a number of connections, a number of open commands."""


class EndpointError(UnavailableError):
    """An HTTP endpoint of somebody else's was to do something, and did not."""


class RequestError(HubError):
    """What was asked for cannot be done as asked.

    Args:
        message: Cause and, where there is one, the cure; a sentence a person can act on.
        path: Where in a file or a document the mistake stands, like ``applications[0].name``.
    """

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path


class NotFoundError(RequestError):
    """What was named is not there."""


class ConflictError(RequestError):
    """What was named is there already, or is used by something else."""


class NotPermittedError(RequestError):
    """Who asks is known, and may not do that."""


class RejectedError(RequestError):
    """A rule of the application says no."""


class ConfigurationError(RequestError):
    """The configuration is wrong: file, key, and the nearest key there is."""
