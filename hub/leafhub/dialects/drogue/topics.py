"""Drogue Cloud's topics: what a device publishes to, and where its commands come."""

from leafhub.dialects.drogue.spec import DrogueV1, Grammar
from leafhub.model.command import Command


def read_topic(grammar: Grammar, topic: str) -> tuple[str, str | None] | None:
    """Give the channel and the device that is spoken for; nothing is percent-decoded."""
    if not topic:
        return None
    if isinstance(grammar, DrogueV1):
        channel, slash, device = topic.partition("/")
        return None if "/" in device else (channel, device if slash else None)
    if not grammar.device_prefix:
        return topic, None
    device, slash, channel = topic.partition("/")
    return (channel, device or None) if slash else None


def inbox_of(topic_filter: str) -> str | None:
    """Whose commands a filter selects: a name, ``+`` (all), empty (own); ``None``: no inbox."""
    match topic_filter.split("/"):
        case ["command", "inbox", "#"]:
            return "+"
        case ["command", "inbox", device, "#"]:
            return device
        case _:
            return None


def command_topic(topic_filter: str, command: Command, receiver: str | None) -> str | None:
    """The topic of a command under one subscription; ``None``: it does not select it."""
    inbox = inbox_of(topic_filter)
    if inbox == command.device:
        return f"command/inbox/{command.device}/{command.name}"
    own = command.device == receiver
    if own and inbox in {"+", ""}:
        return f"command/inbox//{command.name}"
    if inbox == "+":
        return f"command/inbox/{command.device}/{command.name}"
    return None
