"""What Drogue Cloud restricts or bends of MQTT."""

from typing import Final

from leafhub.mqtt.policy import AuthPacket, Policy, RefusedPublish, SecondConnect
from leafhub.mqtt.properties import Properties

POLICY: Final = Policy(
    maximum_packet_bytes=4 + 16_384,  # a fixed header that says 16 KiB, and those
    refused_publish_v3=RefusedPublish.CLOSE,
    verbatim_filters=True,
    wildcards_in_topic_names=True,
    second_connect=SecondConnect.IGNORE,
    auth_packet=AuthPacket.ANSWER,
    assign_client_id=False,
    maximum_outgoing_qos=0,
    connack_properties=Properties(
        wildcard_subscription_available=True,
        subscription_identifiers_available=False,
        shared_subscription_available=False,
    ),
)
