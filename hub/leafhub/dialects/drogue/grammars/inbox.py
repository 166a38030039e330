"""The inbox: where devices of Drogue Cloud's own dialects find their commands.

====================================================  ===========================================
filter                                                commands
====================================================  ===========================================
``command/inbox/#``, ``command/inbox/+/#``            its own, and of all it is a gateway for
``command/inbox//#``                                  its own
``command/inbox/<device>/#``                          of that device
====================================================  ===========================================

A command comes on ``command/inbox/<device>/<name>``. The device is left out of its own, unless it
asked for them by name.
"""

import msgspec

from leafhub.model.command import Command

_ALL = "+"


class Inbox(msgspec.Struct, frozen=True):
    """What the grammars with an inbox have in common."""

    def grants(self, topic_filter: str) -> bool:
        """See ``Grammar``."""
        return _whose(topic_filter) is not None

    def command_topic(
        self, topic_filter: str, command: Command, receiver: str | None
    ) -> str | None:
        """See ``Grammar``."""
        whose = _whose(topic_filter)
        if whose in {_ALL, ""} and command.device == receiver:
            return own_topic(command)
        if whose in {_ALL, command.device}:
            return f"command/inbox/{command.device}/{command.name}"
        return None


def own_topic(command: Command) -> str:
    """Where a device finds a command of its own."""
    return f"command/inbox//{command.name}"


def _whose(topic_filter: str) -> str | None:
    """The device a filter names, empty for its own, ``_ALL``; ``None``: it is no inbox."""
    match topic_filter.split("/"):
        case ["command", "inbox", "#"]:
            return _ALL
        case ["command", "inbox", device, "#"]:
            return device
        case _:
            return None
