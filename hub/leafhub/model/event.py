"""One normalised message from a device, in the words of CloudEvents 1.0."""

import enum

import msgspec

DEVICE_EVENT = "io.drogue.event.v1"  # applications written for Drogue Cloud know these three
CONNECTION_EVENT = "io.drogue.connection.v1"
REGISTRY_EVENT = "io.drogue.registry.v1"
COMMAND_EVENT = (
    "io.leafhub.command.v1"  # a step in a command's life line; on the live feed only, never stored
)

JSON = "application/json"
BYTES = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"


class Kind(enum.IntEnum):
    """What an event is about; the numbers are stored."""

    READING = 0  # the value of a channel from now on
    OCCURRENCE = 1  # something happened
    DATA = 2  # a message without a declared meaning
    ANSWER = 3  # what a device said to a command
    CONNECTION = 4  # the device came or went
    REGISTRY = 5  # the device's record changed
    COMMAND = 6  # a command's life line moved on


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message, normalised; its original bytes beside what they mean.

    Attributes:
        id: Unique for its source (CloudEvents ``id``).
        type: CloudEvents ``type``, one of the constants of this module.
        kind: What it is about.
        application: Name of the application.
        device: Id of the device it is about (CloudEvents ``source`` is made of both).
        sender: Id of the device that sent it; differs from ``device`` when a gateway speaks.
        channel: CloudEvents ``subject``; may be empty.
        time_us: When it happened, microseconds since the epoch.
        datacontenttype: Media type of ``data``.
        data: What the message means, encoded as ``datacontenttype`` says.
        topic: Topic name it came in on; empty when it came by no topic.
        raw: The payload as received where it is not ``data`` byte for byte, else ``None``.
        attributes: Further CloudEvents attributes as name and text: ``dataschema`` and extensions.
            None has the name of one that the hub gives.
    """

    id: str
    application: str
    device: str
    sender: str
    channel: str
    time_us: int
    data: bytes
    type: str = DEVICE_EVENT
    kind: Kind = Kind.READING
    datacontenttype: str = JSON
    topic: str = ""
    raw: bytes | None = None
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def held_bytes(self) -> int:
        """What it takes while it waits, as far as a device decides that; about, for text."""
        size = len(self.data) + len(self.topic) + len(self.channel)
        if self.raw is not None:
            size += len(self.raw)
        if self.attributes:
            size += sum(len(name) + len(value) for name, value in self.attributes)
        return size
