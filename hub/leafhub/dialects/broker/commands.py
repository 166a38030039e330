"""Commands of an ordinary broker: a message on a topic that the user's own client subscribed to.

Other subscribers of the topic do not get it: a command has one target, and its life line tells
what became of it there.
"""

import re
from collections.abc import Sequence

import msgspec

from leafhub.dialects.base import Receiver
from leafhub.dialects.broker.settings import space_of, user_of
from leafhub.errors import RequestError
from leafhub.model.command import Command
from leafhub.model.event import JSON, TEXT
from leafhub.model.registry import RegistryView
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.session_state import OutgoingMessage
from leafhub.mqtt.topics import is_topic_name, split_share, topic_matches

_MARK = re.compile("%(.?)", re.DOTALL)
_MARKS = frozenset("nu%")


def is_command_pattern(pattern: str) -> bool:
    """Whether topics for commands can be made of it: ``%n`` is the name, ``%u`` the user."""
    marks = set(_MARK.findall(pattern))
    return "n" in marks and marks <= _MARKS and is_topic_name(_fill(pattern, "x", "x"))


def check(command: Command, registry: RegistryView) -> Command:
    """Give a command back as its user gets it: JSON text as the text itself, all else as it is.

    Whoever sends one in JSON has no other way to write ``ON``, and no plain device wants quotes.

    Raises:
        RequestError: It can never arrive.
    """
    topic_name = _topic_of(command, registry)
    if topic_name is None or not is_topic_name(topic_name):
        raise RequestError(
            f"{command.name!r} cannot stand in a topic; leave out '+', '#' and NUL", path="name"
        )
    device = registry.device(command.application, command.device)
    if device is not None and not device.enabled:
        raise RequestError(f"user {device.id!r} is disabled; enable it first")
    if command.datacontenttype != JSON or not command.data.startswith(b'"'):
        return command
    try:
        text = _text_decoder.decode(command.data)
    except msgspec.DecodeError:
        return command
    return msgspec.structs.replace(command, data=text.encode(), datacontenttype=TEXT)


def deliver(
    command: Command, receiver: Receiver, registry: RegistryView
) -> Sequence[OutgoingMessage]:
    """One message, with the best QoS that the connection subscribed its topic with."""
    topic_name = _topic_of(command, registry)
    if topic_name is None:
        return ()
    matching = [
        subscription
        for subscription in receiver.subscriptions
        if topic_matches(split_share(subscription.topic_filter)[1], topic_name)
    ]
    if not matching:
        return ()
    identifiers = (subscription.subscription_identifier for subscription in matching)
    message = OutgoingMessage(
        topic_name=topic_name,
        payload=command.data,
        qos=max(subscription.qos for subscription in matching),
        properties=Properties(
            content_type=command.datacontenttype or None,
            subscription_identifiers=tuple(one for one in identifiers if one is not None),
        ),
    )
    return (message,)


def _topic_of(command: Command, registry: RegistryView) -> str | None:
    application = registry.application(command.application)
    device = registry.device(command.application, command.device)
    if application is None or device is None:
        return None
    pattern = user_of(device).command_topic or space_of(application).command_topic
    return _fill(pattern, command.name, device.id)


def _fill(pattern: str, name: str, user: str) -> str:
    return _MARK.sub(lambda found: {"n": name, "u": user}.get(found[1], "%"), pattern)


_text_decoder = msgspec.json.Decoder(str)
