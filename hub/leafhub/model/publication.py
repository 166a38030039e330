"""A message in the topic space of an application, as its subscribers get it and as it is kept."""

import msgspec

from leafhub.mqtt.properties import EMPTY, Properties


class Publication(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One PUBLISH on its way from a publisher to subscribers (MQTT 5.0 §3.3).

    Attributes:
        space: Name of the application whose topic space it is in; a topic is unique in its space.
        topic_name: Where it was published.
        payload: As received; an empty one with ``retain`` takes away what is kept (MQTT-3.3.1-6).
        qos: What it was published with, 0..2.
        retain: Whether it becomes the retained message of its topic.
        properties: Those that are passed on: payload format, content type, response topic,
            correlation data, user properties; Message Expiry Interval as it was received.
        expires_us: Not sent from then on, microseconds since the epoch; ``None``: never ends.
        publisher: Client id of the publisher, for No Local (MQTT-3.8.3-3); the exchange fills it
            in. Empty: no client of this space.
    """

    space: str
    topic_name: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = EMPTY
    expires_us: int | None = None
    publisher: str = ""
