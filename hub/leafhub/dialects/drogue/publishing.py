"""The way of a device's message to its event."""

import msgspec

from leafhub.dialects.base import Arrival, Outcome, Principal
from leafhub.dialects.cloudevents import content_type_of, names_json
from leafhub.dialects.drogue.answers import ANSWERS, read_answer
from leafhub.dialects.drogue.outcomes import NOT_AUTHORIZED, REJECTED, TOPIC_INVALID, refused
from leafhub.dialects.drogue.rules.events import judged
from leafhub.dialects.drogue.settings import key
from leafhub.dialects.drogue.spec import terms_of
from leafhub.dialects.drogue.text_encoding import in_utf_8
from leafhub.dialects.event_attributes import attributes_from
from leafhub.dialects.inquiry import Inquiry
from leafhub.dialects.log_text import quoted, quoted_topic
from leafhub.model.device import Device
from leafhub.model.event import BYTES, JSON, Event, Kind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Publish, Will


def device_of(principal: Principal, registry: RegistryView) -> Device | None:
    """The connected device, as long as there is one."""
    if principal.application is None or principal.device is None:
        return None
    return registry.device(principal.application, principal.device)


def on_publish(
    publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
) -> Outcome | Inquiry[Outcome]:
    """Find out what a message is about, for whom and of what kind, and hand it on."""
    sender = device_of(principal, registry)
    if sender is None:
        return refused(NOT_AUTHORIZED, "the device is gone")
    terms = terms_of(sender, registry)
    if terms.grammar is None:
        return refused(REJECTED, str(terms.trouble))
    topic = terms.grammar.read_topic(publish.topic_name)
    if topic is None:
        named = quoted_topic(publish.topic_name)
        return refused(TOPIC_INVALID, f"topic {named} is none of this dialect")
    device = sender if topic.spoken_for is None else _proxied(topic.spoken_for, sender, registry)
    if device is None:
        return refused(NOT_AUTHORIZED, f"may not speak for {quoted(topic.spoken_for or '')}")
    properties = publish.properties
    declared = properties.content_type or topic.content_type
    payload = data = publish.payload
    if topic.encoding is not None:
        data = in_utf_8(payload, declared or "", topic.encoding)
    content_type = content_type_of(declared, data, keep_json_types=terms.options.keep_json_types)
    if content_type is None:
        return refused(REJECTED, f"the payload is not {quoted(declared or '')}")
    said = topic.properties + properties.user_properties
    event = Event(
        id=arrival.ids.uuid(),
        kind=Kind.READING if content_type == JSON else _kind(content_type),
        application=device.application,
        device=device.id,
        sender=sender.id,
        channel=topic.channel,
        time_us=arrival.time_us,
        datacontenttype=content_type,
        data=data,
        topic=publish.topic_name,
        raw=None if data is payload else payload,
        attributes=attributes_from(said) if said else (),
    )
    updates = read_answer(event) if topic.channel == ANSWERS else ()
    if updates:
        event = msgspec.structs.replace(event, kind=Kind.ANSWER)
    return judged(event, updates, registry)


def on_will(
    will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
) -> Outcome | Inquiry[Outcome]:
    """Its topic is the channel, whatever the grammar; JSON that is none goes as bytes.

    Nobody is there who could be told that it is refused.
    """
    sender = device_of(principal, registry)
    if sender is None:
        return Outcome(log="the device is gone, and its Will with it")
    declared = will.properties.content_type
    keeps = terms_of(sender, registry).options.keep_json_types
    content_type = content_type_of(declared, will.payload, keep_json_types=keeps) or BYTES
    event = Event(
        id=arrival.ids.uuid(),
        kind=_kind(content_type),
        application=sender.application,
        device=sender.id,
        sender=sender.id,
        channel=will.topic_name,
        time_us=arrival.time_us,
        datacontenttype=content_type,
        data=will.payload,
        topic=will.topic_name,
        attributes=attributes_from(will.properties.user_properties),
    )
    return judged(event, (), registry)


def _kind(content_type: str) -> Kind:
    is_json = content_type != BYTES and names_json(content_type)
    return Kind.READING if is_json else Kind.DATA


def _proxied(name: str, sender: Device, registry: RegistryView) -> Device | None:
    """The device of that name or alias if ``sender`` may speak for it; itself by its own name.

    It needs no credentials, may be disabled, and there is no gateway behind a gateway.
    """
    if name == sender.id:
        return sender
    device = registry.lookup(key(sender.application, name))
    if device is None or sender.id not in terms_of(device, registry).gateways:
        return None
    return device
