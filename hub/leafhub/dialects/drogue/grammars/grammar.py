"""What a grammar is: a way of saying with topics what a message is about, and for whom.

A grammar is chosen by ``spec.mqtt.dialect``. The one of the connecting device rules, also where
that one speaks or listens for others. Nothing is ever percent-decoded, and names are compared
letter by letter.
"""

from typing import Protocol

import msgspec

from leafhub.model.command import Command


class Topic(msgspec.Struct, frozen=True, gc=False):
    """What a device says with the topic name of a PUBLISH.

    Attributes:
        channel: May be empty.
        spoken_for: Name or alias of the device it speaks for, which may be itself; ``None``: it
            speaks for itself.
        content_type: Of the payload, where the topic says so.
        encoding: Of a text in the payload, one of ``ENCODINGS``, where the topic says so.
        properties: What else it says, in order.
    """

    channel: str
    spoken_for: str | None = None
    content_type: str | None = None
    encoding: str | None = None
    properties: tuple[tuple[str, str], ...] = ()


class Grammar(Protocol):
    """Reads topics of devices and makes those of their commands."""

    def read_topic(self, topic_name: str) -> Topic | None:
        """What a topic name says; ``None``: it is none of this grammar."""
        ...

    def grants(self, topic_filter: str) -> bool:
        """Whether commands may come under this filter."""
        ...

    def command_topic(
        self, topic_filter: str, command: Command, receiver: str | None
    ) -> str | None:
        """The topic of a command under one granted filter; ``None``: it does not select it.

        ``receiver`` is the connected device: the target, or a gateway in front of it.
        """
        ...
