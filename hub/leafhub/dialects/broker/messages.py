"""What is published in a topic space: a message for its subscribers, and an event of its user."""

import re
from collections.abc import Sequence
from typing import Final

from leafhub.dialects.base import Arrival, Outcome, Principal
from leafhub.dialects.broker.access import access_of
from leafhub.dialects.broker.settings import NAME, SHOWN, space_of
from leafhub.dialects.cloudevents import content_type_of
from leafhub.dialects.log_text import quoted_topic
from leafhub.dialects.media_type import media_type_of
from leafhub.model.event import BYTES, JSON, TEXT, Event, Kind
from leafhub.model.publication import Publication
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Publish, Will
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.topics import is_topic_name

_MESSAGES: Final = frozenset({Kind.READING, Kind.OCCURRENCE, Kind.DATA, Kind.ANSWER})
_NOT_IN_A_LEVEL = re.compile(r"[%+#/\x00-\x1f\x7f-\x9f]")
_NOT_IN_A_TOPIC = re.compile(r"[%+#\x00-\x1f\x7f-\x9f]")


def published(
    message: Publish | Will, principal: Principal, registry: RegistryView, arrival: Arrival
) -> Outcome:
    """Take in a message, or refuse it."""
    if principal.application is None or principal.device is None:
        return _not_authorized("nobody publishes without a user")
    if not access_of(principal, registry).may_publish(message.topic_name):
        return _not_authorized(f"may not publish to {quoted_topic(message.topic_name)}")
    content_type = _content_type_of(message)
    lifetime_s = message.properties.message_expiry_interval_s
    event = Event(
        id=arrival.ids.uuid(),
        kind=Kind.READING if message.payload and content_type in {JSON, TEXT} else Kind.DATA,
        application=principal.application,
        device=principal.device,
        sender=principal.device,
        channel=message.topic_name,
        time_us=arrival.time_us,
        datacontenttype=content_type,
        data=message.payload,
        topic=message.topic_name,
    )
    publication = Publication(
        space=principal.application,
        topic_name=message.topic_name,
        payload=message.payload,
        qos=message.qos,
        retain=message.retain,
        properties=_passed_on(message.properties),
        expires_us=None if lifetime_s is None else arrival.time_us + lifetime_s * 1_000_000,
    )
    return Outcome(events=(event,), publications=(publication,))


def shown(event: Event, registry: RegistryView) -> Sequence[Publication]:
    """An event of any application, in each space that shows it; the hub's own news in none.

    Not retained: a value without its time would look like news to whoever comes later.
    """
    if event.kind not in _MESSAGES:
        return ()
    spaces = [
        application.name
        for application in registry.applications(NAME)
        if event.application in space_of(application).shows
    ]
    if not spaces:
        return ()
    topic_name = "/".join(
        (
            SHOWN,
            event.application,
            _NOT_IN_A_LEVEL.sub(_percent_encoded, event.device),
            _NOT_IN_A_TOPIC.sub(_percent_encoded, event.channel),
        )
    )
    if not is_topic_name(topic_name):
        return ()  # too long for MQTT
    is_text = event.datacontenttype in {JSON, TEXT}
    properties = Properties(
        payload_format_indicator=1 if is_text else None, content_type=event.datacontenttype
    )
    return [
        Publication(
            space=space, topic_name=topic_name, payload=event.data, qos=1, properties=properties
        )
        for space in spaces
    ]


def _content_type_of(message: Publish | Will) -> str:
    """The type that was declared, unless it lies; else what the payload looks like."""
    declared = message.properties.content_type
    if not declared:
        return media_type_of(message.payload)
    return content_type_of(declared, message.payload) or BYTES


def _passed_on(properties: Properties) -> Properties:
    """The properties that subscribers get unaltered (MQTT 5.0 §3.3.2.3)."""
    if properties is EMPTY:
        return EMPTY
    return Properties(
        payload_format_indicator=properties.payload_format_indicator,
        message_expiry_interval_s=properties.message_expiry_interval_s,
        content_type=properties.content_type,
        response_topic=properties.response_topic,
        correlation_data=properties.correlation_data,
        user_properties=properties.user_properties,
    )


def _percent_encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _not_authorized(log: str) -> Outcome:
    return Outcome(reason_code=ReasonCode.NOT_AUTHORIZED, reason_string="Not authorized", log=log)
