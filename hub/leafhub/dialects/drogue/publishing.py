"""The way of a device's message to its event."""

import msgspec

from leafhub.dialects.base import Arrival, Outcome, Principal
from leafhub.dialects.cloudevents import names_json
from leafhub.dialects.drogue.answers import read_answer
from leafhub.dialects.drogue.content import Content, read_content
from leafhub.dialects.drogue.grammars.grammar import Topic
from leafhub.dialects.drogue.outcomes import NOT_AUTHORIZED, REJECTED, TOPIC_INVALID, refused
from leafhub.dialects.drogue.rules.events import judged
from leafhub.dialects.drogue.settings import key, settings_of
from leafhub.dialects.drogue.spec import SectionError, gateways_of, grammar_of, options_of
from leafhub.dialects.event_attributes import attributes_from
from leafhub.dialects.log_text import quoted, quoted_topic
from leafhub.model.command import CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import BYTES, Event, Kind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Publish, Will


def device_of(principal: Principal, registry: RegistryView) -> Device | None:
    """The connected device, as long as there is one."""
    if principal.application is None or principal.device is None:
        return None
    return registry.device(principal.application, principal.device)


def on_publish(
    publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
) -> Outcome:
    """Find out what a message is about, for whom and of what kind, and hand it on."""
    sender = device_of(principal, registry)
    if sender is None:
        return refused(NOT_AUTHORIZED, "the device is gone")
    addressed = _addressed(publish.topic_name, sender, registry)
    if isinstance(addressed, Outcome):
        return addressed
    topic, device = addressed
    properties = publish.properties
    declared = properties.content_type or topic.content_type
    keeps_types = declared is not None and options_of(sender, registry).keep_json_types
    content = read_content(publish.payload, declared, topic.encoding, keep_json_types=keeps_types)
    if content is None:
        return refused(REJECTED, f"the payload is not {quoted(declared or '')}")
    event = Event(
        id=arrival.ids.uuid(),
        kind=Kind.READING if names_json(content.datacontenttype) else Kind.DATA,
        application=device.application,
        device=device.id,
        sender=sender.id,
        channel=topic.channel,
        time_us=arrival.time_us,
        datacontenttype=content.datacontenttype,
        data=content.data,
        topic=publish.topic_name,
        raw=content.raw,
        attributes=attributes_from(topic.properties + properties.user_properties),
    )
    update = read_answer(event)
    if update is None:
        return hand_on(event, registry)
    event = msgspec.structs.replace(event, kind=Kind.ANSWER)
    return hand_on(event, registry, (update,))


def on_will(will: Will, principal: Principal, registry: RegistryView, arrival: Arrival) -> Outcome:
    """Its topic is the channel, whatever the grammar; JSON that is none goes as bytes.

    Nobody is there who could be told that it is refused.
    """
    sender = device_of(principal, registry)
    if sender is None:
        return Outcome(log="the device is gone, and its Will with it")
    content = read_content(
        will.payload,
        will.properties.content_type,
        keep_json_types=options_of(sender, registry).keep_json_types,
    ) or Content(BYTES, will.payload)
    event = Event(
        id=arrival.ids.uuid(),
        kind=Kind.READING if names_json(content.datacontenttype) else Kind.DATA,
        application=sender.application,
        device=sender.id,
        sender=sender.id,
        channel=will.topic_name,
        time_us=arrival.time_us,
        datacontenttype=content.datacontenttype,
        data=content.data,
        topic=will.topic_name,
        attributes=attributes_from(will.properties.user_properties),
    )
    return hand_on(event, registry)


def hand_on(
    event: Event, registry: RegistryView, updates: tuple[CommandUpdate, ...] = ()
) -> Outcome:
    """Every event of this dialect leaves it here, whatever it tells of.

    ``updates`` is what it says about commands.
    """
    return judged(event, updates, registry)


def _addressed(
    topic_name: str, sender: Device, registry: RegistryView
) -> tuple[Topic, Device] | Outcome:
    """What a topic says, and the device that this is about; else why that is not taken."""
    try:
        topic = grammar_of(sender, registry).read_topic(topic_name)
    except SectionError as exc:  # it may be changed at any moment
        return refused(REJECTED, str(exc))
    if topic is None:
        return refused(TOPIC_INVALID, f"topic {quoted_topic(topic_name)} is none of this dialect")
    if topic.spoken_for is None:
        return topic, sender
    device = _proxied(topic.spoken_for, sender, registry)
    if device is None:
        return refused(NOT_AUTHORIZED, f"may not speak for {quoted(topic.spoken_for)}")
    return topic, device


def _proxied(name: str, sender: Device, registry: RegistryView) -> Device | None:
    """The device of that name or alias if ``sender`` may speak for it; itself by its own name.

    It needs no credentials, may be disabled, and there is no gateway behind a gateway.
    """
    if name == sender.id:
        return sender
    device = registry.lookup(key(sender.application, name))
    if device is None or settings_of(device).deleted_us is not None:
        return None
    return device if sender.id in gateways_of(device) else None
